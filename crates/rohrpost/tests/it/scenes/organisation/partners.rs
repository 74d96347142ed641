//! Partners who have agreed to TLS are held to it; everybody else may come as before.

use super::Organisation;
use super::inbound::{NO_MX, arrived};
use crate::peers::rohrpost::ANN;
use crate::peers::{Dialogue, NextHop, PeerTls, Postfix, Swaks};

/// Partners by domain, and one by network, of which nobody is here.
const PARTNERS: &str = "require_tls_from = ['postfix.test', '192.0.2.0/24']\n";

#[test]
fn a_partner_is_asked_for_tls_and_strangers_are_not() {
    let organisation = Organisation::with_keys(NO_MX, PARTNERS);
    let mut in_clear = Dialogue::clear(organisation.mx);
    in_clear.expect("MAIL FROM:<bob@postfix.test>", "530 5.7.0");
    in_clear.expect("MAIL FROM:<eve@exim.test>", "250");
    let mut sealed = Dialogue::starttls(organisation.mx);
    sealed.expect("MAIL FROM:<bob@postfix.test>", "250");
    sealed.expect("RCPT TO:<ann@here.test>", "250");
}

#[test]
fn a_partner_who_speaks_clear_text_gets_its_mail_back() {
    let organisation = Organisation::with_keys(NO_MX, PARTNERS);
    let postfix = Postfix::start(PeerTls::May, Some(NextHop { address: organisation.mx, tls: PeerTls::None }));
    Swaks::new(postfix.smtp, "bob@postfix.test", ANN).subject("in clear").send().expect_success();
    let line = postfix.wait_for_delivery(ANN, "bounced");
    assert!(line.contains("530 5.7.0"), "{line}");
}

#[test]
fn a_partner_who_uses_tls_gets_its_mail_through() {
    let organisation = Organisation::with_keys(NO_MX, PARTNERS);
    let postfix = Postfix::start(PeerTls::May, Some(NextHop { address: organisation.mx, tls: PeerTls::May }));
    Swaks::new(postfix.smtp, "bob@postfix.test", ANN).subject("sealed").send().expect_success();
    arrived(&organisation, "encrypted", "sealed");
}
