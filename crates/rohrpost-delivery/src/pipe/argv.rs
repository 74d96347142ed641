//! The arguments of a pipe: words in braces replaced by what the message says. No shell reads them, and no address can
//! become an option.

/// What is put in.
pub(super) struct Filling<'a> {
    pub(super) sender: &'a str,
    pub(super) recipients: &'a [String],
    pub(super) id: &'a str,
}

/// An address that begins with a hyphen would be taken for an option.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0} begins with a hyphen, and the program would take it for an option")]
pub(super) struct HyphenError(String);

/// Whether the program runs once for each recipient.
pub(super) fn is_for_each(argv: &[String]) -> bool {
    argv.iter().any(|argument| argument.contains("{recipient}"))
}

impl Filling<'_> {
    /// The arguments, the program's name first.
    pub(super) fn fill(&self, argv: &[String]) -> Result<Vec<String>, HyphenError> {
        let mut filled: Vec<String> = Vec::new();
        let mut may_be_option = true;
        for argument in argv {
            let one = self.recipients.first().map_or("", String::as_str);
            let each = if argument.contains("{recipients}") { self.recipients } else { &[one.to_owned()] };
            for recipient in each {
                let value = self.replace(argument, recipient);
                if may_be_option && value.starts_with('-') && !argument.starts_with('-') {
                    return Err(HyphenError(value));
                }
                filled.push(value);
            }
            may_be_option &= argument != "--";
        }
        Ok(filled)
    }

    /// In one pass, so that braces inside an address stay what they are.
    fn replace(&self, argument: &str, recipient: &str) -> String {
        let words =
            [("{sender}", self.sender), ("{recipient}", recipient), ("{recipients}", recipient), ("{id}", self.id)];
        let mut text = String::new();
        let mut rest = argument;
        while let Some(start) = rest.find('{') {
            let (before, brace) = rest.split_at(start);
            text.push_str(before);
            let known = words.iter().find(|(word, _)| brace.starts_with(word));
            let (value, length) = known.map_or(("{", 1), |(word, value)| (value, word.len()));
            text.push_str(value);
            rest = &brace[length..];
        }
        text + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(argv: &[&str], sender: &str, recipients: &[&str]) -> Result<Vec<String>, String> {
        let recipients: Vec<String> = recipients.iter().map(ToString::to_string).collect();
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        let filling = Filling { sender, recipients: &recipients, id: "ID" };
        filling.fill(&argv).map_err(|error| error.to_string())
    }

    #[test]
    fn words_in_braces_are_replaced_anywhere_and_recipients_are_repeated() {
        let argv = ["/bin/x", "-f{sender}", "{\"id\":\"{id}\"}", "--to={recipients}", "end"];
        let expected = ["/bin/x", "-fann@a.test", "{\"id\":\"ID\"}", "--to=bob@b.test", "--to=eve@b.test", "end"];
        assert_eq!(fill(&argv, "ann@a.test", &["bob@b.test", "eve@b.test"]).unwrap(), expected);
    }

    #[test]
    fn what_an_address_holds_is_not_read_again() {
        let filled = fill(&["/bin/x", "{sender}", "$(x) {recipient}"], "\"{id}; rm -r\"@a.test", &["`id`@b.test"]);
        assert_eq!(filled.unwrap(), ["/bin/x", "\"{id}; rm -r\"@a.test", "$(x) `id`@b.test"]);
    }

    #[test]
    fn an_address_cannot_become_an_option() {
        let error = fill(&["/bin/x", "{recipients}"], "a@a.test", &["-oQ/tmp@b.test"]).unwrap_err();
        assert!(error.starts_with("-oQ/tmp@b.test begins with a hyphen"), "{error}");
        assert!(fill(&["/bin/x", "--", "{recipients}"], "a@a.test", &["-oQ/tmp@b.test"]).is_ok());
        assert!(fill(&["/bin/x", "-f{sender}"], "-x@a.test", &["bob@b.test"]).is_ok());
    }

    #[test]
    fn only_the_single_word_asks_for_one_run_each() {
        assert!(is_for_each(&["x".into(), "--to={recipient}".into()]));
        assert!(!is_for_each(&["x".into(), "{recipients}".into()]));
    }
}
