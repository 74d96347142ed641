//! Other servers send to us.

use super::Organisation;
use crate::peers::rohrpost::ANN;
use crate::peers::{Dialogue, Exim, NextHop, OpenSmtpd, PeerTls, Postfix, Swaks};

/// A port that no MX host has: nothing is sent in these tests.
pub(super) const NO_MX: u16 = 1;

/// Postfix passes a message on to us; we have it, and its trace begins with `seal`.
#[track_caller]
fn postfix_sends(tls: PeerTls, seal: &str) {
    let organisation = Organisation::open(NO_MX);
    let address = if tls == PeerTls::Implicit { organisation.smtps } else { organisation.mx };
    let postfix = Postfix::start(PeerTls::May, Some(NextHop { address, tls }));
    Swaks::new(postfix.smtp, "bob@postfix.test", ANN).subject("by Postfix").send().expect_success();
    postfix.wait_for_delivery(ANN, "sent");
    arrived(&organisation, seal, "by Postfix");
}

/// Exim does.
#[track_caller]
fn exim_sends(tls: PeerTls, seal: &str) {
    let organisation = Organisation::open(NO_MX);
    let address = if tls == PeerTls::Implicit { organisation.smtps } else { organisation.mx };
    let exim = Exim::start(PeerTls::May, Some(NextHop { address, tls }));
    Swaks::new(exim.smtp, "bob@exim.test", ANN).subject("by Exim").send().expect_success();
    exim.wait_for_delivery(ANN);
    arrived(&organisation, seal, "by Exim");
}

/// OpenSMTPD does.
#[track_caller]
fn opensmtpd_sends(tls: PeerTls, seal: &str) {
    let organisation = Organisation::open(NO_MX);
    let address = if tls == PeerTls::Implicit { organisation.smtps } else { organisation.mx };
    let opensmtpd = OpenSmtpd::start(Some(NextHop { address, tls }));
    Swaks::new(opensmtpd.smtp, "bob@opensmtpd.test", ANN).subject("by OpenSMTPD").send().expect_success();
    opensmtpd.wait_for_delivery(ANN);
    arrived(&organisation, seal, "by OpenSMTPD");
}

/// The message is in ann's mailbox, its trace fields agree with the seal, and so does the trace.
#[track_caller]
pub(super) fn arrived(organisation: &Organisation, seal: &str, subject: &str) {
    let protocol = if seal == "encrypted" { "with ESMTPS" } else { "with ESMTP" };
    organisation.rohrpost.inbox(&[&format!("Subject: {subject}"), "by mx.here.test", protocol]);
    let trace = organisation.rohrpost.trace(ANN, &["received from", "filed in ann@here.test/INBOX"]);
    assert!(trace.lines().any(|line| line.starts_with(seal)), "{trace}");
}

#[test]
fn postfix_without_tls_sends_to_us() {
    postfix_sends(PeerTls::None, "cleartext");
}

#[test]
fn postfix_that_may_use_tls_sends_to_us_encrypted() {
    postfix_sends(PeerTls::May, "encrypted");
}

#[test]
fn postfix_that_must_use_tls_sends_to_us() {
    postfix_sends(PeerTls::Encrypt, "encrypted");
}

#[test]
fn exim_without_tls_sends_to_us() {
    exim_sends(PeerTls::None, "cleartext");
}

#[test]
fn exim_that_may_use_tls_sends_to_us_encrypted() {
    exim_sends(PeerTls::May, "encrypted");
}

#[test]
fn exim_that_must_use_tls_sends_to_us() {
    exim_sends(PeerTls::Encrypt, "encrypted");
}

#[test]
fn opensmtpd_without_tls_sends_to_us() {
    opensmtpd_sends(PeerTls::None, "cleartext");
}

#[test]
fn opensmtpd_that_may_use_tls_sends_to_us_encrypted() {
    opensmtpd_sends(PeerTls::May, "encrypted");
}

#[test]
fn opensmtpd_that_must_use_tls_sends_to_us() {
    opensmtpd_sends(PeerTls::Encrypt, "encrypted");
}

#[test]
fn postfix_sends_to_us_by_anonymous_smtps() {
    postfix_sends(PeerTls::Implicit, "encrypted");
}

#[test]
fn exim_sends_to_us_by_anonymous_smtps() {
    exim_sends(PeerTls::Implicit, "encrypted");
}

#[test]
fn opensmtpd_sends_to_us_by_anonymous_smtps() {
    opensmtpd_sends(PeerTls::Implicit, "encrypted");
}

#[test]
fn a_listener_that_requires_tls_takes_no_mail_in_clear() {
    let organisation = Organisation::open(NO_MX);
    let mut dialogue = Dialogue::clear(organisation.strict);
    dialogue.expect("MAIL FROM:<bob@postfix.test>", "530 5.7.0");
    dialogue.expect("RCPT TO:<ann@here.test>", "530 5.7.0");
    dialogue.expect("DATA", "530 5.7.0");
    dialogue.expect("NOOP", "250");

    let postfix = Postfix::start(PeerTls::May, Some(NextHop { address: organisation.strict, tls: PeerTls::None }));
    Swaks::new(postfix.smtp, "bob@postfix.test", ANN).subject("in clear").send().expect_success();
    let line = postfix.wait_for_delivery(ANN, "bounced");
    assert!(line.contains("530 5.7.0"), "{line}");
}

#[test]
fn a_listener_that_requires_tls_takes_mail_inside_it() {
    let organisation = Organisation::open(NO_MX);
    let postfix = Postfix::start(PeerTls::May, Some(NextHop { address: organisation.strict, tls: PeerTls::May }));
    Swaks::new(postfix.smtp, "bob@postfix.test", ANN).subject("inside").send().expect_success();
    postfix.wait_for_delivery(ANN, "sent");
    arrived(&organisation, "encrypted", "inside");
}

#[test]
fn a_stranger_cannot_relay() {
    let organisation = Organisation::open(NO_MX);
    let swaks = |server| Swaks::new(server, "bob@postfix.test", "eve@exim.test");
    swaks(organisation.mx).send().expect_reply("550 5.7.1");
    swaks(organisation.smtps).tls(PeerTls::Implicit).send().expect_reply("550 5.7.1");
    swaks(organisation.lan).send().expect_reply("550 5.7.1");
}
