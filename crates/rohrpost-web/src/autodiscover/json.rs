//! Autodiscover's later question, by GET: at which address does the mailbox of somebody speak this protocol?
//!
//! Programs of Microsoft ask it before, or instead of, the one in XML: with the protocol `AutodiscoverV1` for that very
//! document, with `ActiveSync`, `EWS`, `REST` and others for Exchange, which is not here. There is no standard; the form is
//! the one of Exchange and of other servers without Exchange. Names and values are read in any case, as Outlook itself
//! writes `Autodiscoverv1`.
//!
//! The address comes as the parameter `Email`, or at the end of the path:
//! `/autodiscover/autodiscover.json/v1.0/ann@here.test?Protocol=AutodiscoverV1`.

use serde::Serialize;

/// The one protocol that is known: the question in XML.
const KNOWN: &str = "AutodiscoverV1";

const PATH: &str = "/autodiscover/autodiscover.json";

/// What a program wants to know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Question {
    /// The mailbox to set up, as it was written.
    pub address: String,
    /// What it is to be spoken to in, as it was written.
    protocol: String,
}

impl Question {
    /// The question in this path and these parameters; none where the path is that of something else.
    pub fn read(path: &str, parameters: &[(String, String)]) -> Option<Self> {
        let (head, rest) = path.split_at_checked(PATH.len())?;
        if !head.eq_ignore_ascii_case(PATH) {
            return None;
        }
        let said = |name: &str| {
            let named = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            named.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let address = match rest {
            "" | "/" => said("Email"),
            _ => rest.strip_prefix("/v1.0/")?.to_owned(),
        };
        Some(Self { address, protocol: said("Protocol") })
    }

    /// Whether it asks for what is here.
    ///
    /// # Errors
    /// [`Problem`]; `is_ours` says whether the address is in a domain with mailboxes here.
    pub fn check(&self, is_ours: bool) -> Result<(), Problem> {
        if self.protocol.is_empty() {
            return Err(Problem::NoProtocol);
        }
        if !is_ours {
            return Err(Problem::UnknownAddress);
        }
        if self.protocol.eq_ignore_ascii_case(KNOWN) { Ok(()) } else { Err(Problem::UnknownProtocol) }
    }
}

/// Why there is no address in an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// The question names no protocol.
    NoProtocol,
    /// The address is in no domain of ours, or none.
    UnknownAddress,
    /// The protocol is one of Exchange, or none.
    UnknownProtocol,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    protocol: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure {
    error_code: &'static str,
    error_message: &'static str,
}

/// Says that the question in XML is taken at `url`.
///
/// # Panics
/// Never: strings can be written as JSON.
pub fn document(url: &str) -> String {
    serde_json::to_string(&Answer { protocol: KNOWN, url }).expect("strings can be written as JSON")
}

/// Says what is wrong. Nothing of the question stands in it.
///
/// # Panics
/// Never: strings can be written as JSON.
pub fn refusal(problem: Problem) -> String {
    let (error_code, error_message) = match problem {
        Problem::NoProtocol => {
            ("MandatoryParameterMissing", "A valid value must be provided for the query parameter 'Protocol'")
        }
        Problem::UnknownAddress => ("UserNotFound", "The address is not in a domain of this server"),
        Problem::UnknownProtocol => {
            ("InvalidProtocol", "The given protocol value is invalid. Supported values are 'AutodiscoverV1'")
        }
    };
    serde_json::to_string(&Failure { error_code, error_message }).expect("strings can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, parameters: &[(&str, &str)]) -> Option<Question> {
        let parameters: Vec<_> = parameters.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        Question::read(path, &parameters)
    }

    #[test]
    fn the_address_is_a_parameter_or_the_end_of_the_path() {
        let asked = Some(Question { address: "ann@here.test".into(), protocol: "Autodiscoverv1".into() });
        let by_name = [("email", "ann@here.test"), ("Protocol", "Autodiscoverv1"), ("RedirectCount", "1")];
        assert_eq!(read("/Autodiscover/Autodiscover.json", &by_name), asked);
        assert_eq!(read("/autodiscover/autodiscover.json/v1.0/ann@here.test", &by_name[1..]), asked);
        for path in ["/autodiscover/autodiscover.xml", "/autodiscover/autodiscover.jsonp", "/autodiscover", "/ä"] {
            assert_eq!(read(path, &by_name), None, "{path}");
        }
    }

    #[test]
    fn only_the_address_of_the_question_in_xml_is_known() {
        let check = |protocol, is_ours| {
            let parameters = [("Email", "ann@here.test"), ("Protocol", protocol)];
            read(PATH, &parameters).unwrap().check(is_ours)
        };
        assert_eq!(check("autodiscoverv1", true), Ok(()));
        assert_eq!(check("AutodiscoverV1", false), Err(Problem::UnknownAddress));
        assert_eq!(check("", true), Err(Problem::NoProtocol));
        for protocol in ["ActiveSync", "EWS", "Rest", "Imap"] {
            assert_eq!(check(protocol, true), Err(Problem::UnknownProtocol));
        }
    }

    #[test]
    fn answers_have_the_form_that_outlook_reads() {
        let url = "https://autodiscover.here.test/autodiscover/autodiscover.xml";
        assert_eq!(document(url), format!("{{\"Protocol\":\"AutodiscoverV1\",\"Url\":\"{url}\"}}"));
        assert!(
            refusal(Problem::UnknownProtocol).starts_with("{\"ErrorCode\":\"InvalidProtocol\",\"ErrorMessage\":\"The ")
        );
    }
}
