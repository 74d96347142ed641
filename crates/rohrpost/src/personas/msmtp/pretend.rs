//! `--pretend`: the settings that would be used, one a line, as msmtp shows them.

use std::fmt::Display;

use rohrpost_mail::Ret;

use super::{
    accounts::Chosen,
    environment::Environment,
    options::Options,
    settings::{Auth, Fingerprint, Settings, TimeFormat, Tls, To, TrustFile, When},
};

/// The account, its settings, and where the recipients come from.
pub(super) fn account(options: &Options, chosen: &Chosen, environment: &Environment) -> String {
    let mut settings = chosen.settings.clone();
    settings.domain = environment.expand_patterns(&settings.domain);
    settings.from = settings.from.map(|from| environment.expand_patterns(&from));
    if settings.allow_from_override {
        settings.from = options.from.clone().or(settings.from);
    }
    if options.debug {
        // What --debug shows is sent to others, and a command line can hold the password itself, as that of `echo` does.
        settings.passwordeval = settings.passwordeval.map(|_| "*".to_owned());
    }
    let more = if options.read_recipients { " and the mail" } else { "" };
    let (origin, rows) = (&chosen.origin, text(&settings));
    format!("using {origin}\n{rows}reading recipients from the command line{more}\n")
}

/// One line for each setting. Nothing of a password is shown, not even its length.
fn text(settings: &Settings) -> String {
    let rows = [server(settings), log_in(settings), tls(&settings.tls), message(settings)];
    let lines: Vec<_> = rows.iter().flatten().map(|(name, value)| format!("{name} = {value}\n")).collect();
    lines.concat()
}

type Row = (&'static str, String);

fn server(settings: &Settings) -> Vec<Row> {
    vec![
        ("host", list(&settings.hosts)),
        ("port", settings.port().to_string()),
        ("source_ip", set(settings.source_ip)),
        ("proxy_host", set(settings.proxy_host.as_ref())),
        ("proxy_port", set(settings.proxy_port)),
        ("socket", set(settings.socket.as_ref().map(|path| path.display()))),
        ("timeout", settings.timeout.map_or("off".to_owned(), |limit| format!("{} seconds", limit.as_secs()))),
        ("protocol", if settings.lmtp { "lmtp" } else { "smtp" }.to_owned()),
        ("domain", settings.domain.clone()),
    ]
}

fn log_in(settings: &Settings) -> Vec<Row> {
    let auth = match settings.auth {
        Auth::Off => "none",
        Auth::Choose => "choose",
        Auth::Only(name) => name,
    };
    vec![
        ("auth", auth.to_owned()),
        ("user", set(settings.user.as_ref())),
        ("password", set(settings.password.as_ref().map(|_| "*"))),
        ("passwordeval", set(settings.passwordeval.as_ref())),
        ("ntlmdomain", set(settings.ntlmdomain.as_ref())),
    ]
}

fn tls(tls: &Tls) -> Vec<Row> {
    let trust_file = match &tls.trust_file {
        TrustFile::None => set(None::<&str>),
        TrustFile::System => "system".to_owned(),
        TrustFile::File(file) => file.display().to_string(),
    };
    let fingerprint = tls.fingerprint.as_ref().map(|found| match found {
        Fingerprint::Sha256(digits) | Fingerprint::Old(digits) => colons(digits),
    });
    let file = |file: &Option<std::path::PathBuf>| set(file.as_ref().map(|file| file.display()));
    vec![
        ("tls", on(tls.on)),
        ("tls_starttls", on(tls.starttls)),
        ("tls_trust_file", trust_file),
        ("tls_crl_file", file(&tls.crl_file)),
        ("tls_fingerprint", set(fingerprint)),
        ("tls_key_file", file(&tls.key_file)),
        ("tls_cert_file", file(&tls.cert_file)),
        ("tls_certcheck", on(tls.certcheck)),
        ("tls_min_dh_prime_bits", set(tls.min_dh_prime_bits)),
        ("tls_priorities", set(tls.priorities.as_ref())),
        ("tls_host_override", set(tls.host_override.as_ref())),
    ]
}

fn message(settings: &Settings) -> Vec<Row> {
    let to = match settings.set_to_header {
        To::Off => "off",
        To::On => "on",
        To::UndisclosedRecipients => "undisclosed_recipients",
    };
    let returned = settings.dsn_return.map(|ret| if ret == Ret::Full { "full" } else { "headers" });
    let time = match &settings.logfile_time_format {
        TimeFormat::Usual => set(None::<&str>),
        TimeFormat::None => "none".to_owned(),
        TimeFormat::Strftime(format) => format.clone(),
    };
    vec![
        ("auto_from", on(settings.auto_from)),
        ("maildomain", set(settings.maildomain.as_ref())),
        ("from", set(settings.from.as_ref())),
        ("from_full_name", set(settings.from_full_name.as_ref())),
        ("allow_from_override", on(settings.allow_from_override)),
        ("set_from_header", when(settings.set_from_header)),
        ("set_date_header", when(settings.set_date_header)),
        ("set_msgid_header", when(settings.set_msgid_header)),
        ("set_to_header", to.to_owned()),
        ("remove_bcc_headers", on(settings.remove_bcc_headers)),
        ("dsn_notify", set(settings.dsn_notify)),
        ("dsn_return", set(returned)),
        ("logfile", set(settings.logfile.as_ref())),
        ("logfile_time_format", time),
        ("syslog", set(settings.syslog.map(|facility| facility.name))),
        ("aliases", set(settings.aliases.as_ref().map(|file| file.display()))),
    ]
}

fn set(value: Option<impl Display>) -> String {
    value.map_or_else(|| "(not set)".to_owned(), |value| value.to_string())
}

fn list(values: &[String]) -> String {
    set((!values.is_empty()).then(|| values.join(" ")))
}

fn on(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn when(when: When) -> String {
    match when {
        When::Auto => "auto",
        When::On => "on",
        When::Off => "off",
    }
    .to_owned()
}

/// Hexadecimal digits in pairs: how msmtp and `tls_fingerprint` write them.
pub(super) fn colons(digits: &str) -> String {
    let pairs: Vec<_> = digits.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::Secret;

    use super::*;

    #[test]
    fn every_setting_has_its_line_and_the_password_a_star() {
        let settings = Settings {
            hosts: vec!["a.example".into(), "b.example".into()],
            password: Some(Secret::new("hunter2")),
            ..Settings::default()
        };
        insta::assert_snapshot!(text(&settings));
    }

    #[test]
    fn fingerprints_are_pairs() {
        assert_eq!(colons("00aaff"), "00:AA:FF");
    }
}
