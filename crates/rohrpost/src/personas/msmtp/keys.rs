//! The keys of msmtprc, each in one row: its name, what kind of argument it takes, and what it does to the [`Settings`].
//!
//! Most are options of the command line, too (`tls_starttls` and `--tls-starttls`). A [`Setting`] is a key with an argument
//! that was found good; applying it cannot fail any more.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use rohrpost_mail::{Domain, Notify, Ret, Secret};

use super::{
    environment::Environment,
    log,
    settings::{Auth, Facility, Fingerprint, MECHANISMS, Settings, TimeFormat, To, TrustFile, UNSPOKEN, When},
};

/// What kind of argument a key takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Needs an argument.
    Needed,
    /// An empty argument unsets it.
    Text,
    /// A file, as [`Kind::Text`]; a leading tilde is the home directory.
    Path,
    /// Without an argument it is on.
    Switch,
}

/// Where a key may stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// In files only.
    File,
    /// In files and, with hyphens, on the command line.
    Everywhere,
}

/// The argument is none that the key takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BadArgument;

type Read = fn(&mut Settings, &str) -> Result<(), BadArgument>;

/// One key.
pub(super) struct Key {
    /// Its name in files.
    pub(super) name: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// Where it may stand.
    pub(super) place: Place,
    read: Read,
}

impl Key {
    /// The key with this name in files.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The name of the option on the command line, without the two hyphens.
    pub(super) fn option(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// A key with its argument.
#[derive(Clone)]
pub(super) struct Setting {
    /// The key.
    pub(super) key: &'static Key,
    argument: Arc<str>,
}

impl Setting {
    /// Checks the argument by trying it.
    pub(super) fn new(key: &'static Key, argument: &str, environment: &Environment) -> Result<Self, BadArgument> {
        let argument = match key.kind {
            Kind::Needed if argument.is_empty() => return Err(BadArgument),
            Kind::Switch if argument.is_empty() => "on".to_owned(),
            Kind::Path => environment.expand_tilde(argument),
            _ => argument.to_owned(),
        };
        (key.read)(&mut Settings::default(), &argument)?;
        Ok(Self { key, argument: argument.into() })
    }

    /// Does what the key says.
    pub(super) fn apply(&self, settings: &mut Settings) {
        (self.key.read)(settings, &self.argument).expect("the argument was tried when the setting was made");
    }
}

/// Without the argument, which may be a password.
impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} …", self.key.name)
    }
}

/// A key of files and the command line.
const fn key(name: &'static str, kind: Kind, read: Read) -> Key {
    Key { name, kind, place: Place::Everywhere, read }
}

/// A key of files only.
const fn file_key(name: &'static str, kind: Kind, read: Read) -> Key {
    Key { name, kind, place: Place::File, read }
}

/// Every key, those of old releases last.
pub(super) static KEYS: [Key; 49] = [
    key("host", Kind::Needed, |to, text| set(&mut to.hosts, Ok(hosts(text)))),
    key("port", Kind::Needed, |to, text| set(&mut to.port, positive(text).map(Some))),
    key("source_ip", Kind::Text, |to, text| set(&mut to.source_ip, optional(text, parsed))),
    key("proxy_host", Kind::Text, |to, text| set(&mut to.proxy_host, Ok(some(text)))),
    key("proxy_port", Kind::Text, |to, text| set(&mut to.proxy_port, optional(text, positive))),
    key("socket", Kind::Path, |to, text| set(&mut to.socket, Ok(some(text)))),
    key("timeout", Kind::Needed, |to, text| set(&mut to.timeout, timeout(text))),
    key("connect_timeout", Kind::Needed, |to, text| set(&mut to.timeout, timeout(text))),
    key("protocol", Kind::Needed, |to, text| set(&mut to.lmtp, word(text, &[("smtp", false), ("lmtp", true)]))),
    key("domain", Kind::Needed, |to, text| set(&mut to.domain, Ok(text.to_owned()))),
    key("auth", Kind::Switch, |to, text| set(&mut to.auth, auth(text))),
    key("user", Kind::Text, |to, text| set(&mut to.user, Ok(some(text)))),
    file_key("password", Kind::Text, |to, text| set(&mut to.password, optional(text, |text| Ok(Secret::new(text))))),
    key("passwordeval", Kind::Text, |to, text| set(&mut to.passwordeval, Ok(some(text)))),
    file_key("ntlmdomain", Kind::Text, |to, text| set(&mut to.ntlmdomain, Ok(some(text)))),
    key("tls", Kind::Switch, |to, text| set(&mut to.tls.on, switch(text))),
    key("tls_starttls", Kind::Switch, |to, text| set(&mut to.tls.starttls, switch(text))),
    key("tls_certcheck", Kind::Switch, |to, text| set(&mut to.tls.certcheck, switch(text))),
    key("tls_trust_file", Kind::Path, |to, text| set(&mut to.tls.trust_file, Ok(trust_file(text)))),
    key("tls_crl_file", Kind::Path, |to, text| set(&mut to.tls.crl_file, Ok(some(text)))),
    key("tls_fingerprint", Kind::Text, |to, text| set(&mut to.tls.fingerprint, optional(text, fingerprint))),
    key("tls_host_override", Kind::Text, |to, text| set(&mut to.tls.host_override, optional(text, host_name))),
    key("tls_key_file", Kind::Path, |to, text| set(&mut to.tls.key_file, Ok(some(text)))),
    key("tls_cert_file", Kind::Path, |to, text| set(&mut to.tls.cert_file, Ok(some(text)))),
    key("tls_priorities", Kind::Text, |to, text| set(&mut to.tls.priorities, Ok(some(text)))),
    key("from", Kind::Text, |to, text| set(&mut to.from, Ok(some(text)))),
    file_key("from_full_name", Kind::Text, |to, text| set(&mut to.from_full_name, Ok(some(text)))),
    file_key("allow_from_override", Kind::Switch, |to, text| set(&mut to.allow_from_override, switch(text))),
    key("dsn_notify", Kind::Needed, |to, text| set(&mut to.dsn_notify, notify(text))),
    key("dsn_return", Kind::Needed, |to, text| set(&mut to.dsn_return, word(text, &RETURNS))),
    key("set_from_header", Kind::Switch, |to, text| set(&mut to.set_from_header, word(text, &WHENS))),
    key("set_date_header", Kind::Switch, |to, text| set(&mut to.set_date_header, word(text, &WHENS))),
    key("set_msgid_header", Kind::Switch, |to, text| set(&mut to.set_msgid_header, word(text, &WHENS))),
    key("set_to_header", Kind::Switch, |to, text| set(&mut to.set_to_header, word(text, &TOS))),
    key("remove_bcc_headers", Kind::Switch, |to, text| set(&mut to.remove_bcc_headers, switch(text))),
    key("logfile", Kind::Path, |to, text| set(&mut to.logfile, Ok(some(text)))),
    key("logfile_time_format", Kind::Text, |to, text| set(&mut to.logfile_time_format, time_format(text))),
    key("syslog", Kind::Switch, |to, text| set(&mut to.syslog, facility(text))),
    key("aliases", Kind::Path, |to, text| set(&mut to.aliases, Ok(some(text)))),
    key("auto_from", Kind::Switch, |to, text| set(&mut to.auto_from, switch(text))),
    key("maildomain", Kind::Text, |to, text| set(&mut to.maildomain, optional(text, host_name))),
    key("add_missing_from_header", Kind::Switch, |to, text| set(&mut to.set_from_header, missing(text))),
    key("add_missing_date_header", Kind::Switch, |to, text| set(&mut to.set_date_header, missing(text))),
    key("undisclosed_recipients", Kind::Switch, |to, text| set(&mut to.set_to_header, undisclosed(text))),
    key("keepbcc", Kind::Switch, |to, text| set(&mut to.remove_bcc_headers, switch(text).map(|keep| !keep))),
    key("tls_min_dh_prime_bits", Kind::Text, |to, text| set(&mut to.tls.min_dh_prime_bits, optional(text, positive))),
    key("tls_force_sslv3", Kind::Switch, |_, text| switch(text).map(drop)),
    file_key("tls_nocertcheck", Kind::Text, |to, text| set(&mut to.tls.certcheck, bare(text, false))),
    file_key("tls_nostarttls", Kind::Text, |to, text| set(&mut to.tls.starttls, bare(text, false))),
];

const WHENS: [(&str, When); 3] = [("auto", When::Auto), ("on", When::On), ("off", When::Off)];
const TOS: [(&str, To); 3] = [("off", To::Off), ("on", To::On), ("undisclosed_recipients", To::UndisclosedRecipients)];
/// `hdrs` is Sendmail's word for it.
const RETURNS: [(&str, Option<Ret>); 4] =
    [("off", None), ("headers", Some(Ret::Hdrs)), ("hdrs", Some(Ret::Hdrs)), ("full", Some(Ret::Full))];

/// Puts what was read into its place.
fn set<T>(place: &mut T, value: Result<T, BadArgument>) -> Result<(), BadArgument> {
    *place = value?;
    Ok(())
}

/// The text, or nothing where it is empty.
fn some<T: From<String>>(text: &str) -> Option<T> {
    (!text.is_empty()).then(|| text.to_owned().into())
}

/// Nothing for an empty text, else what is read from it.
fn optional<T>(text: &str, read: impl FnOnce(&str) -> Result<T, BadArgument>) -> Result<Option<T>, BadArgument> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

fn parsed<T: FromStr>(text: &str) -> Result<T, BadArgument> {
    text.parse().map_err(|_| BadArgument)
}

fn word<T: Clone>(text: &str, words: &[(&str, T)]) -> Result<T, BadArgument> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone()).ok_or(BadArgument)
}

fn switch(text: &str) -> Result<bool, BadArgument> {
    word(text, &[("on", true), ("off", false)])
}

/// Keys that take no argument at all.
fn bare<T>(text: &str, value: T) -> Result<T, BadArgument> {
    text.is_empty().then_some(value).ok_or(BadArgument)
}

fn positive<T: FromStr + Default + PartialEq>(text: &str) -> Result<T, BadArgument> {
    parsed(text).and_then(|number| if number == T::default() { Err(BadArgument) } else { Ok(number) })
}

/// Whether each is a name is asked where it is connected to: one account's mistake is not every account's.
fn hosts(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// A name or an address, without the brackets that SMTP puts around addresses.
fn host_name(text: &str) -> Result<String, BadArgument> {
    let is_host = text.parse::<IpAddr>().is_ok() || Domain::parse(text).is_ok();
    is_host.then(|| text.to_owned()).ok_or(BadArgument)
}

fn timeout(text: &str) -> Result<Option<Duration>, BadArgument> {
    if text == "off" {
        return Ok(None);
    }
    positive(text).map(|seconds: u32| Some(Duration::from_secs(seconds.into())))
}

fn auth(text: &str) -> Result<Auth, BadArgument> {
    let named = || MECHANISMS.iter().chain(&UNSPOKEN).find(|known| **known == text);
    match text {
        "on" => Ok(Auth::Choose),
        "off" => Ok(Auth::Off),
        _ => named().map(|known| Auth::Only(known)).ok_or(BadArgument),
    }
}

fn trust_file(text: &str) -> TrustFile {
    match text {
        "" => TrustFile::None,
        "system" => TrustFile::System,
        file => TrustFile::File(file.into()),
    }
}

fn fingerprint(text: &str) -> Result<Fingerprint, BadArgument> {
    Fingerprint::read(text).ok_or(BadArgument)
}

/// `fail` is what mutt says.
fn notify(text: &str) -> Result<Option<Notify>, BadArgument> {
    if text == "off" {
        return Ok(None);
    }
    let words: Vec<_> = text.split(',').map(|word| if word == "fail" { "failure" } else { word }).collect();
    parsed(&words.join(",")).map(Some)
}

fn time_format(text: &str) -> Result<TimeFormat, BadArgument> {
    match text {
        "" => Ok(TimeFormat::Usual),
        "none" => Ok(TimeFormat::None),
        format if log::is_time_format(format) => Ok(TimeFormat::Strftime(format.to_owned())),
        _ => Err(BadArgument),
    }
}

fn facility(text: &str) -> Result<Option<Facility>, BadArgument> {
    match text {
        "on" => Ok(Some(Facility::USER)),
        "off" => Ok(None),
        name => Facility::named(name).map(Some).ok_or(BadArgument),
    }
}

/// Old words for `auto` and `off`.
fn missing(text: &str) -> Result<When, BadArgument> {
    word(text, &[("on", When::Auto), ("off", When::Off)])
}

fn undisclosed(text: &str) -> Result<To, BadArgument> {
    word(text, &[("on", To::UndisclosedRecipients), ("off", To::Off)])
}

#[cfg(test)]
mod tests;
