//! We take mail for a server behind us, and know its people by asking it: here Postfix, for `postfix.test`.

use std::net::SocketAddr;

use super::Organisation;
use super::inbound::NO_MX;
use crate::peers::{Dialogue, PeerTls, Postfix, Swaks};

/// Lines for Postfix's `main.cf`: one address that is nobody's and one that it cannot judge now.
const PEOPLE: &str = "
smtpd_recipient_restrictions = check_recipient_access inline:{
    { nobody@postfix.test = 550 5.1.1 Nobody here }
    { other@postfix.test = 550 5.1.1 Nobody else here }
    { later@postfix.test = 450 4.2.1 Ask me later } }, reject_unauth_destination
";

/// An organisation in front of the server at `next_hop`.
fn in_front_of(next_hop: SocketAddr) -> Organisation {
    let relay_domain = format!("[[relay_domain]]\ndomain = 'postfix.test'\nnext_hop = '{next_hop}'\n");
    Organisation::with(NO_MX, "enabled = true", &relay_domain)
}

/// A dialogue with the listener for other servers that has come to RCPT.
fn about_to_name_recipients(organisation: &Organisation) -> Dialogue {
    let mut dialogue = Dialogue::clear(organisation.mx);
    dialogue.expect("MAIL FROM:<eve@exim.test>", "250");
    dialogue
}

#[test]
fn the_server_behind_us_says_who_is_there_and_gets_their_mail() {
    let postfix = Postfix::start_with(PeerTls::May, None, PEOPLE);
    let organisation = in_front_of(postfix.smtp);
    let mut dialogue = about_to_name_recipients(&organisation);
    dialogue.expect("RCPT TO:<bob@postfix.test>", "250");
    dialogue.expect("RCPT TO:<nobody@postfix.test>", "550 5.1.1");
    dialogue.expect("RCPT TO:<later@postfix.test>", "451 4.4.1");
    Swaks::new(organisation.mx, "eve@exim.test", "bob@postfix.test").subject("for you behind").send().expect_success();
    let mail = postfix.mail("bob@postfix.test", "Subject: for you behind");
    assert!(mail.contains("by mx.here.test"), "{mail}");
}

#[test]
fn a_refused_address_is_asked_about_once() {
    let postfix = Postfix::start_with(PeerTls::May, None, PEOPLE);
    let organisation = in_front_of(postfix.smtp);
    let mut dialogue = about_to_name_recipients(&organisation);
    for _ in 0..3 {
        dialogue.expect("RCPT TO:<nobody@postfix.test>", "550 5.1.1");
    }
    dialogue.expect("RCPT TO:<other@postfix.test>", "550 5.1.1");
    // Postfix logs in order: when the last question is there, so are those before it.
    postfix.wait_for_refusal("other@postfix.test");
    assert_eq!(postfix.refusals("nobody@postfix.test"), 1);
}

#[test]
fn while_the_server_behind_us_is_down_we_know_whom_it_told_us_of_and_ask_the_others_to_come_again() {
    let postfix = Postfix::start_with(PeerTls::May, None, PEOPLE);
    let organisation = in_front_of(postfix.smtp);
    let mut dialogue = about_to_name_recipients(&organisation);
    dialogue.expect("RCPT TO:<bob@postfix.test>", "250");
    dialogue.expect("RCPT TO:<nobody@postfix.test>", "550 5.1.1");
    drop(postfix);
    dialogue.expect("RSET", "250");
    dialogue.expect("MAIL FROM:<eve@exim.test>", "250");
    dialogue.expect("RCPT TO:<bob@postfix.test>", "250");
    dialogue.expect("RCPT TO:<nobody@postfix.test>", "550 5.1.1");
    dialogue.expect("RCPT TO:<carla@postfix.test>", "451 4.4.1");
}
