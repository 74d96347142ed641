//! Ann's mail programs log in, where and how they may.

use std::net::SocketAddr;

use super::Organisation;
use crate::peers::rohrpost::{ANN, PASSWORD};
use crate::peers::{Dialogue, Msmtp, PeerTls, Swaks, clients};

/// A port that no MX host has: nothing is sent in these tests.
const NO_MX: u16 = 1;

/// `AUTH PLAIN` with ann's name and password, in base64.
const PLAIN: &str = "AUTH PLAIN AGFubkBoZXJlLnRlc3QAdGhyZWUgYmx1ZSBraXRlcw==";

impl Organisation {
    /// The listener for accounts with this kind of TLS.
    fn submission_with(&self, tls: PeerTls) -> SocketAddr {
        if tls == PeerTls::Implicit { self.submissions } else { self.submission }
    }
}

/// swaks logs in and sends a message to ann herself.
#[track_caller]
fn swaks_logs_in(mechanism: &str, tls: PeerTls) {
    let organisation = Organisation::open(NO_MX);
    let swaks = Swaks::new(organisation.submission_with(tls), ANN, ANN).subject(mechanism).tls(tls);
    swaks.clone().login(mechanism, ANN, "two blue kites").send().expect_reply("535 5.7.8");
    swaks.login(mechanism, ANN, PASSWORD).send().expect_success().expect_reply("235 2.7.0");
    organisation.rohrpost.inbox(&[&format!("Subject: {mechanism}"), "ESMTPSA"]);
    organisation.rohrpost.trace(ANN, &["logged in as ann@here.test", "encrypted"]);
}

/// msmtp does.
#[track_caller]
fn msmtp_logs_in(tls: PeerTls) {
    let organisation = Organisation::open(NO_MX);
    let server = organisation.submission_with(tls);
    let msmtp = |password| Msmtp { server, tls, user: ANN, password }.send(ANN, "by SCRAM");
    let refused = msmtp("two blue kites");
    assert!(!refused.succeeded && refused.text.contains("535 5.7.8"), "{}", refused.text);
    let transcript = msmtp(PASSWORD).expect_success();
    assert!(transcript.text.contains("AUTH SCRAM-SHA-256"), "{}", transcript.text);
    organisation.rohrpost.inbox(&["Subject: by SCRAM", "ESMTPSA"]);
}

#[test]
fn swaks_logs_in_by_plain_over_starttls() {
    swaks_logs_in("PLAIN", PeerTls::Encrypt);
}

#[test]
fn swaks_logs_in_by_plain_over_implicit_tls() {
    swaks_logs_in("PLAIN", PeerTls::Implicit);
}

#[test]
fn swaks_logs_in_by_login_over_starttls() {
    swaks_logs_in("LOGIN", PeerTls::Encrypt);
}

#[test]
fn swaks_logs_in_by_login_over_implicit_tls() {
    swaks_logs_in("LOGIN", PeerTls::Implicit);
}

#[test]
fn msmtp_logs_in_by_scram_over_starttls() {
    msmtp_logs_in(PeerTls::Encrypt);
}

#[test]
fn msmtp_logs_in_by_scram_over_implicit_tls() {
    msmtp_logs_in(PeerTls::Implicit);
}

#[test]
fn gsasl_logs_in_by_scram_bound_to_the_tls_connection() {
    let organisation = Organisation::open(NO_MX);
    let authority = organisation.rohrpost.installation.certificate.cert();
    let gsasl = |password| clients::gsasl(organisation.submission, &authority, ANN, password);
    let refused = gsasl("two blue kites");
    assert!(!refused.succeeded && refused.text.contains("535 5.7.8"), "{}", refused.text);
    let transcript = gsasl(PASSWORD).expect_success();
    // The flag of the channel binding, `p=tls-exporter,,`, in base64.
    assert!(transcript.text.contains("cD10bHMtZXhwb3J0ZXIs"), "{}", transcript.text);
    assert!(transcript.text.contains("235 2.7.0"), "{}", transcript.text);
}

#[test]
fn auth_without_tls_is_refused_where_tls_is_offered() {
    let organisation = Organisation::open(NO_MX);
    Dialogue::clear(organisation.lan).expect(PLAIN, "538 5.7.11");
    Dialogue::starttls(organisation.lan).expect(PLAIN, "235 2.7.0");
}

#[test]
fn auth_without_tls_is_refused_where_tls_is_required() {
    let organisation = Organisation::open(NO_MX);
    Dialogue::clear(organisation.submission).expect(PLAIN, "530 5.7.0");
}

#[test]
fn a_listener_with_auth_off_answers_502_in_clear_and_inside_tls() {
    let organisation = Organisation::open(NO_MX);
    Dialogue::clear(organisation.mx).expect(PLAIN, "502 5.5.1");
    Dialogue::starttls(organisation.mx).expect(PLAIN, "502 5.5.1");
}

#[test]
fn the_tls_ports_rule_forbids_log_ins_after_starttls_even_with_that_port_closed() {
    let organisation = Organisation::with(NO_MX, "enabled = false\nauth.tls = false", "");
    assert!(std::net::TcpStream::connect(organisation.submissions).is_err(), "the TLS port is open");
    Dialogue::starttls(organisation.submission).expect(PLAIN, "502 5.5.1");
}

#[test]
fn the_tls_ports_rule_allows_log_ins_after_starttls_even_with_that_port_closed() {
    let organisation = Organisation::with(NO_MX, "enabled = false\nauth.tls = true", "");
    assert!(std::net::TcpStream::connect(organisation.submissions).is_err(), "the TLS port is open");
    Dialogue::starttls(organisation.submission).expect(PLAIN, "235 2.7.0");
}

#[test]
fn an_account_sends_only_as_itself() {
    let organisation = Organisation::open(NO_MX);
    let swaks =
        |from| Swaks::new(organisation.submission, from, ANN).tls(PeerTls::Encrypt).login("PLAIN", ANN, PASSWORD);
    swaks("boss@here.test").send().expect_reply("553 5.7.1");
    swaks("ann+shop@here.test").send().expect_success();
    organisation.rohrpost.ask(&["alias", "set", "ann+shop@here.test", "boss@here.test"]);
    swaks("ann+shop@here.test").send().expect_reply("550 5.7.1");
    swaks(ANN).with(&["--header", "From: boss@here.test"]).send().expect_reply("550 5.7.1");
}
