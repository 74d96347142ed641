use std::{path::Path, time::Duration};

use rohrpost_mail::{Notify, Ret};

use super::{super::environment::testing::host, *};

fn read(key: &str, argument: &str) -> Result<Settings, BadArgument> {
    let mut settings = Settings::default();
    let key = Key::named(key).unwrap_or_else(|| panic!("{key} is no key"));
    Setting::new(key, argument, &host(Path::new("/srv")))?.apply(&mut settings);
    Ok(settings)
}

/// A key, an argument it takes, and what that must lead to.
type Case = (&'static str, &'static str, fn(&Settings) -> bool);

const SHA256: &str = "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

#[test]
fn every_key_does_what_it_says() {
    let cases: [Case; 96] = [
        ("host", "a.example 192.0.2.1 ::1", |s| s.hosts == ["a.example", "192.0.2.1", "::1"]),
        ("port", "587", |s| s.port() == 587),
        ("source_ip", "192.0.2.9", |s| s.source_ip == "192.0.2.9".parse().ok()),
        ("source_ip", "", |s| s.source_ip.is_none()),
        ("proxy_host", "127.0.0.1", |s| s.proxy_host.as_deref() == Some("127.0.0.1")),
        ("proxy_host", "", |s| s.proxy_host.is_none()),
        ("proxy_port", "9050", |s| s.proxy_port == Some(9050)),
        ("proxy_port", "", |s| s.proxy_port.is_none()),
        ("socket", "~/lmtp", |s| s.socket.as_deref() == Some(Path::new("/srv/home/lmtp"))),
        ("timeout", "60", |s| s.timeout == Some(Duration::from_mins(1))),
        ("timeout", "off", |s| s.timeout.is_none()),
        ("connect_timeout", "5", |s| s.timeout == Some(Duration::from_secs(5))),
        ("protocol", "lmtp", |s| s.lmtp),
        ("protocol", "smtp", |s| !s.lmtp),
        ("domain", "%H.example", |s| s.domain == "%H.example"),
        ("auth", "", |s| s.auth == Auth::Choose),
        ("auth", "on", |s| s.auth == Auth::Choose),
        ("auth", "off", |s| s.auth == Auth::Off),
        ("auth", "plain", |s| s.auth == Auth::Only("plain")),
        ("auth", "scram-sha-256-plus", |s| s.auth == Auth::Only("scram-sha-256-plus")),
        ("auth", "ntlm", |s| s.auth == Auth::Only("ntlm")),
        ("user", "joe smith", |s| s.user.as_deref() == Some("joe smith")),
        ("user", "", |s| s.user.is_none()),
        ("password", "x y", |s| s.password.as_ref().is_some_and(|secret| secret.expose() == "x y")),
        ("passwordeval", "echo x", |s| s.passwordeval.as_deref() == Some("echo x")),
        ("ntlmdomain", "OFFICE", |s| s.ntlmdomain.as_deref() == Some("OFFICE")),
        ("tls", "", |s| s.tls.on && s.port() == 25),
        ("tls", "off", |s| !s.tls.on),
        ("tls_starttls", "off", |s| !s.tls.starttls),
        ("tls_starttls", "", |s| s.tls.starttls),
        ("tls_certcheck", "off", |s| !s.tls.certcheck),
        ("tls_certcheck", "on", |s| s.tls.certcheck),
        ("tls_trust_file", "system", |s| s.tls.trust_file == TrustFile::System),
        ("tls_trust_file", "", |s| s.tls.trust_file == TrustFile::None),
        ("tls_trust_file", "~/ca", |s| s.tls.trust_file == TrustFile::File("/srv/home/ca".into())),
        ("tls_crl_file", "/crl", |s| s.tls.crl_file.is_some()),
        ("tls_crl_file", "", |s| s.tls.crl_file.is_none()),
        (
            "tls_fingerprint",
            SHA256,
            |s| matches!(&s.tls.fingerprint, Some(Fingerprint::Sha256(hex)) if hex.len() == 64),
        ),
        ("tls_fingerprint", "00112233445566778899aabbccddeeff", |s| {
            matches!(s.tls.fingerprint, Some(Fingerprint::Old(_)))
        }),
        ("tls_fingerprint", "", |s| s.tls.fingerprint.is_none()),
        ("tls_host_override", "mx.example", |s| s.tls.host_override.as_deref() == Some("mx.example")),
        ("tls_key_file", "/key", |s| s.tls.key_file.is_some()),
        ("tls_cert_file", "/cert", |s| s.tls.cert_file.is_some()),
        ("tls_priorities", "NORMAL", |s| s.tls.priorities.as_deref() == Some("NORMAL")),
        ("tls_priorities", "", |s| s.tls.priorities.is_none()),
        ("from", "*@x.example", |s| s.from.as_deref() == Some("*@x.example")),
        ("from_full_name", "Joe", |s| s.from_full_name.as_deref() == Some("Joe")),
        ("allow_from_override", "off", |s| !s.allow_from_override),
        ("dsn_notify", "failure,delay", |s| {
            s.dsn_notify == Some(Notify { failure: true, delay: true, ..Notify::NEVER })
        }),
        ("dsn_notify", "fail", |s| s.dsn_notify == Some(Notify { failure: true, ..Notify::NEVER })),
        ("dsn_notify", "never", |s| s.dsn_notify == Some(Notify::NEVER)),
        ("dsn_notify", "off", |s| s.dsn_notify.is_none()),
        ("dsn_return", "headers", |s| s.dsn_return == Some(Ret::Hdrs)),
        ("dsn_return", "hdrs", |s| s.dsn_return == Some(Ret::Hdrs)),
        ("dsn_return", "full", |s| s.dsn_return == Some(Ret::Full)),
        ("dsn_return", "off", |s| s.dsn_return.is_none()),
        ("set_from_header", "", |s| s.set_from_header == When::On),
        ("set_from_header", "auto", |s| s.set_from_header == When::Auto),
        ("set_from_header", "off", |s| s.set_from_header == When::Off),
        ("set_date_header", "on", |s| s.set_date_header == When::On),
        ("set_date_header", "off", |s| s.set_date_header == When::Off),
        ("set_msgid_header", "on", |s| s.set_msgid_header == When::On),
        ("set_msgid_header", "off", |s| s.set_msgid_header == When::Off),
        ("set_to_header", "on", |s| s.set_to_header == To::On),
        ("set_to_header", "off", |s| s.set_to_header == To::Off),
        ("set_to_header", "undisclosed_recipients", |s| s.set_to_header == To::UndisclosedRecipients),
        ("remove_bcc_headers", "off", |s| !s.remove_bcc_headers),
        ("remove_bcc_headers", "", |s| s.remove_bcc_headers),
        ("logfile", "~/log", |s| s.logfile.as_deref() == Some("/srv/home/log")),
        ("logfile", "-", |s| s.logfile.as_deref() == Some("-")),
        ("logfile", "", |s| s.logfile.is_none()),
        ("logfile_time_format", "%F", |s| s.logfile_time_format == TimeFormat::Strftime("%F".into())),
        ("logfile_time_format", "none", |s| s.logfile_time_format == TimeFormat::None),
        ("logfile_time_format", "", |s| s.logfile_time_format == TimeFormat::Usual),
        ("syslog", "", |s| s.syslog == Some(Facility::USER)),
        ("syslog", "LOG_MAIL", |s| s.syslog.is_some_and(|facility| facility.number == 2)),
        ("syslog", "LOG_LOCAL7", |s| s.syslog.is_some_and(|facility| facility.number == 23)),
        ("syslog", "off", |s| s.syslog.is_none()),
        ("aliases", "/aliases", |s| s.aliases.as_deref() == Some(Path::new("/aliases"))),
        ("aliases", "", |s| s.aliases.is_none()),
        ("auto_from", "on", |s| s.auto_from),
        ("maildomain", "x.example", |s| s.maildomain.as_deref() == Some("x.example")),
        ("add_missing_from_header", "off", |s| s.set_from_header == When::Off),
        ("add_missing_from_header", "on", |s| s.set_from_header == When::Auto),
        ("add_missing_date_header", "off", |s| s.set_date_header == When::Off),
        ("add_missing_date_header", "", |s| s.set_date_header == When::Auto),
        ("undisclosed_recipients", "", |s| s.set_to_header == To::UndisclosedRecipients),
        ("undisclosed_recipients", "off", |s| s.set_to_header == To::Off),
        ("keepbcc", "on", |s| !s.remove_bcc_headers),
        ("keepbcc", "off", |s| s.remove_bcc_headers),
        ("tls_min_dh_prime_bits", "1024", |s| s.tls.min_dh_prime_bits == Some(1024)),
        ("tls_min_dh_prime_bits", "", |s| s.tls.min_dh_prime_bits.is_none()),
        ("tls_force_sslv3", "on", |s| !s.tls.on),
        ("tls_nocertcheck", "", |s| !s.tls.certcheck),
        ("tls_nostarttls", "", |s| !s.tls.starttls),
        ("tls_starttls", "on", |s| s.tls.starttls),
    ];
    for (key, argument, expected) in cases {
        let settings = read(key, argument).unwrap_or_else(|_| panic!("{key} {argument:?} was refused"));
        assert!(expected(&settings), "{key} {argument:?}");
    }
    let untried: Vec<_> =
        KEYS.iter().map(|key| key.name).filter(|name| cases.iter().all(|case| case.0 != *name)).collect();
    assert_eq!(untried, Vec::<&str>::new(), "each key has a case");
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let cases = [
        ("host", ""),
        ("port", "0"),
        ("port", "65536"),
        ("port", ""),
        ("source_ip", "localhost"),
        ("proxy_port", "x"),
        ("timeout", "0"),
        ("timeout", "-1"),
        ("protocol", "esmtp"),
        ("auth", "scram"),
        ("tls", "maybe"),
        ("tls", "ON"),
        ("tls_fingerprint", "11"),
        ("tls_host_override", "a b"),
        ("dsn_notify", "off,success"),
        ("dsn_notify", "sometimes"),
        ("dsn_return", "half"),
        ("set_from_header", "maybe"),
        ("syslog", "LOG_KERN"),
        ("logfile_time_format", "%"),
        ("tls_nocertcheck", "on"),
        ("tls_force_sslv3", "maybe"),
    ];
    for (key, argument) in cases {
        assert!(read(key, argument).is_err(), "{key} {argument:?}");
    }
}

#[test]
fn tls_without_starttls_has_a_port_of_its_own() {
    let mut settings = Settings::default();
    settings.tls.on = true;
    settings.tls.starttls = false;
    assert_eq!(settings.port(), 465);
}

#[test]
fn a_setting_never_shows_its_argument() {
    let setting = Setting::new(Key::named("password").unwrap(), "secret", &host(Path::new("/srv"))).unwrap();
    assert_eq!(format!("{setting:?}"), "password …");
}
