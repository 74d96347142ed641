//! Whose turn it is after an error.

use std::fmt;

/// What every error of Rohrpost answers when it is asked `class()`: trying again later may help, will not help, or the
/// fault is on our side.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    /// Trying the same again later may work: 4xx.
    Temporary,
    /// Trying the same again will not work: 5xx.
    Permanent,
    /// Neither the peer nor the message is to blame: our disk, our settings. To the peer it is temporary, to our
    /// operator an alarm.
    Ours,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
            Self::Ours => "ours",
        })
    }
}
