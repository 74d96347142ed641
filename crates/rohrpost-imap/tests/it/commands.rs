//! Commands: what is read is printed and read again.

use proptest::{prelude::*, sample::select};
use rohrpost_imap::response::Wire;

use crate::{lossy, print, read};

/// What is read from these octets, printed in both encodings of names and read again, is the same.
fn assert_round_trip(octets: &[u8], utf8: bool) {
    let command = read(octets, utf8).unwrap_or_else(|bad| panic!("{bad}: {}", lossy(octets)));
    for utf8 in [false, true] {
        let printed = print(&command, Wire { utf8 });
        let again = read(&printed, utf8).unwrap_or_else(|bad| panic!("{bad}: {}", lossy(&printed)));
        assert_eq!(again, command, "{}", lossy(&printed));
    }
}

#[test]
fn commands_of_every_kind_are_printed_and_read_again() {
    for line in LINES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        assert_round_trip(format!("a1 {line}\r\n").as_bytes(), true);
    }
}

const LINES: &str = r##"
    CAPABILITY
    NOOP
    LOGOUT
    ID NIL
    ID ("name" "Thunderbird" "version" NIL)
    STARTTLS
    AUTHENTICATE PLAIN
    AUTHENTICATE PLAIN AGFubgBwZW4=
    AUTHENTICATE EXTERNAL =
    LOGIN ann pencil
    LOGIN "ann" "with \"quotes\" and \\"
    LOGIN "änn" ""
    ENABLE CONDSTORE X-GOOD-IDEA UTF8=ACCEPT
    SELECT inbox
    SELECT INBOX (CONDSTORE)
    SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))
    SELECT INBOX (QRESYNC (1 2 41:211 (5,9 60,75)) CONDSTORE)
    EXAMINE "Entwürfe/2026" (QRESYNC (1 2 (1:3 7:9)))
    CREATE a/b/
    CREATE MyDrafts (USE (\Drafts \Flagged))
    DELETE "with blank"
    RENAME NIL "NIL"
    SUBSCRIBE a&b
    UNSUBSCRIBE "台北"
    LIST "" ""
    LIST "" "*"
    LIST "a/" %
    LIST (SUBSCRIBED RECURSIVEMATCH) "" ("INBOX" "Drafts/%" *) RETURN (CHILDREN SPECIAL-USE)
    LIST () "" % RETURN ()
    LIST "" % RETURN (SUBSCRIBED STATUS (MESSAGES UNSEEN SIZE HIGHESTMODSEQ MAILBOXID))
    LSUB "#news/" "*"
    NAMESPACE
    STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED DELETED-STORAGE APPENDLIMIT)
    IDLE
    GETQUOTA ""
    GETQUOTAROOT INBOX
    SETQUOTA "" (STORAGE 512 MESSAGE 1000)
    SETQUOTA "#user/alice" ()
    CHECK
    CLOSE
    UNSELECT
    EXPUNGE
    UID EXPUNGE 3000:3002
    UID EXPUNGE $
    SEARCH ALL
    SEARCH FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"
    SEARCH RETURN () TEXT "string not in mailbox"
    SEARCH RETURN (MIN MAX COUNT SAVE) CHARSET UTF-8 TEXT "Süß" 1,3:* UID 5
    UID SEARCH OR (UNSEEN 1:5) (NEW LARGER 9000000000) (KEYWORD $Junk UNKEYWORD work)
    SEARCH CHARSET us-ascii HEADER Message-ID "" OLD RECENT UNANSWERED DELETED DRAFT
    SEARCH OLDER 86400 YOUNGER 1 SENTON "24-Dec-2025" SENTBEFORE 1-Jan-2026 SENTSINCE 2-Jan-2026
    SEARCH MODSEQ 620162338
    SEARCH MODSEQ "/flags/\\Draft" all 620162338
    SEARCH SAVEDBEFORE 1-Jan-2026 SAVEDON 1-Jan-2026 SAVEDSINCE 1-Jan-2026 SAVEDATESUPPORTED
    SEARCH EMAILID M6d99ac3275bb4e THREADID T64b478a75b7ea9
    SORT (SUBJECT REVERSE DATE) UTF-8 SINCE 1-Feb-1994
    UID SORT (ARRIVAL CC FROM SIZE REVERSE TO) US-ASCII ALL
    THREAD ORDEREDSUBJECT UTF-8 SINCE 5-MAR-2000
    UID THREAD REFERENCES UTF-8 TEXT "gewp"
    FETCH 1 FAST
    FETCH 2:* ALL
    FETCH * FULL
    FETCH 1 BODY
    UID FETCH 1:* (UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE)
    FETCH 1 BODY[]
    FETCH 1 BODY.PEEK[1.2.HEADER.FIELDS (DATE "FROM")]<0.1024>
    FETCH 1 (BODY[HEADER.FIELDS.NOT (Received)] BODY[4.1.MIME] BODY[TEXT] BODY[3.2])
    FETCH 1 (BINARY[1] BINARY.PEEK[1.2]<10.20> BINARY.SIZE[] BINARY[])
    FETCH $ (MODSEQ EMAILID THREADID SAVEDATE PREVIEW PREVIEW (LAZY))
    FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)
    UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)
    STORE 2:4 +FLAGS (\Deleted)
    STORE 1 -FLAGS.SILENT \Seen \Answered work
    UID STORE 7,5 (UNCHANGEDSINCE 320162338) FLAGS.SILENT ()
    COPY 2:4 MEETING
    UID COPY $ Archive/2026
    MOVE 1 Trash
    UID MOVE 42:69 foo
    APPEND saved-messages (\Seen $Forwarded) "17-Jul-1996 02:44:25 -0700" {310}
    APPEND x " 1-Jan-2026 00:00:00 +0130" UTF8 (~{310+}
"##;

#[test]
fn the_case_of_words_and_blanks_at_the_end_do_not_matter() {
    let read = |line: &str| read(format!("a {line}\r\n").as_bytes(), false).unwrap();
    for (odd, usual) in [
        ("uid fetch 1 (body.peek[header.fields (date)] flags)", "UID FETCH 1 (BODY.PEEK[HEADER.FIELDS (date)] FLAGS)"),
        ("noop  ", "NOOP"),
        ("search unseen since 01-feb-1994 ", "SEARCH UNSEEN SINCE 1-Feb-1994"),
        ("Store 1 +flags \\SEEN ", "STORE 1 +FLAGS (\\Seen)"),
        ("enable condstore ", "ENABLE condstore"),
    ] {
        assert_eq!(read(odd), read(usual), "{odd}");
    }
}

#[test]
fn flags_that_stand_twice_are_one() {
    let twice = read(b"a STORE 1 FLAGS (work \\Seen WORK \\seen)\r\n", false);
    assert_eq!(twice, read(b"a STORE 1 FLAGS (work \\Seen)\r\n", false));
}

/// What is wrong is said with its place, and with the tag.
#[test]
fn errors_say_what_is_wrong_and_where() {
    for (line, text) in [
        ("FOO", "unknown command"),
        ("UID NOOP", "unknown command"),
        ("NOOP x", "more than the command has at octet 7"),
        ("SELECT", "a blank is missing at octet 8"),
        ("SELECT (x)", "a string is missing at octet 9"),
        ("SELECT \"x", "the second quote is missing at octet 10"),
        ("SELECT \"x\\y\"", "an octet of a quoted string is not known or may not stand at octet 11"),
        ("SELECT &AOQ", "a mailbox name must be modified UTF-7, or UTF-8 once that is enabled, at octet 9"),
        ("SELECT x (FOO)", "a parameter of SELECT is not known or may not stand at octet 12"),
        ("SELECT x (QRESYNC (1 0))", "a MODSEQ above 0 is missing at octet 23"),
        ("SELECT x (QRESYNC (1 1 1:*))", "a set of numbers without `*` is missing at octet 25"),
        ("FETCH 0 FLAGS", "a set of numbers is missing at octet 8"),
        ("FETCH 1 FOO", "a data item is not known or may not stand at octet 10"),
        ("FETCH 1 ()", "a data item is not known or may not stand at octet 11"),
        ("FETCH 1 BODY[MIME]", "a section is not known or may not stand at octet 15"),
        ("FETCH 1 BODY[1TEXT]", "`]` is missing at octet 16"),
        ("FETCH 1 BODY[]<0.0>", "a number above 0 is missing at octet 19"),
        ("FETCH 1 BODY[HEADER.FIELDS (a:b)]", "the name of a header field is missing at octet 30"),
        ("FETCH 1 FLAGS (VANISHED)", "VANISHED without UID and CHANGEDSINCE is not known or may not stand at octet 16"),
        ("STORE 1 FLAGS (\\Recent)", "a flag is not known or may not stand at octet 17"),
        ("SEARCH SINCE 30-Feb-2026", "a date such as 1-Feb-1994 is missing at octet 15"),
        ("SEARCH FROM", "a search key is not known or may not stand at octet 9"),
        ("SEARCH CHARSET KOI8-R TEXT x", "the charset must be US-ASCII or UTF-8"),
        ("SEARCH TEXT \"\u{0}\"", "an octet of a quoted string is not known or may not stand at octet 15"),
        ("LIST (RECURSIVEMATCH) \"\" %", "RECURSIVEMATCH alone is not known or may not stand at octet 7"),
        ("APPEND x", "APPEND has no message"),
    ] {
        let bad = read(format!("a {line}\r\n").as_bytes(), false).unwrap_err();
        assert_eq!(bad.error.to_string(), text, "{line}");
        assert_eq!(bad.tag.unwrap().as_str(), "a");
    }
    assert_eq!(read(b"NOOP\r\n", false).unwrap_err().tag, None);
    assert_eq!(read(b"+ NOOP\r\n", false).unwrap_err().tag, None);
}

#[test]
fn an_unknown_charset_is_no_and_lists_those_that_are_known() {
    let mut out = Vec::new();
    read(b"a SEARCH CHARSET KOI8-R ALL\r\n", false).unwrap_err().line().print(&mut out);
    assert_eq!(lossy(&out), "a NO [BADCHARSET (US-ASCII UTF-8)] the charset must be US-ASCII or UTF-8\r\n");
}

/// Neither the stack nor the memory grows with what a client nests.
#[test]
fn i01_nested_parentheses_100000_deep_are_refused() {
    for key in ["(", "NOT ", "OR (", "OR ALL "] {
        let line = format!("a SEARCH {}ALL\r\n", key.repeat(100_000 / key.len()));
        let bad = read(line.as_bytes(), false).unwrap_err();
        assert_eq!(bad.error.to_string(), "search keys more than 50 deep", "{key}");
    }
    for (line, what) in [
        (format!("FETCH 1 BODY[{}]", "1.".repeat(60)), "more than 50 levels of parts"),
        (format!("SEARCH {}", "ALL ".repeat(1_001)), "more than 1000 search keys"),
        (format!("STORE 1 FLAGS ({})", "a ".repeat(101)), "more than 100 flags"),
        (format!("FETCH 1 ({})", "UID ".repeat(1_001)), "more than 1000 data items"),
    ] {
        let bad = read(format!("a {line}\r\n").as_bytes(), false).unwrap_err();
        assert_eq!(bad.error.to_string(), what);
    }
}

prop_compose! {
    fn text()(text in "[a-zA-Z0-9 äß(){}\"\\\\%*&\r\n-]{0,12}") -> String {
        format!("{{{}+}}\r\n{text}", text.len())
    }
}

prop_compose! {
    fn quoted()(text in "[a-zA-Z0-9 äß(){}%*&-]{0,12}") -> String {
        format!("\"{text}\"")
    }
}

prop_compose! {
    fn mailbox()(levels in proptest::collection::vec("[a-zA-Z0-9 äßé日&~.%*+-]{1,8}", 1..4)) -> String {
        let name = levels.join("/");
        format!("{{{}+}}\r\n{name}", name.len())
    }
}

fn set() -> impl Strategy<Value = String> {
    let position = || prop_oneof![9 => (1_u32..=u32::MAX).prop_map(|number| number.to_string()), 1 => Just("*".into())];
    let range = prop_oneof![position(), (position(), position()).prop_map(|(first, last)| format!("{first}:{last}"))];
    let set = proptest::collection::vec(range, 1..5).prop_map(|ranges| ranges.join(","));
    prop_oneof![9 => set, 1 => Just("$".into())]
}

fn search_key() -> impl Strategy<Value = String> {
    let bare = select(vec!["ALL", "UNSEEN", "NEW", "DELETED", "RECENT", "SAVEDATESUPPORTED"]).prop_map(str::to_owned);
    let of_text = select(vec!["FROM", "BODY", "TEXT", "HEADER X-Mailer", "SUBJECT"]);
    let of_date = select(vec!["BEFORE", "SENTON", "SAVEDSINCE"]);
    let leaf = prop_oneof![
        bare,
        set(),
        set().prop_map(|set| format!("UID {set}")),
        (of_text, prop_oneof![text(), quoted()]).prop_map(|(key, text)| format!("{key} {text}")),
        (of_date, 1..29, 1000..9999).prop_map(|(key, day, year)| format!("{key} {day}-Feb-{year}")),
        (1_u64..=i64::MAX as u64).prop_map(|octets| format!("LARGER {octets}")),
    ];
    leaf.prop_recursive(4, 20, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|key| format!("NOT {key}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("OR {one} {other}")),
            proptest::collection::vec(inner, 1..4).prop_map(|keys| format!("({})", keys.join(" "))),
        ]
    })
}

fn fetch_item() -> impl Strategy<Value = String> {
    let part = || {
        proptest::collection::vec(1_u32..99, 1..4)
            .prop_map(|part| part.iter().map(u32::to_string).collect::<Vec<_>>().join("."))
    };
    let text = select(vec!["HEADER", "TEXT", "HEADER.FIELDS (Date \"To\")", "HEADER.FIELDS.NOT (a]b)"]);
    let partial =
        prop_oneof![Just(String::new()), (0_u64..1 << 40, 1_u64..1 << 40).prop_map(|(a, b)| format!("<{a}.{b}>"))];
    prop_oneof![
        select(vec!["FLAGS", "UID", "ENVELOPE", "BODY", "MODSEQ", "PREVIEW", "PREVIEW (LAZY)"]).prop_map(str::to_owned),
        (text.clone(), partial.clone()).prop_map(|(text, partial)| format!("BODY.PEEK[{text}]{partial}")),
        (part(), text, partial.clone()).prop_map(|(part, text, partial)| format!("BODY[{part}.{text}]{partial}")),
        (part(), partial).prop_map(|(part, partial)| format!("BINARY.PEEK[{part}]{partial}")),
    ]
}

proptest! {
    #[test]
    fn searches_are_printed_and_read_again(key in search_key()) {
        assert_round_trip(format!("a UID SEARCH RETURN (COUNT) CHARSET UTF-8 {key}\r\n").as_bytes(), true);
    }

    #[test]
    fn fetches_are_printed_and_read_again(set in set(), items in proptest::collection::vec(fetch_item(), 1..5)) {
        assert_round_trip(format!("a FETCH {set} ({})\r\n", items.join(" ")).as_bytes(), true);
    }

    #[test]
    fn names_are_printed_and_read_again(from in mailbox(), to in mailbox()) {
        assert_round_trip(format!("a RENAME {from} {to}\r\n").as_bytes(), true);
        assert_round_trip(format!("a LIST (SUBSCRIBED) \"\" ({from} {to})\r\n").as_bytes(), true);
    }

    #[test]
    fn texts_are_printed_and_read_again(user in text(), password in text()) {
        assert_round_trip(format!("a LOGIN {user} {password}\r\n").as_bytes(), true);
    }
}
