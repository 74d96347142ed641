//! From settings to servers: what an account means in the words of the sending library.

use std::{net::IpAddr, time::Duration};

use rohrpost_mail::{Domain, Host, Secret};
use rohrpost_sender::{Login, Mechanism, MinTls, Proxy, SecretSource, Security, Server, Timeouts, Trust};
use rohrpost_tls::CertPair;

use super::{
    environment::Environment,
    fault::Fault,
    priorities,
    settings::{Auth, Fingerprint, Settings, Tls, TrustFile, UNSPOKEN},
};
use crate::exit::Exit;

/// The port of a SOCKS proxy where none is named.
const SOCKS_PORT: u16 = 1080;

/// The servers of an account, in the order in which they are tried, and what its user should be told.
#[derive(Debug)]
pub(super) struct Servers {
    /// At least one.
    pub(super) servers: Vec<Server>,
    /// Settings that are not what they seem.
    pub(super) warnings: Vec<String>,
}

/// Makes them, without a log-in.
pub(super) fn servers(settings: &Settings, environment: &Environment) -> Result<Servers, Fault> {
    let mut warnings = Vec::new();
    let places = match &settings.socket {
        Some(path) => vec![Server::unix(path)],
        None if settings.hosts.is_empty() => return Err(wrong("host not set")),
        None => settings.hosts.iter().map(|host| at(host, settings.port())).collect::<Result<_, _>>()?,
    };
    let min_tls = min_tls(&settings.tls, &mut warnings)?;
    let trust = trust(&settings.tls)?;
    let servers = places.into_iter().map(|server| {
        let server = link(server.min_tls(min_tls).trust(trust.clone()), &settings.tls)?;
        let server = if settings.lmtp { server.lmtp() } else { server };
        let server = settings.source_ip.into_iter().fold(server, Server::source);
        let server = proxy(settings)?.into_iter().fold(server, Server::proxy);
        let server = settings.timeout.map(timeouts).into_iter().fold(server, Server::timeouts);
        Ok(server.ehlo_name(ehlo_name(settings, environment)?))
    });
    Ok(Servers { servers: servers.collect::<Result<_, Fault>>()?, warnings })
}

/// The log-in with this password; none where the account has none.
pub(super) fn login(settings: &Settings, user: &str, password: Secret) -> Option<Login> {
    let mechanism = match settings.auth {
        Auth::Off => return None,
        Auth::Choose => None,
        Auth::Only(name) => name.to_ascii_uppercase().parse::<Mechanism>().ok(),
    };
    let secret = if mechanism == Some(Mechanism::External) { SecretSource::Certificate } else { password.into() };
    let login = Login::new(user, secret).allow_clear(crosses_in_clear(settings));
    Some(mechanism.into_iter().fold(login, Login::mechanism))
}

/// Whether the user named a way to log in that shows the password to everybody on a link without TLS.
pub(super) fn crosses_in_clear(settings: &Settings) -> bool {
    let shows = matches!(settings.auth, Auth::Only("plain" | "login" | "oauthbearer" | "xoauth2" | "cram-md5"));
    !settings.tls.on && settings.socket.is_none() && shows
}

/// The user who logs in, checked before anything is asked for a password.
pub(super) fn user(settings: &Settings) -> Result<Option<&str>, Fault> {
    match (settings.auth, &settings.user) {
        (Auth::Off, _) => Ok(None),
        (Auth::Only(name), _) if UNSPOKEN.contains(&name) => {
            let message = format!("auth {name} is not supported; --serverinfo lists what the server offers instead");
            Err(Fault::new(Exit::Unavailable, message))
        }
        (Auth::Only("external"), user) => Ok(Some(user.as_deref().unwrap_or_default())),
        (_, Some(user)) => Ok(Some(user)),
        (_, None) => Err(wrong("authentication needs a user")),
    }
}

fn wrong(message: impl std::fmt::Display) -> Fault {
    Fault::new(Exit::Config, message)
}

fn at(host: &str, port: u16) -> Result<Server, Fault> {
    let explained = |error| wrong(format!("host {host}: {error}; a port stands in `port`, one for all hosts"));
    Server::new(host).map(|server| server.port(port)).map_err(explained)
}

fn link(server: Server, tls: &Tls) -> Result<Server, Fault> {
    let server = server.security(match (tls.on, tls.starttls) {
        (false, _) => Security::Off,
        (true, true) => Security::Starttls,
        (true, false) => Security::Implicit,
    });
    let server = match &tls.host_override {
        Some(name) => server.certificate_name(Domain::parse(name).map_err(wrong)?),
        None => server,
    };
    match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => Ok(server.client_certificate(CertPair { cert: cert.clone(), key: key.clone() })),
        (None, None) => Ok(server),
        (None, Some(_)) => Err(wrong("tls_key_file requires tls_cert_file")),
        (Some(_), None) => Err(wrong("tls_cert_file requires tls_key_file")),
    }
}

fn min_tls(tls: &Tls, warnings: &mut Vec<String>) -> Result<MinTls, Fault> {
    let Some(text) = tls.priorities.as_ref().filter(|_| tls.on) else { return Ok(MinTls::default()) };
    let read = priorities::read(text).map_err(|error| wrong(format!("tls_priorities {text}: {error}")))?;
    if !read.ignored.is_empty() {
        warnings
            .push(format!("tls_priorities: only versions can be chosen; without effect: {}", read.ignored.join(" ")));
    }
    Ok(read.min)
}

/// `tls_certcheck off` wins over a fingerprint, which wins over authorities. Lists of revoked certificates stand beside those.
fn trust(tls: &Tls) -> Result<Trust, Fault> {
    if !tls.on || !tls.certcheck {
        return Ok(Trust::Any);
    }
    let lists = tls.crl_file.as_ref().map(|file| file.display().to_string());
    match (&tls.fingerprint, &tls.trust_file) {
        (Some(Fingerprint::Sha256(digest) | Fingerprint::Old(digest)), _) => Ok(Trust::PinCertificate(digest.clone())),
        (None, TrustFile::System) => Ok(lists.map_or(Trust::System, Trust::SystemAndCa)),
        (None, TrustFile::File(file)) => {
            let files: Vec<_> = std::iter::once(file.display().to_string()).chain(lists).collect();
            Ok(Trust::Ca(files.join(":")))
        }
        (None, TrustFile::None) => {
            Err(wrong("tls requires tls_trust_file, or tls_fingerprint, or tls_certcheck switched off"))
        }
    }
}

fn proxy(settings: &Settings) -> Result<Option<Proxy>, Fault> {
    let Some(host) = settings.proxy_host.as_ref().filter(|_| settings.socket.is_none()) else { return Ok(None) };
    let port = settings.proxy_port.unwrap_or(SOCKS_PORT);
    let host =
        if host.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()) { format!("[{host}]") } else { host.clone() };
    format!("socks5://{host}:{port}").parse().map(Some).map_err(|error| wrong(format!("proxy_host: {error}")))
}

/// One limit for every stage. The reply to the whole message has ten minutes at least, whatever stands here.
fn timeouts(limit: Duration) -> Timeouts {
    Timeouts {
        connect: limit,
        greeting: limit,
        ehlo: limit,
        starttls: limit,
        auth: limit,
        mail: limit,
        rcpt: limit,
        data: limit,
        block: limit,
        dot: limit,
        ..Timeouts::default()
    }
}

fn ehlo_name(settings: &Settings, environment: &Environment) -> Result<Host, Fault> {
    let name = environment.expand_patterns(&settings.domain);
    match name.parse::<IpAddr>() {
        Ok(address) => Ok(Host::Literal(address)),
        Err(_) => Host::parse(&name).map_err(|error| wrong(format!("domain {name:?}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::environment::testing::host, *};

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings { hosts: vec!["a.example".into(), "192.0.2.1".into()], ..Settings::default() };
        change(&mut settings);
        settings
    }

    fn made(change: impl FnOnce(&mut Settings)) -> Result<Servers, String> {
        servers(&settings(change), &host(Path::new("/srv"))).map_err(|fault| fault.to_string())
    }

    #[test]
    fn each_host_is_a_server_and_a_socket_takes_their_place() {
        let names = |servers: Servers| servers.servers.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(made(|_| {}).unwrap()), ["a.example:25", "192.0.2.1:25"]);
        let implicit = made(|settings| {
            settings.tls.on = true;
            settings.tls.starttls = false;
        });
        assert_eq!(names(implicit.unwrap())[0], "a.example:465");
        assert_eq!(names(made(|settings| settings.socket = Some("/run/lmtp".into())).unwrap()), ["/run/lmtp"]);
        assert_eq!(made(|settings| settings.hosts.clear()).unwrap_err(), "host not set");
    }

    #[test]
    fn a_port_behind_a_host_is_told_where_ports_stand() {
        let error = made(|settings| settings.hosts = vec!["a.example:3007".into()]).unwrap_err();
        assert!(error.starts_with("host a.example:3007: "), "{error}");
        assert!(error.ends_with("a port stands in `port`, one for all hosts"), "{error}");
    }

    #[test]
    fn trust_is_by_certcheck_then_fingerprint_then_authorities() {
        let of = |change: fn(&mut Tls)| {
            let mut tls = Tls { on: true, ..Tls::default() };
            change(&mut tls);
            trust(&tls).map_err(|fault| fault.to_string())
        };
        let pin = Fingerprint::Sha256("ab".repeat(32));
        assert_eq!(of(|_| {}), Ok(Trust::System));
        assert_eq!(of(|tls| tls.trust_file = TrustFile::File("/ca".into())), Ok(Trust::Ca("/ca".into())));
        let tls = Tls { on: true, fingerprint: Some(pin.clone()), ..Tls::default() };
        assert_eq!(trust(&tls).unwrap(), Trust::PinCertificate("ab".repeat(32)));
        assert_eq!(trust(&Tls { certcheck: false, ..tls.clone() }).unwrap(), Trust::Any);
        assert!(of(|tls| tls.trust_file = TrustFile::None).unwrap_err().starts_with("tls requires"));
        let old = Fingerprint::Old("ab".repeat(20));
        assert_eq!(trust(&Tls { fingerprint: Some(old), ..tls }).unwrap(), Trust::PinCertificate("ab".repeat(20)));
        assert_eq!(of(|tls| tls.crl_file = Some("/crl".into())), Ok(Trust::SystemAndCa("/crl".into())));
        let both = |tls: &mut Tls| {
            tls.trust_file = TrustFile::File("/ca".into());
            tls.crl_file = Some("/crl".into());
        };
        assert_eq!(of(both), Ok(Trust::Ca("/ca:/crl".into())));
    }

    #[test]
    fn what_cannot_work_is_said_before_anybody_is_connected_to() {
        let error = |change: fn(&mut Settings)| made(change).unwrap_err();
        assert!(error(|settings| settings.tls.key_file = Some("/k".into())).contains("tls_cert_file"));
        assert!(error(|settings| settings.tls.cert_file = Some("/c".into())).contains("tls_key_file"));
        assert!(error(|settings| settings.domain = "a b".into()).starts_with("domain \"a b\""));
        let priorities = |settings: &mut Settings| {
            settings.tls.on = true;
            settings.tls.priorities = Some("NORMAL:-VERS-ALL".into());
        };
        assert!(error(priorities).starts_with("tls_priorities NORMAL:-VERS-ALL: "));
    }

    #[test]
    fn priorities_without_effect_are_told() {
        let servers = made(|settings| {
            settings.tls.on = true;
            settings.tls.priorities = Some("NORMAL:+AES-256-GCM".into());
        });
        assert!(servers.unwrap().warnings[0].ends_with("without effect: +AES-256-GCM"));
    }

    #[test]
    fn only_a_mechanism_that_is_named_may_show_the_password() {
        let clear = |auth, tls| crosses_in_clear(&settings(|settings| (settings.auth, settings.tls.on) = (auth, tls)));
        assert!(clear(Auth::Only("plain"), false));
        assert!(!clear(Auth::Choose, false) && !clear(Auth::Only("plain"), true));
        assert!(!clear(Auth::Only("scram-sha-256"), false));
    }

    #[test]
    fn every_mechanism_of_the_keys_is_one_of_the_library() {
        for name in super::super::settings::MECHANISMS {
            let settings = settings(|settings| settings.auth = Auth::Only(name));
            let login = login(&settings, "joe", Secret::new("x")).unwrap();
            assert_eq!(login.mechanism.map(|found| found.to_string().to_ascii_lowercase()).as_deref(), Some(name));
        }
    }

    #[test]
    fn who_logs_in_needs_a_name_and_a_mechanism_that_is_spoken() {
        let of = |auth, user: Option<&str>| {
            let settings = settings(|settings| (settings.auth, settings.user) = (auth, user.map(str::to_owned)));
            super::user(&settings).map(|user| user.map(str::to_owned)).map_err(|fault| fault.exit)
        };
        assert_eq!(of(Auth::Off, Some("joe")), Ok(None));
        assert_eq!(of(Auth::Choose, Some("joe")), Ok(Some("joe".into())));
        assert_eq!(of(Auth::Choose, None), Err(Exit::Config));
        assert_eq!(of(Auth::Only("external"), None), Ok(Some(String::new())));
        assert_eq!(of(Auth::Only("ntlm"), Some("joe")), Err(Exit::Unavailable));
    }
}
