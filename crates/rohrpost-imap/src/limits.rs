//! Bounds of what a client may send and a session may hold, each with its reason.
//!
//! What an operator may want otherwise (the size of a message, timeouts) is in the session's profile instead.

use std::time::Duration;

/// Octets of a command with its literals before log-in: LOGIN with two long literals, or AUTHENTICATE with a ticket.
/// A stranger cannot make the server keep more.
pub const STRANGER_COMMAND_OCTETS_MAX: usize = 16 * 1_024;

/// Octets of a command with its literals after log-in; messages of APPEND, which pass through, do not count. RFC 7162
/// §4 asks for lines of 8,192 octets; programs that name 10,000 UIDs one by one need 100 KiB.
pub const COMMAND_OCTETS_MAX: usize = 256 * 1_024;
const _: () = assert!(COMMAND_OCTETS_MAX >= 8_192 && COMMAND_OCTETS_MAX > STRANGER_COMMAND_OCTETS_MAX);

/// Literals in one command: a SEARCH that has each of its texts as a literal has some ten.
pub const LITERALS_MAX: usize = 1_000;

/// Octets that come although nobody wants them (the rest of a refused command, a literal announced with `+` that is too
/// large) and are thrown away; beyond, the connection ends. As many as a large message has, so that a refused APPEND
/// is answered instead of cut off.
pub const DISCARDED_OCTETS_MAX: u64 = 64 * 1_024 * 1_024;

/// Octets of a line of AUTHENTICATE or IDLE with its CRLF, as for AUTH of SMTP (RFC 4954 §4).
pub const LINE_OCTETS_MAX: usize = 12_288;

/// Octets of a tag. Programs use up to ten; it is copied into each answer.
pub const TAG_OCTETS_MAX: usize = 64;

/// Parentheses within each other in SEARCH, NOT and OR included. Programs make three of them.
pub const SEARCH_DEPTH_MAX: usize = 50;

/// Search keys of one SEARCH: each is looked at for each message.
pub const SEARCH_KEYS_MAX: usize = 1_000;

/// Different texts of bodies that one SEARCH looks for: messages that no index knows are read once for each.
pub const SEARCH_TEXTS_MAX: usize = 32;
/// Octets of a text that SEARCH looks for.
pub const SEARCH_TEXT_OCTETS_MAX: usize = 4 * 1_024;

/// Data items of one FETCH. A program that asks for each part of a message by itself has a hundred.
pub const FETCH_ITEMS_MAX: usize = 1_000;

/// Octets of the name of a header field, with what stands between it and the colon: names are never folded, and RFC 5322
/// §2.1.1 gives a line 998 octets. What is longer has no name.
pub const NAME_OCTETS_MAX: usize = 998;

/// Fields that one HEADER.FIELDS names.
pub const FIELD_NAMES_MAX: usize = 1_000;

/// Numbers of a part: as deep as the reader of MIME looks.
pub const PART_DEPTH_MAX: usize = 50;

/// Flags of one STORE or APPEND, and thereby keywords that one command can make.
pub const FLAGS_MAX: usize = 100;

/// Octets of a keyword.
pub const KEYWORD_OCTETS_MAX: usize = 100;

/// Octets of a mailbox name in UTF-8. Paths of file systems have no more than 1,024.
pub const MAILBOX_NAME_OCTETS_MAX: usize = 1_000;

/// Levels of a mailbox name.
pub const MAILBOX_LEVELS_MAX: usize = 50;

/// Patterns of one LIST.
pub const LIST_PATTERNS_MAX: usize = 100;

/// Names that ENABLE has, and words in other short lists.
pub const WORDS_MAX: usize = 100;

/// Fields of ID. RFC 2971 §3.3: at most 30.
pub const ID_FIELDS_MAX: usize = 30;
/// Octets of the name of an ID field. RFC 2971 §3.3: 30.
pub const ID_NAME_OCTETS_MAX: usize = 30;
/// Octets of the value of an ID field. RFC 2971 §3.3: 1,024.
pub const ID_VALUE_OCTETS_MAX: usize = 1_024;

/// The error at which a session ends. A program that errs this often does nothing else.
pub const ERRORS_MAX: u32 = 50;
/// The error from which on each next one is answered [`ERROR_DELAY`] later than the one before, and none later than
/// [`ERROR_DELAY_MAX`].
pub const ERRORS_UNTIL_DELAY: u32 = 10;
const _: () = assert!(ERRORS_UNTIL_DELAY < ERRORS_MAX);
/// See [`ERRORS_UNTIL_DELAY`].
pub const ERROR_DELAY: Duration = Duration::from_secs(1);
/// See [`ERRORS_UNTIL_DELAY`].
pub const ERROR_DELAY_MAX: Duration = Duration::from_secs(10);

/// Wrong passwords that end a session.
pub const AUTH_FAILURES_MAX: u32 = 3;
/// How long the answer to a wrong password waits, and to one that cannot be checked: guessing one after another becomes
/// slow.
pub const AUTH_FAILURE_DELAY: Duration = Duration::from_secs(1);

/// Octets of responses that wait to be written; while there are more, no command is read and no page asked for.
pub const OUTPUT_OCTETS_MAX: usize = 128 * 1_024;
/// Octets of a part of a message up to which it is copied to the responses around it, so that many go out in one
/// write; a longer one is passed on as it is.
pub const COPIED_OCTETS_MAX: usize = 16 * 1_024;
const _: () = assert!(COPIED_OCTETS_MAX < OUTPUT_OCTETS_MAX);

/// Messages that one question of FETCH, SEARCH, SORT or THREAD asks for; the driver makes pages of them.
pub const PAGE_MESSAGES_MAX: u32 = 4_096;
/// Messages whose flags one question of STORE changes: its answer tells of each.
pub const STORE_MESSAGES_MAX: u32 = 10_000;
/// Octets of a message that one question asks for.
pub const PIECE_OCTETS_MAX: usize = 64 * 1_024;
/// Messages that SORT and THREAD hold at once, with subject or references of each: some hundred octets for one.
pub const HELD_MESSAGES_MAX: u32 = 200_000;
/// Octets of these texts: subjects and references may be as long as headers, and come from whoever writes to somebody.
pub const HELD_OCTETS_MAX: usize = 64 * 1_024 * 1_024;
/// MODSEQs of a client's own changes that are remembered so that it is not told of them once more. When there are more,
/// the oldest are forgotten, which costs no more than telling something twice.
pub const OWN_CHANGES_MAX: usize = 64;
