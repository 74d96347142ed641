//! What the address verbs of the builder take: one address or many, with names and groups or without.

use std::fmt;

use rohrpost_mail::{
    HeaderText, Mailbox,
    address_list::{Address, NameAddr, addresses},
};

/// Addresses, wherever they come from.
///
/// | from | names |
/// |---|---|
/// | `"anna@firma.example"` | one address |
/// | `"Anna <anna@firma.example>, Staff: b@firma.example, c@firma.example;"` | what the text lists, as in a header (RFC 5322 §3.4) |
/// | `("Müller, Anna <IT>", "anna@firma.example")` | one address with a name, whatever that holds: **the way for names and addresses that others typed** |
/// | `["bob@kunde.example", "cy@kunde.example"]`, a `Vec`, a slice | all of them |
/// | [`Mailbox`], [`NameAddr`], [`Address`] | itself |
/// | [`Addresses::group`] | a group |
///
/// International domains become A-labels (RFC 5891). What is no address is reported by
/// [`Builder::build`](super::Builder::build).
///
/// ```
/// use rohrpost_sender::Mail;
///
/// let mail = Mail::new()
///     .from(("Anna Müller", "anna@bücher.example"))
///     .to(["bob@kunde.example", "Cy <cy@kunde.example>"])
///     .build()?;
/// assert_eq!(mail.envelope().reverse_path.to_string(), "anna@xn--bcher-kva.example");
/// assert_eq!(mail.recipients().len(), 2);
/// # Ok::<(), rohrpost_sender::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    pub(super) list: Vec<Address>,
    pub(super) faults: Vec<String>,
}

impl Addresses {
    /// A group: a name for several addresses, or for none, as in `undisclosed-recipients:;` (RFC 5322 §3.4).
    pub fn group(name: &str, members: impl Into<Self>) -> Self {
        let Self { list, mut faults } = members.into();
        let members = list.iter().flat_map(Address::members).cloned().collect();
        let list = match HeaderText::new(name) {
            Ok(name) => vec![Address::Group { name, members }],
            Err(error) => {
                faults.push(format!("{name:?}: {error}"));
                Vec::new()
            }
        };
        Self { list, faults }
    }

    fn parse(text: &str) -> Self {
        match addresses(text) {
            Ok(list) if list.is_empty() => Self::fault(text, "names no address"),
            Ok(list) => Self { list, faults: Vec::new() },
            Err(_) if text.chars().any(char::is_control) => {
                Self::fault(text, "a line break or another control character must not stand in an address")
            }
            Err(error) => match with_quotes(text) {
                Some(quoted) => {
                    Self::fault(text, format!("{error}; a name with a comma in it stands in quotes: {quoted}"))
                }
                None => Self::fault(text, error),
            },
        }
    }

    fn fault(text: &str, reason: impl fmt::Display) -> Self {
        Self { list: Vec::new(), faults: vec![format!("{text:?}: {reason}")] }
    }

    fn named(name: &str, address: &str) -> Self {
        let mailbox = match Mailbox::parse(address.trim()) {
            Ok(mailbox) => mailbox,
            Err(error) => return Self::fault(address, error),
        };
        match HeaderText::new(name.trim()) {
            Ok(name) => {
                let name = Some(name).filter(|name| !name.as_str().is_empty());
                Address::Single(NameAddr { name, mailbox }).into()
            }
            Err(error) => Self::fault(name, error),
        }
    }

    fn all<T: Into<Self>>(parts: impl IntoIterator<Item = T>) -> Self {
        parts.into_iter().map(Into::into).fold(Self::default(), |mut all, mut part: Self| {
            all.list.append(&mut part.list);
            all.faults.append(&mut part.faults);
            all
        })
    }
}

impl From<&str> for Addresses {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl From<String> for Addresses {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<&String> for Addresses {
    fn from(text: &String) -> Self {
        Self::parse(text)
    }
}

/// What was meant by `Müller, Anna <anna@firma.example>`.
fn with_quotes(text: &str) -> Option<String> {
    let (name, address) = text.split_once('<')?;
    let is_one_name = name.contains(',') && !name.contains(['@', '"']) && !address.contains(',');
    is_one_name.then(|| format!("\"{}\" <{address}", name.trim()))
}

/// A display name and an address.
impl<N: AsRef<str>, A: AsRef<str>> From<(N, A)> for Addresses {
    fn from((name, address): (N, A)) -> Self {
        Self::named(name.as_ref(), address.as_ref())
    }
}

impl From<Address> for Addresses {
    fn from(address: Address) -> Self {
        Self { list: vec![address], faults: Vec::new() }
    }
}

impl From<NameAddr> for Addresses {
    fn from(address: NameAddr) -> Self {
        Address::Single(address).into()
    }
}

impl From<Mailbox> for Addresses {
    fn from(mailbox: Mailbox) -> Self {
        Address::from(mailbox).into()
    }
}

impl From<&Mailbox> for Addresses {
    fn from(mailbox: &Mailbox) -> Self {
        mailbox.clone().into()
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Addresses {
    fn from(parts: [T; N]) -> Self {
        Self::all(parts)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Addresses {
    fn from(parts: Vec<T>) -> Self {
        Self::all(parts)
    }
}

impl<T: Into<Self> + Clone> From<&Vec<T>> for Addresses {
    fn from(parts: &Vec<T>) -> Self {
        parts.as_slice().into()
    }
}

impl<T: Into<Self> + Clone> From<&[T]> for Addresses {
    fn from(parts: &[T]) -> Self {
        Self::all(parts.iter().cloned())
    }
}
