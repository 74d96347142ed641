//! `account`, `alias` and `domain`, without a server.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use super::{Desk, json, mbox};
use crate::peers::rohrpost::ANN;
use crate::peers::{Installation, Swaks, free_address};

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
fn a_password_that_cannot_be_one_is_told_why_and_a_file_that_everybody_reads_is_told() {
    let desk = Desk::new();
    let refused = |password: &str| {
        std::fs::write(desk.path("new"), password).expect("the file can be written");
        std::fs::set_permissions(desk.path("new"), Permissions::from_mode(0o644)).expect("it is ours");
        desk.refused(&["account", "password", ANN, "--password-file", &desk.text("new")])
    };
    let told = refused(&"x".repeat(1_025));
    assert!(
        told.contains("the password: it has more than 1024 octets") && told.contains("everybody can read"),
        "{told}"
    );
    assert!(refused("a\u{7}b").contains("the password: it holds characters that RFC 8265 does not allow"));
    std::fs::set_permissions(desk.path("new"), Permissions::from_mode(0o600)).expect("it is ours");
    std::fs::write(desk.path("new"), "pencil").expect("the file can be written");
    let set = desk.run(&["account", "password", ANN, "--password-file", &desk.text("new")]);
    assert_eq!((set.status.code(), String::from_utf8_lossy(&set.stderr).as_ref()), (Some(0), ""));
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
fn the_quota_of_a_domain_is_that_of_its_accounts_until_they_have_their_own() {
    let desk = Desk::new();
    let room = || {
        let row = json(&desk.ask(&["account", "show", ANN, "--json"])).remove(0);
        (row["octets_max"].as_u64(), row["said_by"].as_str().expect("it is text").to_owned())
    };
    let says = |most, who: &str| (most, who.to_owned());
    let refused = desk.refused(&["domain", "quota", "set", "here.test", "1MiB"]);
    assert!(refused.contains("here.test is no local domain"), "{refused}");
    desk.ask(&["domain", "add", "here.test"]);
    assert_eq!(room(), says(None, "nobody"));
    desk.ask(&["domain", "quota", "set", "here.test", "1MiB"]);
    assert_eq!(room(), says(Some(1 << 20), "domain"));
    desk.ask(&["domain", "add", "here.test"]);
    assert_eq!(room(), says(Some(1 << 20), "domain"), "what is there already stays as it is");
    desk.ask(&["account", "quota", "set", ANN, "none"]);
    assert_eq!(room(), says(None, "account"));
    desk.ask(&["account", "quota", "set", ANN, "2MiB"]);
    assert_eq!(room(), says(Some(2 << 20), "account"));
    desk.ask(&["account", "quota", "set", ANN, "default"]);
    assert_eq!(room(), says(Some(1 << 20), "domain"));
    let shown = desk.ask(&["account", "show", ANN]);
    assert!(shown.contains("mail        0 messages, 0 B of 1.0 MiB (says its domain)"), "{shown}");
    let shown = desk.ask(&["domain", "quota", "show", "here.test", "--json"]);
    let wanted = "{\"name\":\"here.test\",\"configured\":false,\"disabled\":false,\"octets_max\":1048576,\"said_by\":\"domain\"}";
    assert_eq!(shown.trim(), wanted);
}

#[test]
fn aliases_grow_shrink_and_are_renamed() {
    let desk = Desk::new();
    let aliases = || desk.ask(&["alias", "list", "--json"]);
    desk.ask(&["alias", "add", "info@here.test", ANN]);
    desk.ask(&["alias", "add", "info@here.test", "bob@there.test", ANN]);
    desk.ask(&["alias", "rename", "info@here.test", "office@here.test"]);
    assert_eq!(
        aliases(),
        "{\"name\":\"office@here.test\",\"targets\":[\"ann@here.test\",\"bob@there.test\"],\"disabled\":false}\n"
    );
    desk.ask(&["alias", "suspend", "office@here.test"]);
    desk.ask(&["alias", "remove", "office@here.test", ANN]);
    assert_eq!(aliases(), "{\"name\":\"office@here.test\",\"targets\":[\"bob@there.test\"],\"disabled\":true}\n");
    assert!(desk.ask(&["alias", "list"]).contains("office@here.test (suspended)"));
    desk.ask(&["alias", "resume", "office@here.test"]);
    assert!(aliases().contains("\"disabled\":false"));
    assert!(desk.refused(&["alias", "remove", "office@here.test", ANN]).contains("does not lead to"));
    desk.ask(&["alias", "remove", "office@here.test"]);
    assert_eq!(aliases(), "");
}

#[test]
fn set_up_help_is_for_those_who_live_here() {
    let desk = Desk::new();
    let refused = desk.run(&["account", "setup-help", "nobody@here.test", "--json"]);
    assert_eq!(refused.status.code(), Some(69));
    let told = String::from_utf8(refused.stderr).expect("it prints text");
    assert!(told.contains("no account has the address nobody@here.test"), "{told}");
    desk.ask(&["account", "address", ANN, "--add", "office@here.test"]);
    desk.ask(&["account", "setup-help", "Office@here.test", "--json"]);
}

#[test]
fn an_address_is_an_accounts_or_an_aliass_and_never_both() {
    let desk = Desk::new();
    desk.ask(&["alias", "set", "both@here.test", "bob@there.test"]);
    desk.ask(&["account", "add", "eve@here.test"]);
    for arguments in [
        &["alias", "set", ANN, "bob@there.test"][..],
        &["alias", "rename", "both@here.test", ANN],
        &["account", "add", "both@here.test"],
        &["account", "add", "new@here.test", "--address", "both@here.test"],
        &["account", "rename", "eve@here.test", "both@here.test"],
        &["account", "address", "eve@here.test", "--add", "both@here.test"],
    ] {
        let refused = desk.run(arguments);
        let told = String::from_utf8(refused.stderr).expect("it prints text");
        assert_eq!(refused.status.code(), Some(65), "{arguments:?}: {told}");
        let of_account = told.contains("ann@here.test is an address of the account ann@here.test, which gets its mail");
        assert!(of_account || told.contains("both@here.test is an alias: `rohrpost alias remove"), "{told}");
    }
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
    assert!(desk.refused(&["domain", "add", "192.0.2.1"]).contains("192.0.2.1: a domain does not end with a number"));
    assert!(desk.refused(&["domain", "add", "here_.test"]).contains("here_.test: a mail domain has letters"));
}

#[test]
fn a_renamed_domain_takes_its_people_along_and_says_what_is_left_to_do() {
    let desk = Desk::new();
    let config = format!(
        "host_name = \"mx.here.test\"\npostmaster = \"ann@here.test\"\ndata_dir = {:?}\n# here.test\n",
        desk.text("data")
    );
    std::fs::write(desk.path("rohrpost.toml"), config).expect("the file can be written");
    let file = desk.text("rohrpost.toml");
    desk.ask(&["domain", "add", "here.test"]);
    desk.ask(&["alias", "set", "info@here.test", ANN]);
    std::fs::write(desk.path("a.mbox"), mbox(2)).expect("the file can be written");
    desk.import("mbox", "a.mbox");
    let renamed = desk.run(&["domain", "rename", "here.test", "new.test", "--config", &file]);
    let notes = String::from_utf8(renamed.stderr).expect("it prints text");
    assert!(renamed.status.success() && notes.contains("1 account and 1 alias moved to new.test"), "{notes}");
    assert!(notes.contains(&format!("{file}:2 names here.test: change it there")), "{notes}");
    assert!(!notes.contains("rohrpost.toml:1 ") && !notes.contains("rohrpost.toml:4 "), "{notes}");
    let account = json(&desk.ask(&["account", "list", "--json"])).remove(0);
    assert_eq!(account["name"], "ann@new.test");
    assert_eq!(account["addresses"], serde_json::json!(["ann@new.test", ANN]));
    assert_eq!(desk.messages("a"), 2, "the old name is an address of the account still");
    let again = desk.refused(&["domain", "rename", "here.test", "new.test"]);
    assert!(again.contains("new.test is a local domain already"), "{again}");
    desk.ask(&["domain", "rename", "new.test", "newer.test", "--drop-addresses"]);
    let account = json(&desk.ask(&["account", "list", "--json"])).remove(0);
    assert_eq!(account["addresses"], serde_json::json!(["ann@newer.test", ANN]));
}

#[test]
fn who_is_suspended_gets_no_mail_over_smtp_until_resumed() {
    let mx = free_address();
    let tables = format!(
        "[[listener]]\nname = 'mx'\nprotocol = 'smtp'\naddress = '{mx}'\n\
         [limits]\ngreeting_delay = '0 s'\ntarpit = '0 s'\n"
    );
    let installation = Installation::new(free_address(), 25, "", &tables);
    installation.add_account("bob@there.test");
    let server = installation.start();
    let refused = server.installation.command().args(["domain", "suspend", "here.test"]).output();
    let refused = String::from_utf8(refused.expect("it is built").stderr).expect("it prints text");
    assert!(refused.contains("here.test stands in the configuration alone"), "{refused}");
    server.ask(&["domain", "add", "there.test"]);
    server.ask(&["alias", "set", "info@there.test", "bob@there.test"]);
    let mail = |to: &str| Swaks::new(mx, "<>", to).send();
    for (what, name, to) in [
        ("account", "bob@there.test", "bob@there.test"),
        ("alias", "info@there.test", "info@there.test"),
        ("domain", "there.test", "bob@there.test"),
        ("domain", "there.test", "nobody@there.test"),
    ] {
        server.ask(&[what, "suspend", name]);
        mail(to).expect_reply("550 5.2.1 Mailbox is disabled");
        mail("postmaster@there.test").expect_success();
        server.ask(&[what, "resume", name]);
        match to {
            "nobody@there.test" => mail(to).expect_reply("550 5.1.1"),
            _ => mail(to).expect_success(),
        };
    }
    server.ask(&["account", "suspend", "bob@there.test"]);
    mail("info@there.test").expect_success();
    server.ask(&["domain", "suspend", "there.test"]);
    let shown = server.ask(&["domain", "list", "--json"]);
    assert!(shown.contains("\"name\":\"there.test\",\"configured\":false,\"disabled\":true"), "{shown}");
}

#[test]
fn the_server_says_what_accounts_may_take_where_nobody_else_does() {
    let installation = Installation::new(free_address(), 25, "", "[limits.mailboxes]\nquota = '3 MiB'\n");
    let server = installation.start();
    let shown = || server.ask(&["account", "quota", "show", "--json"]);
    let wanted =
        "{\"account\":\"ann@here.test\",\"messages\":0,\"octets\":0,\"octets_max\":3145728,\"said_by\":\"server\"}\n";
    assert_eq!(shown(), wanted);
    server.ask(&["account", "quota", "set", ANN, "none"]);
    assert!(!shown().contains("octets_max") && shown().contains("\"said_by\":\"account\""), "{}", shown());
}
