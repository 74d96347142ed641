//! What a server says (RFC 9051 §7), printed.
//!
//! [`Line`] is a status response, [`Data`] one of server data; [`FetchWriter`] writes FETCH, which is most of what goes
//! out, item by item without a value in between. All print into one buffer, whose owner writes it to the peer.
//! [`Wire`] says what the client understands: names of mailboxes differ by it.
//!
//! ```
//! use rohrpost_imap::response::{Code, Data, Line, Status, Wire};
//!
//! let mut out = Vec::new();
//! Data::Exists(17).print(&mut out, Wire::default());
//! Line::untagged(Status::Ok, "Predicted").with_code(Code::UidNext(4392)).print(&mut out);
//! assert_eq!(out, b"* 17 EXISTS\r\n* OK [UIDNEXT 4392] Predicted\r\n");
//! ```

mod code;
mod data;
mod fetch;
mod line;
mod string;

pub use code::Code;
pub use data::{Data, ESearch, ListAttribute, ListData, Quota, QuotaResource, StatusData, ThreadNode};
pub use fetch::FetchWriter;
pub(crate) use fetch::{print_flags, print_part, print_section};
pub use line::{Line, Status, continuation};
pub(crate) use string::MONTHS;
pub use string::{astring, date_time, literal_head, nstring, quoted, string};

use crate::mailbox_name::{ListPattern, MailboxName, print_utf7};

/// What the client of a session understands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Wire {
    /// Whether names and texts may be UTF-8: after ENABLE IMAP4rev2 or UTF8=ACCEPT.
    pub utf8: bool,
}

impl Wire {
    /// Writes the name of a mailbox.
    pub fn mailbox(self, out: &mut Vec<u8>, name: &MailboxName) {
        self.name(out, name.as_str());
    }

    /// Writes a pattern of LIST.
    pub(crate) fn pattern(self, out: &mut Vec<u8>, pattern: &ListPattern) {
        if self.utf8 {
            return string(out, pattern.as_str().as_bytes(), true);
        }
        let mut utf7 = Vec::with_capacity(pattern.as_str().len() * 2);
        print_utf7(&mut utf7, pattern.as_str());
        string(out, &utf7, false);
    }

    /// Writes what is like a name: that of a quota root.
    pub(crate) fn name(self, out: &mut Vec<u8>, name: &str) {
        if self.utf8 || name.bytes().all(|octet| matches!(octet, b' '..=b'~') && octet != b'&') {
            return astring(out, name.as_bytes(), self.utf8);
        }
        let mut utf7 = Vec::with_capacity(name.len() * 2);
        print_utf7(&mut utf7, name);
        astring(out, &utf7, false);
    }
}

#[cfg(test)]
mod tests;
