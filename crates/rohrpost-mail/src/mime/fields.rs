//! The fields of one header that a shape is made of, found in one walk.

use super::{
    lexer::unfolded,
    limits::{HEADER_FIELDS_MAX, HEADER_OCTETS_MAX},
};
use crate::header;

/// The values of the first field of each name, folding and line end included. RFC 5322 §3.6 lets none come twice.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) date: Option<&'a [u8]>,
    pub(super) subject: Option<&'a [u8]>,
    pub(super) from: Option<&'a [u8]>,
    pub(super) sender: Option<&'a [u8]>,
    pub(super) reply_to: Option<&'a [u8]>,
    pub(super) to: Option<&'a [u8]>,
    pub(super) cc: Option<&'a [u8]>,
    pub(super) bcc: Option<&'a [u8]>,
    pub(super) in_reply_to: Option<&'a [u8]>,
    pub(super) message_id: Option<&'a [u8]>,
    pub(super) references: Option<&'a [u8]>,
    pub(super) content_type: Option<&'a [u8]>,
    pub(super) content_transfer_encoding: Option<&'a [u8]>,
    pub(super) content_id: Option<&'a [u8]>,
    pub(super) content_description: Option<&'a [u8]>,
    pub(super) content_disposition: Option<&'a [u8]>,
    pub(super) content_language: Option<&'a [u8]>,
    pub(super) content_location: Option<&'a [u8]>,
    pub(super) content_md5: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(header: &'a [u8]) -> Self {
        let mut found = Self::default();
        let header = &header[..header.len().min(HEADER_OCTETS_MAX)];
        for field in header::fields(header).take(HEADER_FIELDS_MAX) {
            if let Some(place) = found.place(field.name) {
                place.get_or_insert(field.value);
            }
        }
        found
    }

    fn place(&mut self, name: &[u8]) -> Option<&mut Option<&'a [u8]>> {
        let mut lower = [0; 25];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"date" => &mut self.date,
            b"subject" => &mut self.subject,
            b"from" => &mut self.from,
            b"sender" => &mut self.sender,
            b"reply-to" => &mut self.reply_to,
            b"to" => &mut self.to,
            b"cc" => &mut self.cc,
            b"bcc" => &mut self.bcc,
            b"in-reply-to" => &mut self.in_reply_to,
            b"message-id" => &mut self.message_id,
            b"references" => &mut self.references,
            b"content-type" => &mut self.content_type,
            b"content-transfer-encoding" => &mut self.content_transfer_encoding,
            b"content-id" => &mut self.content_id,
            b"content-description" => &mut self.content_description,
            b"content-disposition" => &mut self.content_disposition,
            b"content-language" => &mut self.content_language,
            b"content-location" => &mut self.content_location,
            b"content-md5" => &mut self.content_md5,
            _ => return None,
        })
    }
}

/// A field's text on one line; none where the field is missing.
pub(super) fn text(value: Option<&[u8]>) -> Option<std::borrow::Cow<'_, [u8]>> {
    value.map(unfolded)
}
