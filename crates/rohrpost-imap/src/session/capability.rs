//! CAPABILITY (RFC 9051 §6.1.1): what is offered, by state, and the rules it follows from.

use rohrpost_mail::ListenerTls;
use rohrpost_sasl::{
    Mechanism,
    server::{MECHANISMS, TlsFacts},
};

use crate::profile::Profile;

/// What every client may use, logged in or not.
const ALWAYS: [&str; 6] = ["IMAP4rev2", "IMAP4rev1", "LITERAL+", "SASL-IR", "ID", "ENABLE"];

/// What there is after log-in, with the RFC of each.
const LOGGED_IN: [&str; 27] = [
    "IDLE",               // RFC 2177
    "NAMESPACE",          // RFC 2342
    "UIDPLUS",            // RFC 4315
    "MOVE",               // RFC 6851
    "UNSELECT",           // RFC 3691
    "CHILDREN",           // RFC 3348
    "LIST-EXTENDED",      // RFC 5258
    "LIST-STATUS",        // RFC 5819
    "SPECIAL-USE",        // RFC 6154
    "CREATE-SPECIAL-USE", // RFC 6154
    "ESEARCH",            // RFC 4731
    "SEARCHRES",          // RFC 5182
    "WITHIN",             // RFC 5032
    "SORT",               // RFC 5256
    "THREAD=ORDEREDSUBJECT",
    "THREAD=REFERENCES",
    "CONDSTORE", // RFC 7162
    "QRESYNC",   // RFC 7162
    "QUOTA",     // RFC 9208
    "QUOTA=RES-STORAGE",
    "BINARY",      // RFC 3516
    "MULTIAPPEND", // RFC 3502
    "STATUS=SIZE", // RFC 8438
    "SAVEDATE",    // RFC 8514
    "OBJECTID",    // RFC 8474
    "PREVIEW",     // RFC 8970
    "UTF8=ACCEPT", // RFC 6855
];

/// What a log-in meets on this link now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum LoginRule {
    /// There is none here, and will not be after STARTTLS.
    Off,
    /// Only inside TLS: `NO [PRIVACYREQUIRED]` (RFC 5530 §3).
    NeedsTls,
    /// It goes on.
    Open,
}

/// Which row of the table holds. The rules are those of SMTP's AUTH.
pub(super) fn login_rule(profile: &Profile, is_tls: bool) -> LoginRule {
    let Profile { auth_clear, auth_tls, .. } = *profile;
    match (is_tls, profile.tls) {
        _ if profile.mechanisms.is_empty() => LoginRule::Off,
        (true, _) if auth_tls => LoginRule::Open,
        // `auth.clear` is void where TLS is required.
        (false, ListenerTls::Off | ListenerTls::Offered) if auth_clear => LoginRule::Open,
        (false, ListenerTls::Offered | ListenerTls::Required) if auth_tls => LoginRule::NeedsTls,
        _ => LoginRule::Off,
    }
}

/// Whether STARTTLS is listed and answered, as long as there is no TLS.
pub(super) fn offers_starttls(profile: &Profile) -> bool {
    profile.starttls_available && matches!(profile.tls, ListenerTls::Offered | ListenerTls::Required)
}

/// The mechanisms of the profile that a server speaks and this link can carry: -PLUS only where there is a channel to
/// bind to.
pub(super) fn mechanisms(profile: &Profile, tls: Option<&TlsFacts>) -> impl Iterator<Item = Mechanism> {
    let bindable = tls.is_some_and(|tls| tls.binding.is_some());
    let usable = move |mechanism: &Mechanism| MECHANISMS.contains(mechanism) && (!mechanism.is_plus() || bindable);
    profile.mechanisms.iter().copied().filter(usable)
}

/// Whether the command LOGIN works: it shows the password as PLAIN does.
pub(super) fn offers_login(profile: &Profile, tls: Option<&TlsFacts>) -> bool {
    let shows = |mechanism: Mechanism| mechanism.reveals_password();
    login_rule(profile, tls.is_some()) == LoginRule::Open && mechanisms(profile, tls).any(shows)
}

/// The words behind CAPABILITY.
pub(super) fn list(profile: &Profile, tls: Option<&TlsFacts>, is_logged_in: bool) -> Vec<String> {
    let mut list: Vec<String> = ALWAYS.map(String::from).to_vec();
    if is_logged_in {
        list.extend(LOGGED_IN.map(String::from));
        list.push(format!("APPENDLIMIT={}", profile.size_max));
        return list;
    }
    if tls.is_none() && offers_starttls(profile) {
        list.push("STARTTLS".into());
    }
    if login_rule(profile, tls.is_some()) == LoginRule::Open {
        list.extend(mechanisms(profile, tls).map(|mechanism| format!("AUTH={mechanism}")));
    }
    if !offers_login(profile, tls) {
        list.push("LOGINDISABLED".into());
    }
    list
}
