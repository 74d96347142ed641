//! What the operator asks of the link to one destination is never undercut, and what happened can be read.

use super::Organisation;
use crate::peers::{Exim, PeerTls};

/// Tables that ask for a policy towards Exim's domain, and for haste.
fn policy(policy: &str) -> String {
    format!(
        "
[[tls_policy]]
domain = 'exim.test'
policy = '{policy}'

[queue]
retry_first = '1 s'
delay_notice_after = '1 s'
"
    )
}

#[test]
fn a_required_destination_without_tls_keeps_the_mail_queued_says_why_and_sends_a_delay_notice() {
    let exim = Exim::start(PeerTls::None, None);
    let organisation = Organisation::with(exim.smtp.port(), "enabled = true", &policy("required"));
    organisation.ann_sends("bob@exim.test", "sealed or not at all");

    let trace =
        organisation.rohrpost.trace("bob@exim.test", &["bob@exim.test deferred", "required, set by the operator"]);
    assert!(trace.contains("STARTTLS"), "{trace}");
    let id = trace.split_whitespace().next().expect("a trace begins with the id");
    let shown = organisation.rohrpost.ask(&["queue", "show", id]);
    assert!(shown.contains("bob@exim.test") && shown.contains("STARTTLS"), "{shown}");

    let notice = organisation.rohrpost.inbox(&["Action: delayed", "Final-Recipient: rfc822; bob@exim.test"]);
    assert!(notice.contains("STARTTLS"), "{notice}");
    let listed = organisation.rohrpost.ask(&["queue", "list"]);
    assert!(listed.contains("bob@exim.test"), "{listed}");
    assert!(!exim.log().iter().any(|line| line.contains("<=")), "{}", exim.log().join("\n"));
}

#[test]
fn the_same_destination_at_opportunistic_gets_the_mail_in_clear_and_the_trace_says_so() {
    let exim = Exim::start(PeerTls::None, None);
    let organisation = Organisation::with(exim.smtp.port(), "enabled = true", &policy("opportunistic"));
    organisation.ann_sends("bob@exim.test", "sealed or not");
    exim.mail("bob@exim.test", "Subject: sealed or not");
    let trace = organisation.rohrpost.trace("bob@exim.test", &["bob@exim.test relayed to"]);
    assert!(trace.lines().any(|line| line.starts_with("cleartext  ")), "{trace}");
    assert!(trace.contains("none: not offered"), "{trace}");
}

#[test]
fn a_self_signed_server_gets_the_mail_encrypted_when_tls_is_required() {
    let exim = Exim::start(PeerTls::May, None);
    let organisation = Organisation::with(exim.smtp.port(), "enabled = true", &policy("required"));
    organisation.ann_sends("bob@exim.test", "sealed");
    let mail = exim.mail("bob@exim.test", "Subject: sealed");
    assert!(mail.contains("by exim.test with esmtps "), "{mail}");
    let trace = organisation.rohrpost.trace("bob@exim.test", &["bob@exim.test relayed to", "not proved: self-signed"]);
    let hop = trace.lines().find(|line| line.contains("relayed to")).expect("the trace holds it");
    assert!(hop.starts_with("encrypted"), "{trace}");
}
