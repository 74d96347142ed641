//! Responses: each kind as it is printed, and what imap-codec makes of it.

use imap_codec::{
    ResponseCodec,
    decode::Decoder as _,
    encode::{Encoder as _, Fragment},
};
use jiff::Timestamp;
use proptest::prelude::*;
use rohrpost_imap::{
    command::{Atom, FieldName, Flag, ObjectId, Section, SectionText, SpecialUse, StatusItem, SystemFlag, Tag},
    mailbox_name::MailboxName,
    response::{
        Code, Data, ESearch, FetchWriter, Line, ListAttribute, ListData, Quota, QuotaResource, Status, StatusData,
        Wire, continuation, date_time, nstring,
    },
};

use crate::lossy;

/// imap-codec reads the response, and what it writes of it is the same but for the case of letters.
fn assert_peer_agrees(response: &[u8]) {
    let (rest, read) = ResponseCodec::default().decode(response).unwrap_or_else(|error| {
        panic!("imap-codec: {error:?}: {}", lossy(response));
    });
    assert!(rest.is_empty(), "imap-codec leaves {}", lossy(rest));
    let written: Vec<u8> = ResponseCodec::default()
        .encode(&read)
        .flat_map(|fragment| match fragment {
            Fragment::Line { data } | Fragment::Literal { data, .. } => data,
        })
        .collect();
    assert_eq!(lossy(&written).to_uppercase(), lossy(response).to_uppercase());
}

fn line(line: &Line) -> Vec<u8> {
    let mut out = Vec::new();
    line.print(&mut out);
    out
}

fn data(data: &Data, utf8: bool) -> String {
    let mut out = Vec::new();
    data.print(&mut out, Wire { utf8 });
    lossy(&out)
}

fn name(text: &str) -> MailboxName {
    MailboxName::new(text).expect("a name")
}

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).expect("an identifier")
}

#[test]
fn codes_are_as_their_standards_have_them() {
    let flags = vec![Flag::System(SystemFlag::Seen), Flag::Keyword(Atom::new("$Junk").unwrap())];
    for (code, printed) in [
        (Code::TryCreate, "TRYCREATE"),
        (Code::AppendUid { uid_validity: 38_505, uids: vec![3955..=3957] }, "APPENDUID 38505 3955:3957"),
        (
            Code::CopyUid { uid_validity: 38_505, source: vec![304..=304, 319..=320], target: vec![3956..=3958] },
            "COPYUID 38505 304,319:320 3956:3958",
        ),
        (Code::BadCharset, "BADCHARSET (US-ASCII UTF-8)"),
        (Code::Capability(vec!["IMAP4rev2".into(), "STARTTLS".into()]), "CAPABILITY IMAP4rev2 STARTTLS"),
        (Code::HighestModSeq(715_194_045_007), "HIGHESTMODSEQ 715194045007"),
        (Code::MailboxId(id("F2212ea87-6097")), "MAILBOXID (F2212ea87-6097)"),
        (Code::Modified(vec![7..=7, 9..=9]), "MODIFIED 7,9"),
        (Code::PermanentFlags { flags: flags.clone(), keywords: true }, "PERMANENTFLAGS (\\Seen $Junk \\*)"),
        (Code::PermanentFlags { flags: Vec::new(), keywords: false }, "PERMANENTFLAGS ()"),
        (Code::UidValidity(3_857_529_045), "UIDVALIDITY 3857529045"),
        (Code::UidNext(4392), "UIDNEXT 4392"),
        (Code::Unseen(12), "UNSEEN 12"),
        (Code::UnknownCte, "UNKNOWN-CTE"),
    ] {
        let printed = format!("a NO [{printed}] Because\r\n");
        let out = line(&Line::tagged(Tag::new("a").unwrap(), Status::No, "Because").with_code(code));
        assert_eq!(lossy(&out), printed);
        assert_peer_agrees(&out);
    }
}

#[test]
fn a_text_cannot_end_its_line_nor_be_empty() {
    let out = line(&Line::untagged(Status::Bye, "a\r\n* OK b\u{e4}\0"));
    assert_eq!(lossy(&out), "* BYE a??* OK b??\r\n");
    assert_eq!(lossy(&line(&Line::untagged(Status::Ok, ""))), "* OK .\r\n");
}

/// RFC 9051 §6.2.2: a challenge is base64, which a dot is not.
#[test]
fn an_empty_challenge_is_empty() {
    let mut out = Vec::new();
    continuation(&mut out, "");
    assert_eq!(lossy(&out), "+ \r\n");
    assert_peer_agrees(&out);
}

#[test]
fn data_is_as_its_standards_have_it() {
    let status = StatusData {
        items: vec![(StatusItem::Messages, Some(231)), (StatusItem::UidNext, Some(44_292))],
        mailbox_id: None,
    };
    let quota = Quota { root: String::new(), resources: vec![QuotaResource { name: "STORAGE", used: 10, limit: 512 }] };
    for (response, printed) in [
        (Data::Capability(vec!["IMAP4rev1".into(), "AUTH=PLAIN".into()]), "CAPABILITY IMAP4rev1 AUTH=PLAIN"),
        (Data::Enabled(vec!["CONDSTORE".into()]), "ENABLED CONDSTORE"),
        (Data::Id(vec![("name".into(), "Rohrpost".into())]), "ID (\"name\" \"Rohrpost\")"),
        (Data::Namespace, "NAMESPACE ((\"\" \"/\")) NIL NIL"),
        (Data::Separator, "LIST (\\Noselect) \"/\" \"\""),
        (Data::Flags(vec![Flag::System(SystemFlag::Draft)]), "FLAGS (\\Draft)"),
        (Data::Exists(23), "23 EXISTS"),
        (Data::Recent(5), "5 RECENT"),
        (Data::Expunge(44), "44 EXPUNGE"),
        (Data::Vanished { earlier: true, uids: vec![300..=310, 405..=405] }, "VANISHED (EARLIER) 300:310,405"),
        (Data::Search(vec![2, 3, 6], None), "SEARCH 2 3 6"),
        (Data::Search(Vec::new(), None), "SEARCH"),
        (Data::Search(vec![2], Some(917_162_500)), "SEARCH 2 (MODSEQ 917162500)"),
        (Data::Sort(vec![5, 3], None), "SORT 5 3"),
        (Data::Status(name("blurdybloop"), status), "STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)"),
        (Data::Quota(quota), "QUOTA \"\" (STORAGE 10 512)"),
        (Data::QuotaRoot(name("INBOX"), vec![String::new()]), "QUOTAROOT INBOX \"\""),
    ] {
        let out = data(&response, false);
        assert_eq!(out, format!("* {printed}\r\n"));
        assert_peer_agrees(out.as_bytes());
    }
    assert_eq!(data(&Data::Vanished { earlier: false, uids: Vec::new() }, false), "");
}

/// What imap-codec does not know yet.
#[test]
fn data_of_younger_standards_is_as_they_have_it() {
    let found = ESearch {
        tag: Tag::new("A283"),
        uid: true,
        min: Some(2),
        max: Some(47),
        all: vec![2..=2, 10..=15],
        count: Some(7),
        modseq: Some(9),
    };
    let printed = "* ESEARCH (TAG \"A283\") UID MIN 2 MAX 47 COUNT 7 MODSEQ 9 ALL 2,10:15\r\n";
    assert_eq!(data(&Data::ESearch(found), false), printed);
    assert_eq!(
        data(&Data::ESearch(ESearch { tag: Tag::new("a"), ..ESearch::default() }), false),
        "* ESEARCH (TAG \"a\")\r\n"
    );
    let status = StatusData { items: vec![(StatusItem::AppendLimit, None)], mailbox_id: Some(id("Fx")) };
    let printed = "* STATUS INBOX (APPENDLIMIT NIL MAILBOXID (Fx))\r\n";
    assert_eq!(data(&Data::Status(name("INBOX"), status), false), printed);
}

#[test]
fn names_are_utf8_for_those_who_enabled_it() {
    let list = |text: &str| ListData { attributes: Vec::new(), name: name(text), child_subscribed: false };
    assert_eq!(data(&Data::List(list("Entwürfe")), false), "* LIST () \"/\" Entw&APw-rfe\r\n");
    assert_eq!(data(&Data::List(list("Entwürfe")), true), "* LIST () \"/\" \"Entwürfe\"\r\n");
    assert_eq!(data(&Data::List(list("a & b")), false), "* LIST () \"/\" \"a &- b\"\r\n");
    assert_eq!(data(&Data::List(list("nil")), false), "* LIST () \"/\" \"nil\"\r\n");
    let child_subscribed = ListData {
        attributes: vec![ListAttribute::HasChildren, ListAttribute::SpecialUse(SpecialUse::Sent)],
        name: name("Sent"),
        child_subscribed: true,
    };
    let printed = "* LIST (\\HasChildren \\Sent) \"/\" Sent (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n";
    assert_eq!(data(&Data::List(child_subscribed), false), printed);
}

#[test]
fn a_fetch_response_is_written_item_by_item() {
    let at: Timestamp = "1996-07-17T02:44:25Z".parse().unwrap();
    let field = |text| FieldName::new(text).unwrap();
    let fields = SectionText::HeaderFields(vec![field("DATE"), field("a(b")]);
    let mut out = Vec::new();
    let mut fetch = FetchWriter::new(&mut out, 12);
    fetch.flags(["\\Seen"]);
    fetch.internal_date(at);
    fetch.rfc822_size(4286);
    fetch.envelope(b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    fetch.section(&Section { part: vec![1, 2], text: Some(fields) }, Some(7), Some(b"Date: x\r\n\r\n"));
    fetch.section(&Section { part: vec![9], text: Some(SectionText::Mime) }, None, None);
    fetch.uid(u32::MAX);
    fetch.finish();
    let printed = "* 12 FETCH (FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 +0000\" RFC822.SIZE 4286 \
        ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) BODY[1.2.HEADER.FIELDS (DATE \"a(b\")]<7> {11}\r\n\
        Date: x\r\n\r\n BODY[9.MIME] NIL UID 4294967295)\r\n";
    assert_eq!(lossy(&out), printed);
    assert_peer_agrees(&out);
}

#[test]
fn a_fetch_response_goes_on_behind_a_body_that_is_streamed() {
    let mut out = Vec::new();
    let mut fetch = FetchWriter::new(&mut out, 1);
    fetch.rfc822_head("RFC822", 5);
    out.extend_from_slice(b"hello");
    let mut fetch = FetchWriter::resume(&mut out);
    fetch.uid(7);
    fetch.section_head(&Section::default(), None, 2);
    out.extend_from_slice(b"hi");
    FetchWriter::resume(&mut out).finish();
    assert_eq!(lossy(&out), "* 1 FETCH (RFC822 {5}\r\nhello UID 7 BODY[] {2}\r\nhi)\r\n");
    assert_peer_agrees(&out);
}

/// RFC 9051 §9, `date-day-fixed`: a blank stands for a leading zero.
#[test]
fn a_day_of_one_digit_has_a_blank_before_it() {
    let mut out = Vec::new();
    date_time(&mut out, "0996-07-07T02:04:05Z".parse().unwrap());
    assert_eq!(lossy(&out), "\" 7-Jul-0996 02:04:05 +0000\"");
}

#[test]
fn items_of_younger_standards_are_as_they_have_them() {
    let mut out = Vec::new();
    let mut fetch = FetchWriter::new(&mut out, 1);
    fetch.binary(&vec![1], None, Some(b"a\0b"));
    fetch.binary(&vec![], Some(3), Some(b"abc"));
    fetch.binary_head(&vec![2], None, 0);
    FetchWriter::resume(&mut out).binary_size(&vec![4, 2], 9);
    let mut fetch = FetchWriter::resume(&mut out);
    fetch.mod_seq(65_402);
    fetch.email_id(&id("M1"));
    fetch.thread_id(None);
    fetch.thread_id(Some(&id("T1")));
    fetch.save_date(None);
    fetch.preview(Some("Grüße"), false);
    fetch.preview(Some("Grüße"), true);
    fetch.preview(None, true);
    fetch.finish();
    let printed = "* 1 FETCH (BINARY[1] ~{3}\r\na\0b BINARY[]<3> {3}\r\nabc BINARY[2] ~{0}\r\n BINARY.SIZE[4.2] 9 \
        MODSEQ (65402) EMAILID (M1) THREADID NIL THREADID (T1) SAVEDATE NIL PREVIEW {7}\r\nGrüße \
        PREVIEW \"Grüße\" PREVIEW NIL)\r\n";
    assert_eq!(lossy(&out), printed);
}

proptest! {
    /// Whatever a string holds, imap-codec finds it as it was, and nothing behind it.
    #[test]
    fn strings_are_what_imap_codec_reads(octets in "[ -~\r\n\"\\\\äß]{0,40}") {
        let mut out = b"* 1 FETCH (BODY[] ".to_vec();
        nstring(&mut out, Some(octets.as_bytes()), false);
        out.extend_from_slice(b")\r\n");
        assert_peer_agrees(&out);
    }
}
