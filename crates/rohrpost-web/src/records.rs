//! DNS records by which mail programs find the servers of a domain (RFC 6186, RFC 8314 §5.1), for the operator to publish.
//!
//! What is not offered is said too, by a target of "." (RFC 6186 §3.4): programs need not guess then.

use rohrpost_mail::Domain;
use serde::{Deserialize, Serialize};

use crate::settings::{Encryption, Protocol, Server, Servers, Service};

/// One record.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Record {
    /// Its owner, without the dot at the end.
    pub name: String,
    /// `SRV` or `CNAME`.
    pub kind: String,
    /// Its data, as zone files have it.
    pub data: String,
}

impl Record {
    fn new(name: String, kind: &str, data: String) -> Self {
        Self { name, kind: kind.to_owned(), data }
    }
}

/// Service labels with what stands for them, in the order of their priority.
const LABELS: [(&str, Protocol, Encryption); 6] = [
    ("_imaps", Protocol::Imap, Encryption::Implicit),
    ("_imap", Protocol::Imap, Encryption::Starttls),
    ("_pop3s", Protocol::Pop3, Encryption::Implicit),
    ("_pop3", Protocol::Pop3, Encryption::Starttls),
    ("_submissions", Protocol::Submission, Encryption::Implicit),
    ("_submission", Protocol::Submission, Encryption::Starttls),
];

/// What one priority is apart from the next: room for the operator's own.
const STEP: usize = 10;

/// The records of a domain for what runs; `web` is where set-up help is served over HTTPS, if anywhere.
pub fn records(domain: &Domain, services: &[Service], web: Option<(&Domain, u16)>) -> Vec<Record> {
    let servers = Servers::of(services);
    let mut records: Vec<Record> = LABELS.iter().enumerate().flat_map(|label| srv(domain, &servers, label)).collect();
    if let Some((host, port)) = web {
        records.push(Record::new(format!("_autodiscover._tcp.{domain}"), "SRV", format!("0 0 {port} {host}.")));
        // Those two are asked on the usual port alone.
        for name in ["autoconfig", "autodiscover"].into_iter().filter(|_| port == 443) {
            records.push(Record::new(format!("{name}.{domain}"), "CNAME", format!("{host}.")));
        }
    }
    records
}

/// The records of one label: one for each server, or that there is none.
fn srv(domain: &Domain, servers: &Servers, (place, label): (usize, &(&str, Protocol, Encryption))) -> Vec<Record> {
    let (label, protocol, encryption) = *label;
    let fits = |server: &&Server| server.protocol == protocol && server.encryption == encryption;
    let name = format!("{label}._tcp.{domain}");
    let record = |server: &Server| {
        let data = format!("{} 1 {} {}.", place * STEP, server.port, server.host);
        Record::new(name.clone(), "SRV", data)
    };
    let found: Vec<Record> = servers.iter().filter(fits).map(record).collect();
    if found.is_empty() { vec![Record::new(name, "SRV", "0 0 0 .".to_owned())] } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::usual;

    #[test]
    fn what_runs_is_named_by_preference_and_what_does_not_is_denied() {
        let (domain, host) = (Domain::parse("here.test").unwrap(), Domain::parse("mx.here.test").unwrap());
        let services = &usual()[..4];
        let lines: Vec<String> = records(&domain, services, Some((&host, 443)))
            .into_iter()
            .map(|record| format!("{} {} {}", record.name, record.kind, record.data))
            .collect();
        assert_eq!(
            lines,
            [
                "_imaps._tcp.here.test SRV 0 0 0 .",
                "_imap._tcp.here.test SRV 0 0 0 .",
                "_pop3s._tcp.here.test SRV 20 1 995 mail.here.test.",
                "_pop3._tcp.here.test SRV 30 1 110 mail.here.test.",
                "_submissions._tcp.here.test SRV 40 1 465 mail.here.test.",
                "_submission._tcp.here.test SRV 50 1 587 mail.here.test.",
                "_autodiscover._tcp.here.test SRV 0 0 443 mx.here.test.",
                "autoconfig.here.test CNAME mx.here.test.",
                "autodiscover.here.test CNAME mx.here.test.",
            ]
        );
    }

    #[test]
    fn without_set_up_help_on_the_usual_port_nobody_is_sent_there() {
        let domain = Domain::parse("here.test").unwrap();
        assert!(records(&domain, &usual(), None).iter().all(|record| record.kind == "SRV"));
        let other = records(&domain, &usual(), Some((&domain, 8443)));
        assert!(other.iter().all(|record| record.kind == "SRV"));
        assert!(other.iter().any(|record| record.data == "0 0 8443 here.test."));
    }
}
