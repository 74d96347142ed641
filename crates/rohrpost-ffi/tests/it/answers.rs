//! What the library says to what it cannot use: each time an answer, each time where the fault is.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use serde_json::Value;

use crate::program::{Answer, Program};

const SETTINGS: &str = r#"{"abi": 1, "server": "smtp://127.0.0.1:1"}"#;

/// What `wrong` is answered with; the first answer where it is settings, the second where it is a mail.
fn answers(talk: &Program, wrong: &[&str], place: usize) -> Vec<(String, i32, String)> {
    let one = |wrong: &&str| {
        let arguments = if place == 0 { [wrong, "{}"] } else { [SETTINGS, wrong] };
        let (code, json) = talk.answers(&arguments).remove(place);
        ((*wrong).to_owned(), code, json["error"].as_str().unwrap().to_owned())
    };
    wrong.iter().map(one).collect()
}

/// Checks that each text is answered with the code, and with an error that begins like this.
fn check(place: usize, expected: i32, table: &[(&str, &str)]) {
    let talk = Program::new("talk");
    let wrong: Vec<&str> = table.iter().map(|(wrong, _)| *wrong).collect();
    for ((wrong, code, error), (_, beginning)) in answers(&talk, &wrong, place).into_iter().zip(table) {
        assert_eq!(code, expected, "{wrong}: {error}");
        assert!(error.starts_with(beginning), "{wrong}: {error}");
    }
}

#[test]
fn settings_that_cannot_be_used_say_where_they_are_wrong() {
    check(
        0,
        78,
        &[
            ("NULL", "settings: NULL, where JSON is expected"),
            ("", "settings: EOF while parsing a value at line 1 column 0"),
            ("{\n  \"abi\": 1,\n  server: 1}", "settings: key must be a string at line 3 column 3"),
            ("[]", "settings: a list, where an object is expected"),
            (r#"{"server": "smtp://a.test"}"#, "settings: missing field `abi`"),
            (r#"{"abi": 2, "new": {}}"#, "settings: abi: this library has 1, the program was written for 2"),
            (r#"{"abi": 1} x"#, "settings: trailing characters at line 1 column 12"),
            (
                r#"{"abi": 1, "server": "smtp://a.test", "socket": "/s"}"#,
                "settings: server: socket and drop_dir belong to",
            ),
            (
                r#"{"abi": 1, "dkim_key": [{"selector": "mail", "domain": "a.test", "file": "/nowhere"}]}"#,
                "settings: dkim_key[0]: ",
            ),
            (r#"{"abi": 1, "server": []}"#, "settings: no server is set"),
            (
                r#"{"abi": 1, "server": 5}"#,
                "settings: server: invalid type: integer `5`, expected the URL of a server, or",
            ),
            (r#"{"abi": 1, "server": "ftp://a.test"}"#, "settings: server[0].url: server URL: unknown scheme"),
            (
                r#"{"abi": 1, "server": [{"url": "smtp://a.test"}, {"tsl": 1}]}"#,
                "settings: server[1].tsl: unknown field `tsl`",
            ),
            (r#"{"abi": 1, "server": [{"url": "smtp://a.test", "tls": "no"}]}"#, "settings: server[0].tls: "),
            (
                r#"{"abi": 1, "server": [{"url": "smtp://a.test", "rate": "5"}]}"#,
                "settings: server[0].rate: \"5\" is no rate",
            ),
            (
                r#"{"abi": 1, "server": {"url": "smtp://a.test", "user": "ann"}}"#,
                "settings: server[0].user: there is no password",
            ),
            (
                r#"{"abi": 1, "server": "smtp://ann@a.test"}"#,
                "settings: the URL names the user ann, and there is no secret",
            ),
            (
                r#"{"abi": 1, "server": [{"url": "smtp://ann@a.test", "password_keyring": "mail"}]}"#,
                "settings: server[0].password_keyring: name the user",
            ),
            (
                r#"{"abi": 1, "server": {"url": "smtp://ann@a.test", "password_env": "A", "password_file": "/p"}}"#,
                "settings: server[0]: several passwords",
            ),
            (
                r#"{"abi": 1, "server": {"url": "smtp://a.test", "trust": "any", "ca": "/ca.pem"}}"#,
                "settings: server[0].ca: it does not go with trust",
            ),
            (
                r#"{"abi": 1, "server": [{"url": "smtp://a.test", "ca": [5]}]}"#,
                "settings: server[0].ca: expected the name of",
            ),
            (
                r#"{"abi": 1, "server": {"url": "smtp://a.test", "ca": ["/a.pem", "/b:c.pem"]}}"#,
                "settings: server[0].ca: no file may have a colon",
            ),
        ],
    );
}

#[test]
fn a_password_is_in_no_answer() {
    let settings = r#"{"abi": 1, "server": {"url": "smtp://ann@127.0.0.1:1", "password": "pencil", "user": "bob"}}"#;
    let number = r#"{"abi": 1, "server": {"url": "smtp://ann@127.0.0.1:1", "password": 5551234}}"#;
    for settings in [settings, number] {
        for (code, json) in Program::new("talk").answers(&[settings, "{}"]) {
            assert!(code == 78 && !json.to_string().contains("pencil") && !json.to_string().contains("5551"), "{json}");
        }
    }
}

#[test]
fn mails_that_cannot_be_used_say_where_they_are_wrong() {
    check(
        1,
        65,
        &[
            ("NULL", "mail: NULL, where JSON is expected"),
            ("{}", "mail: from: nobody is named as the author; to: there is no recipient"),
            (r#"{"form": "ann@here.test"}"#, "mail: form: unknown field `form`, expected one of `from`"),
            (r#"{"from": "ann"}"#, "mail: from: \"ann\": the address has no @; to: there is no recipient"),
            (r#"{"to": [{"name": "Bob"}]}"#, "mail: to[0]: missing field `address`"),
            (
                r#"{"to": [["bob@there.test"]]}"#,
                "mail: to[0]: invalid type: sequence, expected an address, or an object",
            ),
            (r#"{"attach": [{"name": "a"}]}"#, "mail: attach[0]: one of path, base64 and text is expected"),
            (
                r#"{"attach": ["/dev/null/x"]}"#,
                "mail: from: nobody is named as the author; to: there is no recipient; attach: ",
            ),
            (r#"{"attach": {"name": "a", "base64": "A\u00e4"}}"#, "mail: attach[0].base64: Invalid"),
            (r#"{"attach": {"text": "a"}}"#, "mail: attach[0].name: "),
            (r#"{"inline": [{"file": "a"}]}"#, "mail: inline[0]: missing field `cid`"),
            (
                r#"{"auto_submitted": "yes"}"#,
                "mail: auto_submitted: unknown variant `yes`, expected `auto-generated` or",
            ),
            (r#"{"notify": "soon"}"#, "mail: notify: NOTIFY takes NEVER, or"),
            (r#"{"ret": "half"}"#, "mail: ret: unknown variant `half`, expected `full` or `hdrs`"),
            (r#"{"subject": "a\r\nBcc: eve@there.test"}"#, "mail: subject: "),
            (r#"{"eml": {"text": "From: a@b.test"}, "subject": "x"}"#, "mail: subject: it has no place beside eml"),
            (r#"{"eml": "From: a@b.test\n\nhi"}"#, "mail: eml: a text is the path of a file; what"),
            (r#"{"eml": {"text": "From: a@b.test\nTo: a@b.test\nX: a\rBcc: eve@b.test\n\nhi"}}"#, "mail: "),
            (r#"{"eml": "/nowhere"}"#, "mail: eml: /nowhere: No such file"),
            (r#"{"eml": {"text": "x", "name": "y"}}"#, "mail: eml: a whole message has neither"),
            (r#"{"eml": {"text": "From: a@b.test\n\n"}}"#, "mail: to: To, Cc and Bcc name no recipient"),
            (r#"{"eml": {"text": "From: a@b.test\n\n"}, "from": "a@b.test, c@d.test"}"#, "mail: from: one address"),
            (r#"{"eml": {"text": "From: a@b.test\n\n"}, "to": ["a@b.test", "c"]}"#, "mail: to[1]: "),
            (r#"{"eml": {"text": "From: a@b.test\nTo: a@b.test\n\n"}, "envid": "ä"}"#, "mail: envid: "),
        ],
    );
}

#[test]
fn text_that_is_not_utf_8_is_told() {
    let broken = OsString::from_vec(b"{\"a\xff".to_vec());
    let answers: Vec<Answer> = Program::new("talk").answers(&[broken.clone(), broken]);
    assert_eq!(answers[0].1["error"], "settings: octet 4 is not UTF-8");
    assert_eq!(answers[1], answers[0], "what is sent with a sender that is none has its answer");
    let answers = Program::new("talk").answers(&[SETTINGS.into(), OsString::from_vec(vec![0xff])]);
    assert_eq!((answers[1].0, &answers[1].1["error"]), (65, &Value::from("mail: octet 1 is not UTF-8")));
}

#[test]
fn handles_where_they_do_not_belong_are_answered() {
    let answers = Program::new("misuse").answers(&[SETTINGS]);
    let told: Vec<(i32, &str)> = answers.iter().map(|(code, json)| (*code, json["error"].as_str().unwrap())).collect();
    let none = "rohrpost_send: the handle is none of rohrpost_open's";
    let mail = "mail: from: nobody is named as the author; to: there is no recipient";
    assert_eq!(told, [(78, "the handle is NULL"), (78, none), (78, none), (65, mail)]);
    let keys = |json: &Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for (_, json) in &answers {
        assert_eq!(keys(json), keys(&answers[0].1), "every error has the same keys");
    }
}
