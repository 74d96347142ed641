//! SMTP smuggling: one message for one server, two for the next.
//!
//! # What happened
//!
//! In December 2023 Timo Longin showed that many mail servers could be made to send mail in other people's names. The
//! attacker sent one message through the submission server of a large provider. Somewhere in its body stood
//! `LF . LF`, or `LF . CRLF`, or `CR . CR`, and behind it `MAIL FROM`, `RCPT TO`, `DATA` and a second message. The
//! outgoing server did not take this for the end of the data and passed it on as it was; the incoming server did,
//! and read what followed as commands. The second message came from the provider's address, passed SPF and was
//! aligned for DMARC. Postfix, Sendmail, Exim and Haraka were among those that took such an end, and among the senders
//! that passed it on were some of the largest there are (CVE-2023-51764, CVE-2023-51765, CVE-2023-51766).
//!
//! # Why
//!
//! RFC 5321 §2.3.8 says that CR and LF stand together or not at all, and §4.1.1.4 that only CRLF `.` CRLF ends a message.
//! Programs on Unix hold lines that end in LF, so many servers took either, out of kindness. The kindness of one
//! and the strictness of another are two readings of the same octets.
//!
//! The obvious repair – turn each bare LF into CRLF before looking for the end – is worse than none: it *makes* ends
//! where there were none. And a message that comes in by BDAT, where no mark ends it, may hold all of these forms; if
//! it goes on by DATA as it is, we are the outgoing server of the story.
//!
//! # What is done here
//!
//! 1. The end mark is looked for in the raw octets, and only CRLF `.` CRLF is one ([`crate::data`]). There is no setting
//!    for this, and no client is exempt: not authenticated ones, not trusted networks, not local programs.
//! 2. Dots are unstuffed in the raw octets, too, and only after CRLF.
//! 3. Only then a bare CR or LF becomes CRLF (or the message is refused, as the listener's
//!    [`BareNewline`](crate::server::BareNewline) says), in DATA and BDAT alike. A dot that comes to stand at the
//!    beginning of a line is content, and is stuffed on the way out. Nothing bare is ever stored, signed or sent.
//! 4. A message that is refused is read to its true end first. Where bare newlines are refused the session ends with
//!    the refusal, so that nothing that was pipelined behind such a message is executed.
//! 5. What follows DATA before its reply is neither commands nor message, whatever that reply would be: the session
//!    ends. Clients wait for 354 (RFC 2920 §3.1); whoever does not may have been made to send what it sends.
//! 6. After a BDAT that cannot be taken its octets are counted and passed over; a BDAT whose octets cannot be counted
//!    ends the session.
//!
//! The tests are `a_s01_…`, `a_s02_…`, `a_s03_…`, `a_s06_…`, `a_s07_…` and `a_s14_…`; the reader is compared with a plain
//! rendering of the standard, and every dialogue is cut at every octet, because a state machine that only sees whole
//! lines in its tests fails at the border of a segment.
