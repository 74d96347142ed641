//! Files: on the disk, or in the JSON itself.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rohrpost_sender::Attachment;
use serde::Deserialize;

use crate::{fault::Fault, json::Short};

/// One of `path`, `base64` and `text`, and how the receiver is to see it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    path: Option<PathBuf>,
    base64: Option<String>,
    text: Option<String>,
    name: Option<String>,
    content_type: Option<String>,
}

impl Short for File {
    const EXPECTED: &str = "the path of a file, or an object with path, base64 or text";

    fn short(path: String) -> Self {
        Self { path: Some(path.into()), ..Self::default() }
    }
}

enum Content {
    Path(PathBuf),
    Octets(Vec<u8>),
}

impl File {
    /// To travel with a mail. A file on the disk is read while it is sent.
    pub(super) fn attachment(mut self, path: &str) -> Result<Attachment, Fault> {
        let (name, content_type) = (self.name.take(), self.content_type.take());
        let file = match (self.content(path)?, name) {
            (Content::Path(file), None) => Attachment::file(file),
            (Content::Path(file), Some(name)) => Attachment::file(file).name(name),
            (Content::Octets(octets), Some(name)) => Attachment::new(name, octets),
            (Content::Octets(_), None) => {
                return Err(Fault::value(format!("{path}.name"), "what comes without a path needs a name"));
            }
        };
        Ok(content_type.into_iter().fold(file, Attachment::content_type))
    }

    /// All of it, now.
    pub(super) fn octets(self, path: &str) -> Result<Vec<u8>, Fault> {
        if self.name.is_some() || self.content_type.is_some() {
            return Err(Fault::value(path, "a whole message has neither name nor content_type"));
        }
        match self.content(path)? {
            Content::Octets(octets) => Ok(octets),
            Content::Path(file) => {
                let unreadable = |error| Fault::value(path, format!("{}: {error}", file.display()));
                fs::read(&file).map_err(unreadable)
            }
        }
    }

    fn content(self, path: &str) -> Result<Content, Fault> {
        match (self.path, self.base64, self.text) {
            (Some(file), None, None) if file.to_string_lossy().contains(char::is_control) => {
                let reason = "a text is the path of a file; what the file would hold goes into an object with text";
                Err(Fault::value(path, reason))
            }
            (Some(file), None, None) => Ok(Content::Path(file)),
            (None, Some(base64), None) => decoded(base64, path),
            (None, None, Some(text)) => Ok(Content::Octets(text.into_bytes())),
            _ => Err(Fault::value(path, "one of path, base64 and text is expected")),
        }
    }
}

/// Programs that write base64 for mails break it into lines.
fn decoded(mut base64: String, path: &str) -> Result<Content, Fault> {
    base64.retain(|c| !c.is_ascii_whitespace());
    let octets = BASE64.decode(base64).map_err(|error| Fault::value(format!("{path}.base64"), error))?;
    Ok(Content::Octets(octets))
}
