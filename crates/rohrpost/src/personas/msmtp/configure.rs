//! `--configure`: an account for an address, from what the DNS of its domain says (RFC 6186 §3.1, RFC 8314 §5.1).
//!
//! Deviation from msmtp: the user is the whole address, which RFC 6186 §4 wants tried first and most providers ask for.

use std::fmt::Write as _;

use rohrpost_dns::{Options, PlanError, Resolver};
use rohrpost_mail::{Domain, Mailbox};

use super::{environment::Environment, fault::Fault};
use crate::exit::Exit;

/// TLS from the first octet, which RFC 8314 §3 prefers, then STARTTLS.
const SERVICES: [(&str, &str); 2] = [("_submissions._tcp", "off"), ("_submission._tcp", "on")];

/// A server, and what its domain says about it.
struct Found {
    host: Domain,
    port: u16,
    starttls: &'static str,
    /// Whether nobody can have put the name in on the way.
    secure: bool,
}

/// The lines of an account for `address`, for people to look at and to put into their configuration.
pub(super) async fn account(address: &str, environment: &Environment) -> Result<String, Fault> {
    let invalid = |error| Fault::new(Exit::Data, format!("{address:?} is no address: {error}"));
    let address = Mailbox::parse(address).map_err(invalid)?;
    let Some(domain) = address.domain.name() else {
        return Err(Fault::new(Exit::Data, format!("{address} has no domain that DNS could tell about")));
    };
    let resolver = Resolver::system(Options::default()).map_err(|error| Fault::new(Exit::System, error))?;
    Ok(text(&address, domain, &find(&resolver, domain).await?, environment))
}

async fn find(resolver: &Resolver, domain: &Domain) -> Result<Found, Fault> {
    for (service, starttls) in SERVICES {
        let found = resolver.services(service, domain).await;
        let found = found.map_err(|error: PlanError| Fault::new(Exit::TempFail, error))?;
        let best = found.and_then(|found| Some((found.servers.into_iter().next()?, found.secure)));
        if let Some(((host, port), secure)) = best {
            return Ok(Found { host, port, starttls, secure });
        }
    }
    let [submissions, submission] = SERVICES.map(|(service, _)| format!("{service}.{domain}"));
    let message = format!("DNS names no server: neither {submissions} nor {submission} has SRV records");
    Err(Fault::new(Exit::NoHost, message))
}

fn text(address: &Mailbox, domain: &Domain, found: &Found, environment: &Environment) -> String {
    let Found { host, port, starttls, secure } = found;
    let mut text = String::new();
    if let Some(file) = environment.user_files().first() {
        // A String takes all.
        let _ = writeln!(text, "# Put this into {}.", file.display());
    }
    // RFC 6186 §6: whoever answers in the place of DNS could name a server of their own.
    if !secure && host != domain && !host.is_within(domain) {
        text.push_str(
            "# Attention: this server is of another domain, and the answer of DNS is not signed. Please check it.\n",
        );
    }
    let user = quoted(&address.to_string());
    text + &format!(
        "# Store the password:\n\
         #   secret-tool store --label=msmtp host {host} service smtp user {user}\n\
         account {address}\nhost {host}\nport {port}\ntls on\ntls_starttls {starttls}\nauth on\n\
         user {address}\nfrom {address}\n\
         passwordeval secret-tool lookup host {host} service smtp user {user}\n"
    )
}

/// One word for the shell that runs `passwordeval`: RFC 5322 §3.2.3 lets an address hold `'`, `` ` ``, `$`, `&` and `|`.
fn quoted(address: &str) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"@._+-".contains(&octet);
    if address.bytes().all(is_plain) { address.to_owned() } else { format!("'{}'", address.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rohrpost_dns::zone::{Zone, ZoneServer};

    use super::{
        super::{accounts::Accounts, environment::testing::host, options},
        *,
    };

    async fn configured(zone: Zone) -> Result<String, (Exit, String)> {
        let server = ZoneServer::start([zone]).await.unwrap();
        let resolver = Resolver::with_servers([server.address()], Options::default());
        let (address, domain) = ("ann@there.test".parse().unwrap(), "there.test".parse().unwrap());
        let found = find(&resolver, &domain).await.map_err(|fault| (fault.exit, fault.to_string()))?;
        Ok(text(&address, &domain, &found, &host(Path::new("/srv"))))
    }

    fn zone() -> Zone {
        Zone::new("there.test").srv("_submission._tcp.there.test", 0, 1, "mail.other.test", 587)
    }

    #[tokio::test]
    async fn tls_from_the_first_octet_is_preferred() {
        let text = configured(zone().srv("_submissions._tcp.there.test", 0, 1, "mail.there.test", 465)).await.unwrap();
        assert!(text.contains("\nhost mail.there.test\nport 465\ntls on\ntls_starttls off\n"), "{text}");
        assert!(!text.contains("Attention"), "{text}");
    }

    #[tokio::test]
    async fn a_server_of_another_domain_is_pointed_out() {
        let text = configured(zone()).await.unwrap();
        assert!(text.contains("# Attention: ") && text.contains("\nport 587\ntls on\ntls_starttls on\n"), "{text}");
    }

    #[tokio::test]
    async fn a_domain_that_says_nothing_has_no_server() {
        let (exit, message) = configured(Zone::new("there.test")).await.unwrap_err();
        assert_eq!(exit, Exit::NoHost);
        assert!(message.contains("_submissions._tcp.there.test"), "{message}");
    }

    #[test]
    fn no_address_is_more_than_one_word_for_the_shell() {
        for (address, word) in [
            ("ann+web@there.test", "ann+web@there.test"),
            ("`id`@there.test", "'`id`@there.test'"),
            ("o'neil$1@there.test", r"'o'\''neil$1@there.test'"),
        ] {
            assert_eq!(quoted(address), word);
            let shell = std::process::Command::new("sh").args(["-c", &format!("printf %s {word}")]).output().unwrap();
            assert_eq!(String::from_utf8(shell.stdout).unwrap(), address);
        }
    }

    #[tokio::test]
    async fn what_is_printed_is_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("msmtprc");
        std::fs::write(&file, configured(zone()).await.unwrap()).unwrap();
        let environment = host(folder.path());
        let accounts = Accounts::load(Some(&file), &environment, 0, &|_| panic!("nothing is evaluated")).unwrap();
        let options = options::Options::read(vec!["-aann@there.test".into(), "x@y.test".into()], &environment).unwrap();
        let settings = accounts.choose(&options, None, &environment).unwrap().settings;
        assert_eq!(
            (settings.hosts, settings.user.as_deref()),
            (vec!["mail.other.test".to_owned()], Some("ann@there.test"))
        );
        assert!(settings.tls.on && settings.passwordeval.is_some());
    }
}
