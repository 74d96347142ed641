use rohrpost_client::ChannelBinding;
use rohrpost_mail::Secret;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

use super::{super::link::Peer, *};

/// What the server is told, and what it answers; `T` stands for the tag of the last command.
type Script = &'static [(&'static str, &'static str)];

async fn play(stream: DuplexStream, script: Script) {
    let mut stream = BufReader::new(stream);
    let mut tag = String::new();
    for (wanted, answer) in script {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let said = match line.trim_end().split_once(' ') {
            Some((word, command)) if word.starts_with('r') => {
                word.clone_into(&mut tag);
                command
            }
            _ => line.trim_end(),
        };
        assert_eq!(said, *wanted);
        let answer = answer.lines().map(|line| match line.strip_prefix("T ") {
            Some(end) => format!("{tag} {end}\r\n"),
            None => format!("{line}\r\n"),
        });
        stream.write_all(answer.collect::<String>().as_bytes()).await.unwrap();
    }
}

async fn log_in(script: Script, peer: Peer, credential: Credential) -> Result<(), String> {
    let (near, far) = tokio::io::duplex(1_000);
    let server = tokio::spawn(play(far, script));
    let mut link = Link::over(near);
    link.peer = peer;
    let account = Account { user: "ann".into(), credential, server: ("imap.old.test".into(), 993) };
    let result = link.log_in(&account).await;
    drop(link);
    server.await.expect("the server hears what it waits for");
    result.map_err(|error| error.to_string())
}

fn verified() -> Peer {
    Peer { is_private: true, is_verified: true, binding: None }
}

fn password() -> Credential {
    Credential::Password(Secret::new("pencil"))
}

fn token() -> Credential {
    Credential::Token(Secret::new("ya29"))
}

/// PLAIN, with the password in the command.
const PLAIN_AT_ONCE: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=LOGIN AUTH=PLAIN\nT OK done"),
    ("AUTHENTICATE PLAIN AGFubgBwZW5jaWw=", "T OK in"),
];

/// PLAIN at a server that asks first, in words.
const PLAIN_ASKED: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 auth=plain\nT OK done"),
    ("AUTHENTICATE PLAIN", "+ go ahead"),
    ("AGFubgBwZW5jaWw=", "* CAPABILITY IMAP4rev1\nT OK in"),
];

/// The mechanism LOGIN.
const LOGIN_MECHANISM: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=LOGIN\nT OK done"),
    ("AUTHENTICATE LOGIN", "+ VXNlcm5hbWU6"),
    ("YW5u", "+ UGFzc3dvcmQ6"),
    ("cGVuY2ls", "T OK in"),
];

/// The command LOGIN, refused.
const LOGIN_COMMAND: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=GSSAPI\nT OK done"),
    ("LOGIN \"ann\" \"pencil\"", "T NO no\u{1b}[31m"),
];

/// A token that is not good any more, as Google says it.
const XOAUTH2_REFUSED: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2\nT OK done"),
    ("AUTHENTICATE XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgeWEyOQEB", "+ eyJzdGF0dXMiOiI0MDAifQ=="),
    ("", "T NO [AUTHENTICATIONFAILED] Invalid credentials"),
];

/// A token that is good.
const OAUTHBEARER: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 SASL-IR AUTH=OAUTHBEARER AUTH=XOAUTH2\nT OK done"),
    (
        "AUTHENTICATE OAUTHBEARER bixhPWFubiwBaG9zdD1pbWFwLm9sZC50ZXN0AXBvcnQ9OTkzAWF1dGg9QmVhcmVyIHlhMjkBAQ==",
        "T OK in",
    ),
];

/// A server that would take a token in clear text.
const OFFER_IN_CLEAR: Script = &[("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2\nT OK done")];

/// A server that lets everybody in and proves nothing.
const LIAR: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN\nT OK done"),
    ("AUTHENTICATE SCRAM-SHA-256-PLUS", "T OK in"),
];

#[tokio::test]
async fn a_password_goes_with_the_command_where_the_server_can_do_so() {
    log_in(PLAIN_AT_ONCE, verified(), password()).await.unwrap();
    log_in(PLAIN_ASKED, verified(), password()).await.unwrap();
    log_in(LOGIN_MECHANISM, verified(), password()).await.unwrap();
    assert_eq!(log_in(LOGIN_COMMAND, verified(), password()).await.unwrap_err(), "log-in: the server says: NO no[31m");
}

#[tokio::test]
async fn a_token_goes_by_either_mechanism_and_never_in_clear() {
    let refused = log_in(XOAUTH2_REFUSED, verified(), token()).await.unwrap_err();
    assert_eq!(refused, "log-in: the server says: NO [AUTHENTICATIONFAILED] Invalid credentials");
    log_in(OAUTHBEARER, verified(), token()).await.unwrap();
    let refused = log_in(OFFER_IN_CLEAR, Peer::default(), token()).await.unwrap_err();
    assert_eq!(refused, "log-in: the server offers nothing that this can use, but \"PLAIN XOAUTH2\"");
}

/// A server of SCRAM that says no at once: it has no keys for the account.
const NO_KEYS: Script = &[
    ("CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256 AUTH=PLAIN\nT OK done"),
    ("AUTHENTICATE SCRAM-SHA-256", "T NO no keys"),
    ("AUTHENTICATE PLAIN", "+"),
    ("AGFubgBwZW5jaWw=", "T OK in"),
];

#[tokio::test]
async fn a_password_that_scram_cannot_check_goes_to_a_verified_server_only() {
    log_in(NO_KEYS, verified(), password()).await.unwrap();
    let anybody = Peer { is_verified: false, ..verified() };
    let refused = log_in(&NO_KEYS[..2], anybody, password()).await.unwrap_err();
    let wanted = "log-in: the server says: NO no keys; the password itself is sent to no server that may be anybody: \
                  --trust names it";
    assert_eq!(refused, wanted);
}

#[tokio::test]
async fn a_server_that_does_not_prove_itself_in_scram_gets_us_not_in() {
    let bound = Peer { binding: Some(ChannelBinding::tls_exporter([7; 32])), ..verified() };
    let refused = log_in(LIAR, bound, password()).await.unwrap_err();
    assert!(refused.starts_with("log-in: "), "{refused}");
}
