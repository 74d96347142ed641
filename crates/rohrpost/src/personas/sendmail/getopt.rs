//! `getopt` as sendmail has it: options anywhere among the operands, bundled, with glued or separate values.
//!
//! It knows letters and whether they take values, not what they mean: that is [`super::options`].

use std::{
    collections::VecDeque,
    ffi::OsString,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

/// The letters. `:` behind one says that it takes a value, `::` that it takes one only when it is glued to it.
const LETTERS: &str = "A:B:b:C:cd::e::F:f:Gh:IiL:M:mN:nO:o:p:Q:q::R:r:tUV:vX:x";

/// One thing that a command line says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// An option and its value, where it has one.
    Option(char, Option<OsString>),
    /// `--name` or `--name=value`.
    Long(String, Option<String>),
    /// What is no option.
    Operand(OsString),
    /// A letter that there is not.
    Unknown(char),
    /// A letter that takes a value and stands at the end.
    Incomplete(char),
}

/// Reads a command line word by word.
#[derive(Debug)]
pub(super) struct Getopt {
    arguments: VecDeque<OsString>,
    /// What is left of a bundle such as `-ti`.
    bundle: VecDeque<u8>,
    /// `--` was seen.
    operands_only: bool,
}

impl Getopt {
    /// `arguments` are those behind the program's name.
    pub(super) fn new(arguments: Vec<OsString>) -> Self {
        Self { arguments: arguments.into(), bundle: VecDeque::new(), operands_only: false }
    }

    /// Takes the next argument as the value of a long option.
    pub(super) fn value(&mut self) -> Option<OsString> {
        self.arguments.pop_front()
    }

    fn letter(&mut self, letter: u8) -> Word {
        let name = char::from(letter);
        match takes(name) {
            None => Word::Unknown(name),
            Some(Takes::Nothing) => Word::Option(name, None),
            Some(_) if !self.bundle.is_empty() => {
                let glued = std::mem::take(&mut self.bundle).into();
                Word::Option(name, Some(OsString::from_vec(glued)))
            }
            Some(Takes::Glued) => Word::Option(name, None),
            Some(Takes::Value) => match self.value() {
                Some(value) => Word::Option(name, Some(value)),
                None => Word::Incomplete(name),
            },
        }
    }
}

impl Iterator for Getopt {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        if let Some(letter) = self.bundle.pop_front() {
            return Some(self.letter(letter));
        }
        let argument = self.arguments.pop_front()?;
        Some(match argument.as_bytes() {
            _ if self.operands_only => Word::Operand(argument),
            b"--" => {
                self.operands_only = true;
                return self.next();
            }
            [b'-', b'-', name @ ..] => long(name),
            [b'-', letter, rest @ ..] => {
                let letter = *letter;
                self.bundle = rest.to_vec().into();
                self.letter(letter)
            }
            _ => Word::Operand(argument),
        })
    }
}

/// What an option takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Takes {
    Nothing,
    /// A value, glued or as the next argument.
    Value,
    /// A value only where it is glued.
    Glued,
}

fn takes(letter: char) -> Option<Takes> {
    let (_, behind) = LETTERS.split_once(letter).filter(|_| letter != ':')?;
    let colons = behind.len() - behind.trim_start_matches(':').len();
    Some([Takes::Nothing, Takes::Value, Takes::Glued][colons])
}

fn long(name: &[u8]) -> Word {
    let name = String::from_utf8_lossy(name).into_owned();
    match name.split_once('=') {
        Some((name, value)) => Word::Long(name.to_owned(), Some(value.to_owned())),
        None => Word::Long(name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command line, cut at its blanks, as `t`, `f=a`, `+operand`, `?unknown` or `!incomplete`.
    fn read(line: &str) -> String {
        let arguments =
            line.split(' ').filter(|word| !word.is_empty()).map(|word| OsString::from(word.replace('␣', "")));
        let words = Getopt::new(arguments.collect()).map(|word| match word {
            Word::Option(letter, None) => letter.to_string(),
            Word::Option(letter, Some(value)) => format!("{letter}={}", value.to_string_lossy()),
            Word::Long(name, value) => format!("{name}={}", value.unwrap_or_default()),
            Word::Operand(operand) => format!("+{}", operand.to_string_lossy()),
            Word::Unknown(letter) => format!("?{letter}"),
            Word::Incomplete(letter) => format!("!{letter}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_stand_anywhere_glued_bundled_or_apart() {
        let table = [
            ("-ti", "t i"),
            ("-tif a", "t i f=a"),
            ("-fraid@host", "f=raid@host"),
            ("-oi -oem -odi", "o=i o=em o=di"),
            ("-B 8BITMIME user", "B=8BITMIME +user"),
            ("ann -t bob -i", "+ann t +bob i"),
            ("-i -- -alias -t", "i +-alias +-t"),
            ("-q", "q"),
            ("-q 30m", "q +30m"),
            ("-q30m", "q=30m"),
            ("-qIabc", "q=Iabc"),
            ("-", "+-"),
            ("-f ␣ ann", "f= +ann"),
            ("--from=a --from", "from=a from="),
            ("-f", "!f"),
            ("-iZt", "i ?Z t"),
            ("-:", "?:"),
        ];
        for (line, words) in table {
            assert_eq!(read(line), words, "{line}");
        }
    }

    #[test]
    fn octets_that_are_no_text_are_kept() {
        let argument = OsString::from_vec(b"-C/etc/\xff".to_vec());
        let value = OsString::from_vec(b"/etc/\xff".to_vec());
        assert_eq!(Getopt::new(vec![argument]).next(), Some(Word::Option('C', Some(value))));
    }
}
