use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};

use super::*;

/// What the server is asked, by the start of its words, and what it answers; `T` stands for the tag.
type Script = &'static [(&'static str, &'static str)];

const TWO_MAILBOXES: Script = &[
    (
        "LIST",
        "* LIST (\\HasNoChildren) \".\" INBOX\r\n* LIST (\\Noselect) \".\" Work\r\n\
         * LIST () \".\" \"Work.B&APw-ro\"\r\n* LIST (\\All) \".\" Everything\r\nT OK done\r\n",
    ),
    ("STATUS \"INBOX\"", "* STATUS INBOX (MESSAGES 2)\r\nT OK done\r\n"),
    ("STATUS \"Work.B&APw-ro\"", "T NO not now\r\n"),
    ("EXAMINE \"INBOX\"", "* 2 EXISTS\r\n* OK [UIDVALIDITY 9] good\r\nT OK [READ-ONLY] done\r\n"),
    ("UID FETCH 1:* (UID)", "* 1 FETCH (UID 4)\r\n* 2 FETCH (UID 6)\r\nT OK done\r\n"),
    (
        "UID FETCH 4,6 (",
        "* 1 FETCH (UID 4 FLAGS (\\Seen \\Recent) INTERNALDATE \" 2-Nov-2026 10:00:00 +0000\" BODY[] {9}\r\nA: 1\r\n\r\nx)\r\n\
         * 3 EXISTS\r\n* 1 FETCH (UID 6 FLAGS ())\r\n* 1 FETCH (UID 4 BODY[] {1}\r\nx)\r\n* 2 FETCH (UID 6 BODY[] NIL)\r\nT OK done\r\n",
    ),
    ("EXAMINE \"Work.B&APw-ro\"", "* OK [UIDVALIDITY 1] good\r\nT OK done\r\n"),
    ("UID FETCH 1:* (UID)", "T OK done\r\n"),
    ("LOGOUT", "* BYE\r\nT OK done\r\n"),
];

async fn play(stream: DuplexStream, script: Script) {
    let mut stream = BufReader::new(stream);
    for (wanted, answer) in script {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let (tag, command) = line.trim_end().split_once(' ').unwrap();
        assert!(command.starts_with(wanted), "asked {command:?} in the place of {wanted:?}");
        let tagged = answer.replace("\r\nT ", &format!("\r\n{tag} "));
        let answer = tagged.strip_prefix("T ").map_or(tagged.clone(), |rest| format!("{tag} {rest}"));
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn source(script: Script, only: &[&str]) -> anyhow::Result<ImapSource> {
    let (near, far) = tokio::io::duplex(1_000);
    tokio::spawn(play(far, script));
    let only: Vec<_> = only.iter().map(|name| (*name).to_owned()).collect();
    ImapSource::over(Link::over(near), "ann@old.test".to_owned(), &only, Mapping::new(Vec::new(), Vec::new())).await
}

#[tokio::test]
async fn every_mailbox_is_read_and_what_cannot_be_had_is_told() {
    let mut source = source(TWO_MAILBOXES, &[]).await.unwrap();
    assert_eq!(source.progress(), (0, 2));
    let Some(Step::Bad(fault)) = source.next(|_| false).await.unwrap() else { panic!("there is a fault") };
    assert_eq!((fault.place.as_str(), fault.is_lost), ("Everything", false));
    let Some(Step::Mail(found)) = source.next(|_| false).await.unwrap() else { panic!("there is a message") };
    assert_eq!((found.mailbox.as_str(), found.flags), ("INBOX", vec!["\\Seen".to_owned()]));
    assert_eq!(found.at.unwrap().to_string(), "2026-11-02T10:00:00Z");
    let Some(Step::Bad(fault)) = source.next(|_| false).await.unwrap() else { panic!("there is a fault") };
    assert_eq!(fault.place, "INBOX, UID 6");
    assert!(source.next(|_| false).await.unwrap().is_none());
    assert_eq!(source.progress(), (2, 2));
}

#[tokio::test]
async fn what_is_known_is_not_fetched_again() {
    const SCRIPT: Script = &[
        ("LIST", "* LIST () \"/\" INBOX\r\nT OK done\r\n"),
        ("STATUS", "T OK done\r\n"),
        ("EXAMINE", "* OK [UIDVALIDITY 9] good\r\nT OK done\r\n"),
        ("UID FETCH 1:* (UID)", "* 1 FETCH (UID 4)\r\n* 2 FETCH (UID 6)\r\n* 3 FETCH (UID 7)\r\nT OK done\r\n"),
        ("UID FETCH 4 (", "* 1 FETCH (UID 4 BODY[] {1}\r\nx)\r\nT OK done\r\n"),
        ("UID FETCH 7 (", "* 3 FETCH (UID 7 BODY[] {1}\r\ny)\r\nT OK done\r\n"),
        ("LOGOUT", "T OK done\r\n"),
    ];
    let six = Key::of(b"ann@old.test 9 INBOX 6");
    let mut source = source(SCRIPT, &["INBOX"]).await.unwrap();
    let mut known = 0;
    while let Some(step) = source.next(|key| *key == six).await.unwrap() {
        known += u32::from(matches!(step, Step::Known(_)));
    }
    assert_eq!((known, source.done), (1, 3));
}

#[tokio::test]
async fn a_server_that_says_no_or_good_bye_is_quoted() {
    const NO: Script = &[("LIST", "T NO go away\u{1b}[31m\r\n")];
    const BYE: Script = &[("LIST", "* BYE too many\r\n")];
    assert_eq!(source(NO, &[]).await.err().unwrap().to_string(), "the server says: NO go away[31m");
    assert_eq!(source(BYE, &[]).await.err().unwrap().to_string(), "the server says: * BYE too many");
    let missing = source(TWO_MAILBOXES, &["Sent"]).await.err().unwrap();
    assert_eq!(missing.to_string(), "there is no mailbox \"Sent\" there");
}
