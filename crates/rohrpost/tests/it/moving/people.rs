//! `account`, `alias` and `domain`, without a server.

use super::{Desk, json, mbox};
use crate::peers::rohrpost::ANN;

#[test]
fn a_renamed_account_keeps_its_mail_and_its_passwords() {
    let desk = Desk::new();
    std::fs::write(desk.path("a.mbox"), mbox(2)).expect("the file can be written");
    desk.import("mbox", "a.mbox");
    desk.ask(&["account", "rename", ANN, "anna@here.test"]);
    let account = json(&desk.ask(&["account", "list", "--json"])).remove(0);
    assert_eq!(account["name"], "anna@here.test");
    assert_eq!(account["addresses"], serde_json::json!(["anna@here.test", ANN]));
    assert_eq!(account["passwords"], serde_json::json!(["main"]));
    let rows = json(&desk.ask(&["mailbox", "folders", "anna@here.test", "--json"]));
    assert_eq!(rows.iter().find(|row| row["name"] == "a").expect("it moved along")["messages"], 2);
    let shown = desk.ask(&["mailbox", "show", "anna@here.test", "2", "--folder", "a"]);
    assert!(shown.contains("This is number 2.\r\n"), "{shown}");
    desk.ask(&["alias", "set", "info@here.test", "anna@here.test"]);
    let renamed = desk.run(&["account", "rename", "anna@here.test", ANN, "--drop-address"]);
    let warning = String::from_utf8(renamed.stderr).expect("it prints text");
    assert!(warning.contains("info@here.test leads to an address that is nobody's now"), "{warning}");
    let account = json(&desk.ask(&["account", "list", "--json"])).remove(0);
    assert_eq!(account["addresses"], serde_json::json!([ANN]));
    desk.ask(&["account", "add", "bob@here.test"]);
    assert!(desk.refused(&["account", "rename", "bob@here.test", ANN]).contains("is an account already"));
}

#[test]
fn what_goes_with_an_account_is_told_before_it_goes() {
    let desk = Desk::new();
    std::fs::write(desk.path("a.mbox"), mbox(2)).expect("the file can be written");
    desk.import("mbox", "a.mbox");
    desk.ask(&["alias", "set", "info@here.test", ANN]);
    let told = desk.refused(&["account", "remove", ANN]);
    let wanted = "this removes ann@here.test with ann@here.test, 1 password, 2 messages (";
    assert!(told.contains(wanted) && told.contains("info@here.test would lead to nobody"), "{told}");
    desk.ask(&["account", "remove", ANN, "--keep-mail", "--yes"]);
    desk.ask(&["account", "add", ANN]);
    assert_eq!(desk.messages("a"), 2);
    desk.ask(&["account", "remove", ANN, "--yes"]);
    desk.ask(&["account", "add", ANN]);
    assert_eq!(desk.messages("a"), 0);
}

#[test]
fn app_passwords_come_and_go_one_by_one() {
    let desk = Desk::new();
    let password = desk.ask(&["account", "app-password", "add", ANN, "phone"]);
    assert_eq!(password.trim().split('-').count(), 4, "{password}");
    let refused = desk.refused(&["account", "app-password", "add", ANN, "phone"]);
    assert!(refused.contains("has a password for \"phone\""), "{refused}");
    assert_eq!(desk.ask(&["account", "app-password", "list", ANN]), "main\nphone\n");
    desk.ask(&["account", "app-password", "remove", ANN, "phone"]);
    assert_eq!(desk.ask(&["account", "app-password", "list", ANN]), "main\n");
    assert!(desk.refused(&["account", "app-password", "remove", ANN, "phone"]).contains("no password for \"phone\""));
}

#[test]
fn accounts_are_suspended_get_addresses_and_a_quota() {
    let desk = Desk::new();
    let account = || json(&desk.ask(&["account", "list", "--json"])).remove(0);
    desk.ask(&["account", "suspend", ANN]);
    assert_eq!(account()["disabled"], true);
    desk.ask(&["account", "resume", ANN]);
    assert_eq!(account()["disabled"], false);
    desk.ask(&["account", "address", ANN, "--add", "a@here.test", "--remove", ANN]);
    assert_eq!(account()["addresses"], serde_json::json!(["a@here.test"]));
    assert!(desk.refused(&["account", "address", ANN, "--remove", "a@here.test"]).contains("no address left"));
    let quota = || json(&desk.ask(&["account", "quota", "show", ANN, "--json"])).remove(0);
    assert!(quota().get("octets_max").is_none());
    desk.ask(&["account", "quota", "set", ANN, "1KiB"]);
    assert_eq!(quota()["octets_max"], 1024);
    std::fs::write(desk.path("a.mbox"), mbox(100)).expect("the file can be written");
    let refused = desk.refused(&["import", "mbox", &desk.text("a.mbox"), "--account", ANN]);
    assert!(refused.contains("no room left"), "{refused}");
    desk.ask(&["account", "quota", "set", ANN, "none"]);
    assert_eq!(desk.import("mbox", "a.mbox")[0]["imported"], 100);
}

#[test]
fn aliases_grow_shrink_and_are_renamed() {
    let desk = Desk::new();
    let aliases = || desk.ask(&["alias", "list", "--json"]);
    desk.ask(&["alias", "add", "info@here.test", ANN]);
    desk.ask(&["alias", "add", "info@here.test", "bob@there.test", ANN]);
    desk.ask(&["alias", "rename", "info@here.test", "office@here.test"]);
    assert_eq!(aliases(), "{\"name\":\"office@here.test\",\"targets\":[\"ann@here.test\",\"bob@there.test\"]}\n");
    desk.ask(&["alias", "remove", "office@here.test", ANN]);
    assert_eq!(aliases(), "{\"name\":\"office@here.test\",\"targets\":[\"bob@there.test\"]}\n");
    assert!(desk.refused(&["alias", "remove", "office@here.test", ANN]).contains("does not lead to"));
    desk.ask(&["alias", "remove", "office@here.test"]);
    assert_eq!(aliases(), "");
}

#[test]
fn a_domain_that_somebody_has_an_address_in_goes_only_on_request() {
    let desk = Desk::new();
    desk.ask(&["domain", "add", "here.test"]);
    desk.ask(&["alias", "set", "@here.test", "bob@there.test"]);
    let refused = desk.refused(&["domain", "remove", "here.test"]);
    assert!(refused.contains("ann@here.test, @here.test would get no mail any more: --yes does it"), "{refused}");
    desk.ask(&["domain", "remove", "here.test", "--yes"]);
    assert_eq!(desk.ask(&["domain", "list", "--json"]), "");
}
