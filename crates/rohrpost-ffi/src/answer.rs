//! Answers: JSON that C can read, and the exit code that says in one number how it went.

use std::ffi::{CStr, CString, c_int};

use rohrpost_sender::{Class, Error, Kind, Receipt};
use serde::Serialize;

use crate::{ABI, fault::Failure};

/// What the result of a handle is.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    exit: c_int,
    json: CString,
}

/// The answer of a sender that is ready.
#[derive(Serialize)]
struct Ready {
    abi: u32,
    version: &'static str,
    servers: Vec<String>,
}

/// What came of a message, with the dialogue where that was asked for.
#[derive(Serialize)]
struct Told<'a, T> {
    #[serde(flatten)]
    result: &'a T,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<String>,
}

/// A failure that is none of the sender's. The keys are those of the sender's.
#[derive(Serialize)]
struct Refusal {
    error: String,
    kind: &'static str,
    class: &'static str,
    exit: u8,
    enhanced: (),
    reply: (),
    hint: (),
    recipients: [(); 0],
    attempts: [(); 0],
}

impl Answer {
    /// The sender is ready for these servers.
    pub(crate) fn ready(servers: Vec<String>) -> Self {
        Self::new(0, &Ready { abi: ABI, version: env!("CARGO_PKG_VERSION"), servers })
    }

    /// What came of a message: the receipt, or why nobody got it.
    pub(crate) fn told(sent: &Result<Receipt, Error>, with_transcript: bool) -> Self {
        match sent {
            Ok(result) => {
                let transcript = with_transcript.then(|| result.transcript.clone());
                Self::new(0, &Told { result, transcript })
            }
            Err(result) => {
                let transcript = with_transcript.then(|| result.transcript());
                Self::new(result.sysexit(), &Told { result, transcript })
            }
        }
    }

    /// One of the codes of `sysexits.h`; 0 where it went well.
    pub(crate) fn exit(&self) -> c_int {
        self.exit
    }

    /// The same at length.
    pub(crate) fn json(&self) -> &CStr {
        &self.json
    }

    fn new(exit: u8, value: &impl Serialize) -> Self {
        let json = serde_json::to_string(value).expect("texts, numbers and lists can be written as JSON");
        Self { exit: exit.into(), json: CString::new(json).expect("JSON escapes NUL") }
    }
}

impl From<&Failure> for Answer {
    fn from(failure: &Failure) -> Self {
        let (kind, class, exit) = match failure {
            Failure::Mail(_) => (Kind::Build, Class::Permanent, 65),
            Failure::Settings(_) | Failure::NoSender => (Kind::Config, Class::Ours, 78),
            Failure::Thread(_) => (Kind::Config, Class::Ours, 71),
            Failure::Defect(_) => (Kind::Config, Class::Ours, 70),
        };
        let (recipients, attempts) = ([], []);
        let (error, kind, class) = (failure.to_string(), kind.as_str(), class.as_str());
        Self::new(exit, &Refusal { error, kind, class, exit, enhanced: (), reply: (), hint: (), recipients, attempts })
    }
}
