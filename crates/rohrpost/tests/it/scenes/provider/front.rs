//! Another mail server stays in front and brings the mail by LMTP: Postfix.

use crate::peers::rohrpost::ANN;
use crate::peers::{Installation, PeerTls, Postfix, Swaks, free_address};

const FULL: &str = "full@here.test";

#[test]
fn postfix_in_front_hears_of_each_recipient_by_itself() {
    let lmtp = free_address();
    let listener = format!("[[listener]]\nname = 'lmtp'\nprotocol = 'lmtp'\naddress = '{lmtp}'\n");
    let installation = Installation::new(free_address(), 25, "trusted_networks = ['127.0.0.0/8']\n", &listener);
    installation.add_account(FULL);
    let rohrpost = installation.start();
    let transport = format!("default_transport = lmtp:inet:{lmtp}\n");
    let postfix = Postfix::start_with(PeerTls::None, None, &transport);
    let send = |to: &str, subject: &str| {
        let swaks = Swaks::new(postfix.smtp, "bob@postfix.test", to).subject(subject);
        swaks.with(&["--body", &["x".repeat(750), "x".repeat(750)].join("\\n")]).send().expect_success();
    };

    send(FULL, "the last that fits");
    let list = ["mailbox", "list", FULL, "--json"];
    rohrpost.ask_until(&list, "the message", |listed| listed.lines().count() == 1);
    rohrpost.ask(&["account", "quota", "set", FULL, "3 KiB"]);

    send(&format!("{ANN},nobody@here.test,{FULL}"), "to three");
    assert!(postfix.wait_for_delivery(ANN, "sent").contains("250 2.0.0 queued as"));
    assert!(postfix.wait_for_delivery("nobody@here.test", "bounced").contains("550 5.1.1 No such mailbox"));
    assert!(postfix.wait_for_delivery(FULL, "deferred").contains("452 4.2.2 Mailbox is full"));
    rohrpost.inbox(&["Subject: to three", "with LMTP"]);
    assert_eq!(rohrpost.ask(&list).lines().count(), 1);
}
