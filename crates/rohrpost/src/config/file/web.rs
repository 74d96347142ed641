//! The table about what is served over HTTPS.

use rohrpost_mail::Domain;
use serde::Deserialize;

use super::OneOrMany;

/// Set-up help: Thunderbird, Outlook and Apple's programs ask here how a mailbox is reached, people get a page. What it
/// says follows from the listeners that run. The certificates are those of `[tls]`; they should be for `autoconfig.` and
/// `autodiscover.` before each local domain, too, and `rohrpost domain records` prints what DNS should say of them.
/// `docs/mail-programs.md` has more.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Web {
    /// One address or a list, as a listener has them, but no unix sockets. Unset: nothing is served. Needs a restart.
    ///
    /// Example: `["0.0.0.0:443", "[::]:443"]`
    pub(crate) address: Option<OneOrMany>,

    /// Where those who come without TLS are sent to the same page in TLS; the same way. Needs a restart.
    ///
    /// Example: `["0.0.0.0:80", "[::]:80"]`
    pub(crate) redirect_address: Option<OneOrMany>,

    /// More names that are answered to, beside those of the host and its listeners, the local domains, and `autoconfig.`
    /// and `autodiscover.` before these. Requests for other names are refused.
    ///
    /// Example: `["help.example.org"]`
    pub(crate) names: Vec<Domain>,
}
