//! Options as GNU `getopt_long` reads them: bundles, glued and separate values, long options that may be cut short, operands
//! anywhere, `--` for the end.
//!
//! clap is not used, since its ways differ in what callers rely on here: `-ftwo` is one option and its value, `--read-rec`
//! is enough, and `-oanything` must pass.

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Takes {
    /// None.
    Nothing,
    /// One, glued to it or the next argument.
    Required,
    /// Perhaps one, and then glued to it.
    Optional,
}

/// An option that there is.
#[derive(Clone, Debug)]
pub(super) struct Spec<T> {
    /// Its letter.
    pub(super) short: Option<char>,
    /// Its name.
    pub(super) long: Option<String>,
    /// Its value.
    pub(super) takes: Takes,
    /// What it stands for.
    pub(super) meaning: T,
}

/// An option that was given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Given<T> {
    /// What it stands for.
    pub(super) meaning: T,
    /// As it is called in messages: `-f` or `--from`.
    pub(super) spelling: String,
    /// Its value.
    pub(super) value: Option<String>,
}

/// What is wrong with the command line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum GetoptError {
    /// There is no such option.
    #[error("there is no option {0}")]
    Unknown(String),
    /// More than one option begins like this.
    #[error("{spelling} could be {}", candidates.join(" or "))]
    Ambiguous {
        /// What was given.
        spelling: String,
        /// What begins so.
        candidates: Vec<String>,
    },
    /// The value is missing.
    #[error("{0} needs a value")]
    NoValue(String),
    /// There is a value where none belongs.
    #[error("{0} takes no value")]
    ValueTooMuch(String),
}

/// Options in the order given, and operands in theirs.
pub(super) type Parsed<T> = (Vec<Given<T>>, Vec<String>);

/// Reads a command line without the program's name.
pub(super) fn parse<T: Clone>(
    specs: &[Spec<T>],
    arguments: impl IntoIterator<Item = String>,
) -> Result<Parsed<T>, GetoptError> {
    let (mut given, mut operands) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            operands.extend(arguments.by_ref());
        } else if let Some(long) = argument.strip_prefix("--") {
            given.push(read_long(specs, long, &mut arguments)?);
        } else if argument.len() > 1 && argument.starts_with('-') {
            read_bundle(specs, &argument[1..], &mut arguments, &mut given)?;
        } else {
            operands.push(argument);
        }
    }
    Ok((given, operands))
}

fn read_long<T: Clone>(
    specs: &[Spec<T>],
    text: &str,
    rest: &mut impl Iterator<Item = String>,
) -> Result<Given<T>, GetoptError> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
    let spec = find_long(specs, name)?;
    let spelling = format!("--{}", spec.long.as_deref().unwrap_or_default());
    let value = match (spec.takes, value) {
        (Takes::Nothing, Some(_)) => return Err(GetoptError::ValueTooMuch(spelling)),
        (Takes::Required, None) => Some(rest.next().ok_or_else(|| GetoptError::NoValue(spelling.clone()))?),
        (_, value) => value,
    };
    Ok(Given { meaning: spec.meaning.clone(), spelling, value })
}

/// The option with this name, else the only one whose name begins so.
fn find_long<'a, T>(specs: &'a [Spec<T>], name: &str) -> Result<&'a Spec<T>, GetoptError> {
    let long = |spec: &'a Spec<T>| spec.long.as_deref().unwrap_or_default();
    if let Some(exact) = specs.iter().find(|spec| long(spec) == name && !name.is_empty()) {
        return Ok(exact);
    }
    let candidates: Vec<_> = specs.iter().filter(|spec| spec.long.is_some() && long(spec).starts_with(name)).collect();
    match candidates[..] {
        [] => Err(GetoptError::Unknown(format!("--{name}"))),
        [only] => Ok(only),
        _ => {
            let candidates = candidates.iter().map(|spec| format!("--{}", long(spec))).collect();
            Err(GetoptError::Ambiguous { spelling: format!("--{name}"), candidates })
        }
    }
}

/// Letters behind one hyphen. The first that takes a value takes all that follows.
fn read_bundle<T: Clone>(
    specs: &[Spec<T>],
    letters: &str,
    rest: &mut impl Iterator<Item = String>,
    given: &mut Vec<Given<T>>,
) -> Result<(), GetoptError> {
    for (place, letter) in letters.char_indices() {
        let spelling = format!("-{letter}");
        let spec = specs.iter().find(|spec| spec.short == Some(letter));
        let spec = spec.ok_or_else(|| GetoptError::Unknown(spelling.clone()))?;
        let meaning = spec.meaning.clone();
        let glued = Some(&letters[place + letter.len_utf8()..]).filter(|glued| !glued.is_empty()).map(str::to_owned);
        let value = match spec.takes {
            Takes::Nothing => {
                given.push(Given { meaning, spelling, value: None });
                continue;
            }
            Takes::Optional => glued,
            Takes::Required => {
                Some(glued.or_else(|| rest.next()).ok_or_else(|| GetoptError::NoValue(spelling.clone()))?)
            }
        };
        given.push(Given { meaning, spelling, value });
        return Ok(());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs() -> Vec<Spec<&'static str>> {
        let spec = |short, long: &'static str, takes| Spec { short, long: Some(long.to_owned()), takes, meaning: long };
        vec![
            spec(Some('f'), "from", Takes::Required),
            spec(Some('d'), "debug", Takes::Optional),
            spec(Some('t'), "read-recipients", Takes::Nothing),
            spec(None, "read-envelope-from", Takes::Nothing),
            spec(None, "tls", Takes::Optional),
            spec(None, "tls-starttls", Takes::Optional),
            Spec { short: Some('i'), long: None, takes: Takes::Nothing, meaning: "ignored" },
        ]
    }

    /// The command line in one word for each option and operand.
    fn read(arguments: &str) -> Result<String, GetoptError> {
        let (given, operands) = parse(&specs(), arguments.split(' ').map(str::to_owned))?;
        let show = |option: &Given<&str>| match &option.value {
            Some(value) => format!("{}={value}", option.meaning),
            None => option.meaning.to_owned(),
        };
        Ok(given
            .iter()
            .map(show)
            .chain(operands.iter().map(|operand| format!("<{operand}>")))
            .collect::<Vec<_>>()
            .join(" "))
    }

    #[test]
    fn letters_bundle_and_values_are_glued_or_follow() {
        assert_eq!(read("-tifa@x b@x").unwrap(), "read-recipients ignored from=a@x <b@x>");
        assert_eq!(read("-f a@x").unwrap(), "from=a@x");
        assert_eq!(read("-d x").unwrap(), "debug <x>");
        assert_eq!(read("-dx").unwrap(), "debug=x");
        assert_eq!(read("-f -t").unwrap(), "from=-t");
        assert_eq!(read("b@x - -t").unwrap(), "read-recipients <b@x> <->");
    }

    #[test]
    fn long_options_may_be_cut_short_where_no_other_begins_so() {
        assert_eq!(read("--from=a@x --fr b@x --read-r").unwrap(), "from=a@x from=b@x read-recipients");
        assert_eq!(read("--tls --tls=off --tls-s").unwrap(), "tls tls=off tls-starttls");
        assert_eq!(read("--from=").unwrap(), "from=");
        assert_eq!(read("-- --tls -t").unwrap(), "<--tls> <-t>");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(read("--bogus"), Err(GetoptError::Unknown("--bogus".into())));
        assert_eq!(read("-tq"), Err(GetoptError::Unknown("-q".into())));
        assert_eq!(read("--from"), Err(GetoptError::NoValue("--from".into())));
        assert_eq!(read("-f"), Err(GetoptError::NoValue("-f".into())));
        assert_eq!(read("--read-rec=x"), Err(GetoptError::ValueTooMuch("--read-recipients".into())));
        let ambiguous = read("--read").unwrap_err().to_string();
        assert_eq!(ambiguous, "--read could be --read-recipients or --read-envelope-from");
    }
}
