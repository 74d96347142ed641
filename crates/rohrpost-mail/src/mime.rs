//! The structure of messages, and their text: RFC 2045 to 2047, 2231 and 5322, as strangers write them.
//!
//! A [`Scanner`] reads a message once, in pieces as they come, and keeps its [`Shape`]: all that a mailbox is asked about
//! a message without its body being read again. [`Texts`] reads the words in it, for search.
//!
//! Nothing here refuses a message and nothing recurses by what a message holds. What is broken, too deep or too much
//! is one opaque part, and the [`limits`] say from where on. What a message *says* is never judged here: addresses may
//! be none, and charsets may lie.
//!
//! ```
//! use rohrpost_mail::mime::Scanner;
//!
//! let mut scanner = Scanner::new();
//! scanner.push(b"From: Ann <ann@here.test>\r\nSubject: Re: lunch\r\n\r\nAt ");
//! scanner.push(b"noon?\r\n");
//! let shape = scanner.finish();
//! assert_eq!(shape.subject_base(), "lunch");
//! assert_eq!(shape.preview(), "At noon?");
//! assert_eq!(shape.section(&[1]).map(|section| section.body), Some(49..59));
//! ```

mod addresses;
mod charset;
mod content;
mod date;
mod envelope;
mod fields;
mod file_name;
pub mod find;
mod html;
mod lexer;
pub mod limits;
mod parameters;
mod part;
mod preview;
mod print;
mod scanner;
mod shape;
mod structure;
mod subject;
mod text;
mod thread;
pub mod transfer;
mod word;

pub use file_name::file_name;
pub use scanner::Scanner;
pub use shape::{Encoding, Section, SectionKind, Sections, Shape, ShapeError};
pub use text::{Scope, TextDecoder, Texts};
pub use word::decode as decode_words;
