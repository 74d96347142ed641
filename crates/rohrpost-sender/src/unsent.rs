//! An error as JSON: what programs get where others get a receipt. Each key is always there; what is not known is null.

use rohrpost_mail::{EnhancedStatus, Reply};
use serde::{Serialize, Serializer};

use crate::{
    error::{Attempt, Class, Error, Kind},
    receipt::Row,
};

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Capability => "capability",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Data => "data",
            Self::Protocol => "protocol",
            Self::Timeout => "timeout",
            Self::AfterDot => "after-dot",
            Self::Config => "config",
            Self::Io => "io",
            Self::Spool => "spool",
        }
    }
}

impl Class {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
            Self::Unknown => "unknown",
            Self::Ours => "ours",
        }
    }
}

#[derive(Serialize)]
struct Written<'a> {
    error: String,
    kind: &'static str,
    class: &'static str,
    exit: u8,
    enhanced: Option<EnhancedStatus>,
    reply: Option<&'a Reply>,
    hint: Option<String>,
    recipients: Vec<Row<'a>>,
    attempts: &'a [Attempt],
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            error: self.to_string(),
            kind: self.kind().as_str(),
            class: self.class().as_str(),
            exit: self.sysexit(),
            enhanced: self.enhanced(),
            reply: self.reply(),
            hint: self.hint(),
            recipients: self.recipients().iter().map(|(recipient, outcome)| Row { recipient, outcome }).collect(),
            attempts: self.attempts(),
        };
        written.serialize(serializer)
    }
}

#[derive(Serialize)]
struct WrittenAttempt<'a> {
    server: &'a str,
    error: String,
    kind: &'static str,
    hint: Option<String>,
}

impl Serialize for Attempt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { server, cause, transcript: _ } = self;
        let written =
            WrittenAttempt { server, error: cause.to_string(), kind: self.kind().as_str(), hint: self.hint() };
        written.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use rohrpost_client::SessionError;
    use rohrpost_mail::Stage;

    use super::*;
    use crate::Outcome;
    use crate::error::{Cause, ConfigError};

    #[test]
    fn an_error_in_json_says_whose_turn_it_is_and_what_each_server_said() {
        let refused = Reply::with(550, 1, 1, "nobody here");
        let failure =
            rohrpost_client::Failure::from(SessionError::Refused { stage: Stage::Rcpt, reply: refused.clone() });
        let cause = Cause::Sent { failure, wants_tls: false };
        let attempt = Attempt { server: "mx.test:587".into(), cause, transcript: "C: QUIT".into() };
        let bob: rohrpost_mail::Mailbox = "bob@there.test".parse().unwrap();
        let error = Error::after(vec![attempt], vec![(bob, Outcome::Refused(refused))], true);
        let reply = serde_json::json!({"code": 550, "enhanced": "5.1.1", "text": "nobody here"});
        let expected = serde_json::json!({
            "error": error.to_string(), "kind": "recipient", "class": "permanent", "exit": 67,
            "enhanced": "5.1.1", "reply": reply, "hint": null,
            "recipients": [{"recipient": "bob@there.test", "outcome": "refused", "reply": reply}],
            "attempts": [{
                "server": "mx.test:587", "error": error.attempts()[0].cause.to_string(), "kind": "recipient", "hint": null,
            }],
        });
        assert_eq!(serde_json::to_value(&error).unwrap(), expected);
    }

    #[test]
    fn an_error_before_any_server_has_the_same_keys() {
        let error = Error::from(ConfigError::NoUser);
        let json = serde_json::to_value(&error).unwrap();
        assert_eq!((&json["kind"], &json["class"], &json["exit"]), (&"config".into(), &"ours".into(), &78.into()));
        assert_eq!((&json["reply"], &json["attempts"]), (&serde_json::Value::Null, &serde_json::json!([])));
    }
}
