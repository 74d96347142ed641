//! What a server says about itself in reply to EHLO. RFC 5321 §4.1.1.1.

use std::collections::HashSet;

use rohrpost_mail::{Recipient, Reply};
use rohrpost_sasl::Mechanism;

use super::limits::{MECHANISMS_MAX, NAME_BYTES_MAX, RECIPIENTS_MAX, RECIPIENTS_OFFERED_MAX};

/// The extensions that one reply to EHLO lists. What HELO leads to is the default: none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capabilities {
    /// What the server calls itself: the first word of the reply.
    pub name: String,
    /// `PIPELINING` (RFC 2920)
    pub pipelining: bool,
    /// `8BITMIME` (RFC 6152)
    pub eight_bit_mime: bool,
    /// `SMTPUTF8` (RFC 6531)
    pub smtputf8: bool,
    /// `CHUNKING` (RFC 3030)
    pub chunking: bool,
    /// `DSN` (RFC 3461)
    pub dsn: bool,
    /// `STARTTLS` (RFC 3207)
    pub starttls: bool,
    /// `REQUIRETLS` (RFC 8689)
    pub require_tls: bool,
    /// `SIZE` (RFC 1870)
    pub size: bool,
    /// The largest message in octets, if `SIZE` names one.
    pub size_max: Option<u64>,
    /// The mechanisms of `AUTH` (RFC 4954) that we know, in the server's order.
    pub auth: Vec<Mechanism>,
    /// The mechanisms of `AUTH` as the server names them, for messages to people.
    pub auth_names: Vec<String>,
    /// `LIMITS` (RFC 9422)
    pub limits: Limits,
}

/// What the server says it will take. RFC 9422.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// `MAILMAX`: transactions on one connection.
    pub transactions: Option<usize>,
    /// `RCPTMAX`: recipients of one transaction.
    pub recipients: Option<usize>,
    /// `RCPTDOMAINMAX`: recipient domains of one transaction.
    pub domains: Option<usize>,
}

impl Capabilities {
    /// Reads the reply to EHLO or LHLO. Unknown keywords are skipped, unreadable values count as not given.
    pub fn from_ehlo(reply: &Reply) -> Self {
        let mut lines = reply.text.lines();
        let mut found = Self { name: server_name(lines.next().unwrap_or_default()), ..Self::default() };
        lines.for_each(|line| found.keyword(line));
        found
    }

    /// How many of these recipients, from the front, may go into the next transaction. At least one if there is any.
    pub fn batch_len(&self, recipients: &[Recipient]) -> usize {
        let max = self.limits.recipients.map_or(RECIPIENTS_MAX, |limit| limit.min(RECIPIENTS_OFFERED_MAX));
        let recipients = &recipients[..recipients.len().min(max)];
        let Some(domains_max) = self.limits.domains else { return recipients.len() };
        let mut domains = HashSet::new();
        let mut fits = |domain| {
            domains.insert(domain);
            domains.len() <= domains_max
        };
        recipients.iter().map(|recipient| &recipient.address.domain).take_while(|domain| fits(*domain)).count()
    }

    fn keyword(&mut self, line: &str) {
        let mut words = line.split_ascii_whitespace();
        let Some(keyword) = words.next() else { return };
        match keyword.to_ascii_uppercase().as_str() {
            "PIPELINING" => self.pipelining = true,
            "8BITMIME" => self.eight_bit_mime = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "CHUNKING" => self.chunking = true,
            "DSN" => self.dsn = true,
            "STARTTLS" => self.starttls = true,
            "REQUIRETLS" => self.require_tls = true,
            "SIZE" => self.size(words.next()),
            "AUTH" => words.for_each(|word| self.mechanism(word)),
            "LIMITS" => words.for_each(|word| self.limits.read(word)),
            // Servers that also please programs older than RFC 2554 say `AUTH=LOGIN`.
            other => {
                if let Some(first) = other.strip_prefix("AUTH=") {
                    self.mechanism(first);
                    words.for_each(|word| self.mechanism(word));
                }
            }
        }
    }

    /// RFC 1870 §4: no value, or 0, means that there is no fixed maximum.
    fn size(&mut self, value: Option<&str>) {
        self.size = true;
        self.size_max = value.and_then(|digits| digits.parse().ok()).filter(|max| *max > 0);
    }

    fn mechanism(&mut self, word: &str) {
        if self.auth_names.len() == MECHANISMS_MAX || self.auth_names.iter().any(|name| name == word) {
            return;
        }
        self.auth_names.push(word.chars().take(NAME_BYTES_MAX).collect());
        if let Ok(mechanism) = word.to_ascii_uppercase().parse() {
            self.auth.push(mechanism);
        }
    }
}

impl Limits {
    /// RFC 9422 §3: `NAME=value`; a limit of zero would forbid all use and counts as not given.
    fn read(&mut self, word: &str) {
        let Some((name, value)) = word.split_once('=') else { return };
        let value = value.parse().ok().filter(|value| *value > 0);
        match name.to_ascii_uppercase().as_str() {
            "MAILMAX" => self.transactions = value,
            "RCPTMAX" => self.recipients = value,
            "RCPTDOMAINMAX" => self.domains = value,
            _ => {}
        }
    }
}

fn server_name(line: &str) -> String {
    line.split_ascii_whitespace().next().unwrap_or_default().chars().take(NAME_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ehlo(lines: &[&str]) -> Capabilities {
        Capabilities::from_ehlo(&Reply::new(250, None, lines.join("\n")))
    }

    #[test]
    fn keywords_are_read_in_any_case_and_strange_ones_skipped() {
        let found = ehlo(&["mx.example greets you", "pipelining", "Size 1000", "8BITMIME", "XYZZY 1 2", "", "DSN"]);
        assert_eq!(found.name, "mx.example");
        assert!(found.pipelining && found.eight_bit_mime && found.dsn && found.size && !found.chunking);
        assert_eq!(found.size_max, Some(1_000));
        for unlimited in ["SIZE", "SIZE 0", "SIZE x", "SIZE 99999999999999999999999"] {
            assert_eq!(ehlo(&["mx", unlimited]).size_max, None, "{unlimited}");
        }
    }

    #[test]
    fn the_first_line_is_a_name_and_no_keyword() {
        assert!(!ehlo(&["STARTTLS"]).starttls);
    }

    #[test]
    fn mechanisms_are_found_in_both_spellings_once() {
        let found = ehlo(&["mx", "AUTH PLAIN scram-sha-256 GSSAPI", "AUTH=PLAIN LOGIN"]);
        assert_eq!(found.auth, [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::Login]);
        assert_eq!(found.auth_names, ["PLAIN", "scram-sha-256", "GSSAPI", "LOGIN"]);
    }

    #[test]
    fn limits_cut_a_list_of_recipients_into_batches() {
        let to = |text: &str| Recipient::new(text.parse().unwrap());
        let list = [to("a@x.test"), to("b@x.test"), to("c@y.test"), to("d@z.test")];
        assert_eq!(ehlo(&["mx", "LIMITS RCPTMAX=3 MAILMAX=7"]).batch_len(&list), 3);
        assert_eq!(ehlo(&["mx", "LIMITS RCPTDOMAINMAX=1"]).batch_len(&list), 2);
        assert_eq!(ehlo(&["mx", "LIMITS RCPTMAX=0 RCPTDOMAINMAX=x"]).batch_len(&list), 4);
        let many: Vec<_> = (0..2_000).map(|n| to(&format!("u{n}@x.test"))).collect();
        assert_eq!(ehlo(&["mx"]).batch_len(&many), RECIPIENTS_MAX);
        assert_eq!(ehlo(&["mx", "LIMITS RCPTMAX=999999"]).batch_len(&many), RECIPIENTS_OFFERED_MAX);
    }
}
