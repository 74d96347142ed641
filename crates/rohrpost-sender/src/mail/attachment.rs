//! Files that travel with a mail.

use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
};

use rohrpost_mail::{
    HeaderText, HeaderTextError,
    compose::{ContentType, Disposition, Part},
};

use super::{limits::NESTED_MESSAGE_BYTES_MAX, source::Source};

/// A file that travels with a mail: from the disk, from memory, or from whatever can be read twice.
///
/// A path alone makes one, and its name and type follow from it:
///
/// ```
/// use rohrpost_sender::{Attachment, Mail, Source};
///
/// let mail = Mail::new()
///     .from("anna@firma.example")
///     .to("bob@kunde.example")
///     .attach("README.md")
///     .attach(Attachment::new("prices.csv", "net;gross\r\n1;1.19\r\n").content_type("text/csv; header=present"))
///     .attach(Attachment::new("zeros", Source::reader(99, || Ok(std::io::Read::take(std::io::repeat(0), 99)))))
///     .build()?;
/// # Ok::<(), rohrpost_sender::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Attachment {
    content: Content,
    name: Option<String>,
    content_type: Option<String>,
}

#[derive(Clone, Debug)]
enum Content {
    Path(PathBuf),
    Source(Source),
}

impl Attachment {
    /// A file on the disk. It is looked at by [`Builder::build`](super::Builder::build) and read while it is sent.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { content: Content::Path(path.into()), name: None, content_type: None }
    }

    /// Something else that has octets, under a name.
    pub fn new(name: impl Into<String>, source: impl Into<Source>) -> Self {
        Self { content: Content::Source(source.into()), name: Some(name.into()), content_type: None }
    }

    /// The name the receiver sees; by default the last part of the path.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its type, such as `application/pdf` or `text/csv; charset=iso-8859-1`. By default it follows from the end of the
    /// name, and text is taken for UTF-8.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// The file as a part of a message.
    pub(super) fn part(&self, disposition: Disposition) -> Result<Part<Source>, String> {
        let data = match &self.content {
            Content::Path(path) => Source::file(path).map_err(|error| format!("{}: {error}", path.display()))?,
            Content::Source(source) => source.clone(),
        };
        let name = self.shown_name().map_err(|error| format!("{self}: its name: {error}"))?;
        let content_type = match &self.content_type {
            Some(text) => ContentType::new(text).map_err(|error| format!("{text:?}: {error}"))?,
            None => guessed(name.as_ref().map_or("", HeaderText::as_str)),
        };
        match content_type.essence().split('/').next() {
            Some("message") => self.message(name, data),
            Some("multipart") => Err(format!("{self}: a file cannot be `{}`", content_type.essence())),
            _ => Ok(Part::File { content_type, disposition, name, data }),
        }
    }

    fn shown_name(&self) -> Result<Option<HeaderText>, HeaderTextError> {
        let last = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = match (&self.name, &self.content) {
            (Some(name), _) => Some(name.clone()),
            (None, Content::Path(path)) => last(path),
            (None, Content::Source(_)) => None,
        };
        name.map(HeaderText::new).transpose()
    }

    /// A message within the message: its octets must not be in base64 (RFC 2046 §5.2.1), so it has to be looked at now.
    /// One that is too large or cannot be brought into seven bits travels as a file.
    fn message(&self, name: Option<HeaderText>, data: Source) -> Result<Part<Source>, String> {
        if data.octets() <= NESTED_MESSAGE_BYTES_MAX {
            let mut octets = Vec::new();
            let read = data.open().and_then(|mut reader| reader.read_to_end(&mut octets));
            read.map_err(|error| format!("{self}: {error}"))?;
            if let Some(part) = Part::message(name.clone(), &octets) {
                return Ok(part);
            }
        }
        Ok(Part::File { content_type: ContentType::octets(), disposition: Disposition::Attachment, name, data })
    }
}

/// How it is called in an error.
impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.content, &self.name) {
            (Content::Path(path), _) => path.display().fmt(f),
            (Content::Source(_), Some(name)) => write!(f, "{name:?}"),
            (Content::Source(_), None) => f.write_str("an attachment"),
        }
    }
}

/// The type that usually belongs to the end of the name.
fn guessed(name: &str) -> ContentType {
    let guess = mime_guess::from_path(name).first_raw().unwrap_or_default();
    let text = if guess.starts_with("text/") { format!("{guess}; charset=utf-8") } else { guess.to_owned() };
    ContentType::new(&text).unwrap_or_else(|_| ContentType::octets())
}

impl From<&str> for Attachment {
    fn from(path: &str) -> Self {
        Self::file(path)
    }
}

impl From<String> for Attachment {
    fn from(path: String) -> Self {
        Self::file(path)
    }
}

impl From<&Path> for Attachment {
    fn from(path: &Path) -> Self {
        Self::file(path)
    }
}

impl From<PathBuf> for Attachment {
    fn from(path: PathBuf) -> Self {
        Self::file(path)
    }
}

impl From<&PathBuf> for Attachment {
    fn from(path: &PathBuf) -> Self {
        Self::file(path)
    }
}
