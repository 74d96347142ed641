//! The mail that all rows get, with places that each fills.

use std::{fs, io, path::Path};

use rohrpost_sender::{AddressTemplate, BuildError, Mail, Template};
use serde::Serialize;

use super::rows::Values;
use crate::{
    cli,
    exit::{Exit, Failure},
};

/// A checked template.
#[derive(Debug)]
pub(super) struct Letter {
    template: Template,
    /// What it was made of, to know it again.
    identity: Vec<u8>,
}

/// What templates see: each value under its name, and all of them as `row`, for names that no variable can have:
/// `{{ row["E-Mail"] }}`.
#[derive(Serialize)]
struct Seen<'a> {
    row: &'a Values,
    #[serde(flatten)]
    values: &'a Values,
}

impl Letter {
    /// Reads the files and checks all that can be checked without a row.
    pub(super) fn new(options: &cli::Letter) -> anyhow::Result<Self> {
        let text = options.text_file.as_deref().map(read).transpose()?;
        let html = options.html_file.as_deref().map(read).transpose()?;
        let mut base = Mail::new().from(options.from.as_str());
        if let Some(reply_to) = &options.reply_to {
            base = base.reply_to(reply_to.as_str());
        }
        base.clone().to("anybody@rohrpost.invalid").build().map_err(wrong)?;
        let mut template = Template::new(base).subject(&options.subject);
        template = options.to.iter().fold(template, |template, to| template.to(address(to)));
        template = options.cc.iter().fold(template, |template, cc| template.cc(address(cc)));
        template = options.bcc.iter().fold(template, |template, bcc| template.bcc(address(bcc)));
        let header = |template: Template, field: &cli::Pair<':'>| template.header(&field.name, field.value.trim());
        template = options.header.iter().fold(template, header);
        template = options.attach.iter().fold(template, |template, path| template.attach(path));
        template = options.list_unsubscribe.iter().fold(template, |template, uri| template.list_unsubscribe(uri));
        template = text.iter().fold(template, |template, text| template.text(text));
        template = html.iter().fold(template, |template, html| template.html(html));
        template.merge(std::iter::empty::<()>()).map_err(wrong)?;
        Ok(Self { template, identity: format!("{options:?}{text:?}{html:?}").into_bytes() })
    }

    /// The mail for a row.
    pub(super) fn fill(&self, values: &Values) -> Result<Mail, BuildError> {
        let mut mails = self.template.merge([Seen { row: values, values }])?;
        mails.next().expect("one row makes one mail").map_err(|error| error.error)
    }

    /// The same octets for the same letter.
    pub(super) fn identity(&self) -> &[u8] {
        &self.identity
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Failure::new(Exit::Data, format!("{}: not in UTF-8", path.display())).into(),
        _ => anyhow::Error::new(error).context(path.display().to_string()),
    })
}

fn wrong(error: BuildError) -> Failure {
    Failure::new(Exit::Data, error)
}

/// `NAME <ADDRESS>` or `ADDRESS`, with places in both.
fn address(text: &str) -> AddressTemplate {
    match text.trim_end().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim(), address.trim()).into(),
        None => text.into(),
    }
}
