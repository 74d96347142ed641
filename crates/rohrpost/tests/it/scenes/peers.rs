//! The others among themselves: when this fails, it is not our program that is at fault.

use crate::peers::{Exim, NextHop, OpenSmtpd, PeerTls, Postfix, Swaks};

#[test]
fn postfix_exim_and_opensmtpd_pass_a_message_on_to_one_another() {
    let postfix = Postfix::start(PeerTls::May, None);
    let exim = Exim::start(PeerTls::May, Some(NextHop { address: postfix.smtp, tls: PeerTls::Encrypt }));
    let opensmtpd = OpenSmtpd::start(Some(NextHop { address: exim.smtps, tls: PeerTls::Implicit }));

    Swaks::new(opensmtpd.smtp, "ann@here.test", "bob@postfix.test").subject("all three").send().expect_success();

    opensmtpd.wait_for_delivery("bob@postfix.test");
    exim.wait_for_delivery("bob@postfix.test");
    let mail = postfix.mail("bob@postfix.test", "Subject: all three");
    assert!(mail.contains("by opensmtpd.test (OpenSMTPD)"), "{mail}");
    assert!(mail.contains("by exim.test with esmtps"), "{mail}");
    assert!(mail.contains("by postfix.test (Postfix) with ESMTPS"), "{mail}");
}

#[test]
fn each_of_them_keeps_mail_for_its_own_domain() {
    let postfix = Postfix::start(PeerTls::Encrypt, None);
    let exim = Exim::start(PeerTls::Encrypt, None);
    let opensmtpd = OpenSmtpd::start(None);

    let send = |server, to, tls| Swaks::new(server, "ann@here.test", to).subject("for you").tls(tls).send();
    send(postfix.smtp, "bob@postfix.test", PeerTls::None).expect_reply("530 ");
    send(exim.smtp, "bob@exim.test", PeerTls::None).expect_reply("550 TLS first");
    send(postfix.smtp, "bob@postfix.test", PeerTls::Encrypt).expect_success();
    send(exim.smtp, "bob@exim.test", PeerTls::Encrypt).expect_success();
    send(opensmtpd.smtp, "bob@opensmtpd.test", PeerTls::None).expect_success();

    postfix.mail("bob@postfix.test", "Subject: for you");
    exim.mail("bob@exim.test", "Subject: for you");
    opensmtpd.mail("bob@opensmtpd.test", "Subject: for you");
}
