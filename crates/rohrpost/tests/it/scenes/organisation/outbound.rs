//! We send to other servers: to the hosts that DNS names, or along a route.

use super::Organisation;
use crate::peers::{Exim, OpenSmtpd, PeerTls, Postfix};

/// Postfix, whose domain's MX host it is, gets a message of ours; the hop to it is traced as `hop`.
#[track_caller]
fn postfix_receives(tls: PeerTls, hop: &str) {
    let postfix = Postfix::start(tls, None);
    let organisation = Organisation::open(postfix.smtp.port());
    organisation.ann_sends("bob@postfix.test", "to Postfix");
    let mail = postfix.mail("bob@postfix.test", "Subject: to Postfix");
    let protocol = if tls == PeerTls::None { "by postfix.test (Postfix) with ESMTP id" } else { "with ESMTPS id" };
    assert!(mail.contains(protocol), "{mail}");
    assert!(mail.contains("by mx.here.test"), "{mail}");
    relayed(&organisation, "bob@postfix.test", hop);
}

/// Exim does.
#[track_caller]
fn exim_receives(tls: PeerTls, hop: &str) {
    let exim = Exim::start(tls, None);
    let organisation = Organisation::open(exim.smtp.port());
    organisation.ann_sends("bob@exim.test", "to Exim");
    let mail = exim.mail("bob@exim.test", "Subject: to Exim");
    let protocol = if tls == PeerTls::None { "by exim.test with esmtp " } else { "by exim.test with esmtps " };
    assert!(mail.contains(protocol), "{mail}");
    relayed(&organisation, "bob@exim.test", hop);
}

/// The trace shows the hop, its seal first.
#[track_caller]
fn relayed(organisation: &Organisation, recipient: &str, hop: &str) {
    let story = format!("{recipient} relayed to ");
    let trace = organisation.rohrpost.trace(recipient, &[&story]);
    let line = trace.lines().find(|line| line.contains(&story)).expect("the trace holds it");
    assert!(line.starts_with(hop), "{trace}");
}

#[test]
fn postfix_without_tls_receives_from_us_in_clear() {
    postfix_receives(PeerTls::None, "cleartext  ");
}

#[test]
fn postfix_that_offers_tls_receives_from_us_encrypted() {
    postfix_receives(PeerTls::May, "encrypted");
}

#[test]
fn postfix_that_demands_tls_receives_from_us() {
    postfix_receives(PeerTls::Encrypt, "encrypted");
}

#[test]
fn exim_without_tls_receives_from_us_in_clear() {
    exim_receives(PeerTls::None, "cleartext  ");
}

#[test]
fn exim_that_offers_tls_receives_from_us_encrypted() {
    exim_receives(PeerTls::May, "encrypted");
}

#[test]
fn exim_that_demands_tls_receives_from_us() {
    exim_receives(PeerTls::Encrypt, "encrypted");
}

#[test]
fn opensmtpd_receives_from_us_in_clear() {
    let opensmtpd = OpenSmtpd::start(None);
    let organisation = Organisation::open(opensmtpd.smtp.port());
    organisation.ann_sends("bob@opensmtpd.test", "to OpenSMTPD");
    let mail = opensmtpd.mail("bob@opensmtpd.test", "Subject: to OpenSMTPD");
    assert!(mail.contains("from mx.here.test"), "{mail}");
    relayed(&organisation, "bob@opensmtpd.test", "cleartext  ");
}

/// A route to a server's TLS port, for those whose domain it is.
fn smtps_route(domain: &str, address: std::net::SocketAddr) -> String {
    format!(
        "
[[route]]
name = 'smtps'
recipients = ['{domain}']
host = [{{ host = '{address}', tls = 'implicit', trust = 'any' }}]
"
    )
}

#[test]
fn postfix_receives_from_us_by_anonymous_smtps() {
    let postfix = Postfix::start(PeerTls::None, None);
    let route = smtps_route("postfix.test", postfix.smtps);
    let organisation = Organisation::with(postfix.smtp.port(), "enabled = true", &route);
    organisation.ann_sends("bob@postfix.test", "by SMTPS");
    let mail = postfix.mail("bob@postfix.test", "Subject: by SMTPS");
    assert!(mail.contains("with ESMTPS id"), "{mail}");
    relayed(&organisation, "bob@postfix.test", "encrypted");
}

#[test]
fn exim_receives_from_us_by_anonymous_smtps() {
    let exim = Exim::start(PeerTls::None, None);
    let route = smtps_route("exim.test", exim.smtps);
    let organisation = Organisation::with(exim.smtp.port(), "enabled = true", &route);
    organisation.ann_sends("bob@exim.test", "by SMTPS");
    let mail = exim.mail("bob@exim.test", "Subject: by SMTPS");
    assert!(mail.contains("by exim.test with esmtps "), "{mail}");
    relayed(&organisation, "bob@exim.test", "encrypted");
}
