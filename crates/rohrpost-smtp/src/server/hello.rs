//! What a listener offers: the lines of EHLO, and the rules they follow from.

use jiff::{Timestamp, Unit};
use rohrpost_mail::ListenerTls;
use rohrpost_sasl::{
    Mechanism,
    server::{MECHANISMS, TlsFacts},
};

use super::{profile::Profile, session::Session};

/// What AUTH meets on this link now. RFC 4954 §4 and §6.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum AuthRule {
    /// The command does not exist here, and will not after STARTTLS: 502.
    Off,
    /// Only inside TLS: 538 (where TLS is required, 530 comes first).
    NeedsTls,
    /// It goes on.
    Open,
}

/// What the listener's `tls` comes to: without certificate, or with the extension switched off, there is no STARTTLS
/// to offer. It is required all the same, so that nothing slips through while a certificate is missing.
pub(super) fn tls_in_effect(profile: &Profile) -> ListenerTls {
    let can = profile.starttls_available && profile.extensions.starttls;
    match profile.tls {
        ListenerTls::Offered if !can => ListenerTls::Off,
        tls => tls,
    }
}

/// Whether STARTTLS is listed and answered.
pub(super) fn offers_starttls(profile: &Profile) -> bool {
    let can = profile.starttls_available && profile.extensions.starttls;
    can && matches!(profile.tls, ListenerTls::Offered | ListenerTls::Required)
}

/// The mechanisms of the profile that a server speaks and this link can carry: -PLUS only where there is a channel to
/// bind to.
pub(super) fn mechanisms(profile: &Profile, tls: Option<&TlsFacts>) -> impl Iterator<Item = Mechanism> {
    let bindable = tls.is_some_and(|tls| tls.binding.is_some());
    let usable = move |mechanism: &Mechanism| MECHANISMS.contains(mechanism) && (!mechanism.is_plus() || bindable);
    profile.mechanisms.iter().copied().filter(usable)
}

impl<P> Session<P> {
    /// Which row of the table holds.
    pub(super) fn auth_rule(&self) -> AuthRule {
        let Profile { auth_clear, auth_tls, .. } = *self.profile;
        let available = self.profile.extensions.auth && !self.profile.mechanisms.is_empty();
        let tls = tls_in_effect(&self.profile);
        match (&self.tls, tls) {
            _ if !available => AuthRule::Off,
            (Some(_), _) if auth_tls => AuthRule::Open,
            // `auth.clear` is void where TLS is required.
            (None, ListenerTls::Off | ListenerTls::Offered) if auth_clear => AuthRule::Open,
            (None, ListenerTls::Offered | ListenerTls::Required) if auth_tls => AuthRule::NeedsTls,
            _ => AuthRule::Off,
        }
    }
}

/// The lines of the reply to EHLO or LHLO: our name, then a keyword each.
pub(super) fn lines(profile: &Profile, tls: Option<&TlsFacts>, auth: AuthRule, wall: Timestamp) -> Vec<String> {
    let on = &profile.extensions;
    let limits = limits_keyword(profile);
    let keywords = [
        (on.pipelining, "PIPELINING".into()),
        (on.size, format!("SIZE {}", profile.size_max)),
        (on.eightbitmime, "8BITMIME".into()),
        (on.enhancedstatuscodes, "ENHANCEDSTATUSCODES".into()),
        (on.smtputf8, "SMTPUTF8".into()),
        (on.chunking, "CHUNKING".into()),
        (on.dsn, "DSN".into()),
        (tls.is_none() && offers_starttls(profile), "STARTTLS".into()),
        (tls.is_some() && on.requiretls, "REQUIRETLS".into()),
        (auth == AuthRule::Open, auth_keyword(profile, tls)),
        (on.limits && limits.contains('='), limits),
        (on.futurerelease, future_release(profile, wall)),
    ];
    let keywords = keywords.into_iter().filter(|(listed, _)| *listed).map(|(_, keyword)| keyword);
    std::iter::once(profile.host_name.to_string()).chain(keywords).collect()
}

fn auth_keyword(profile: &Profile, tls: Option<&TlsFacts>) -> String {
    mechanisms(profile, tls).fold("AUTH".to_owned(), |line, mechanism| line + " " + mechanism.as_str())
}

/// RFC 9422 §3: a limit has at most six digits; a larger one is as good as none, and is not listed.
fn limits_keyword(profile: &Profile) -> String {
    let limits = [("RCPTMAX", profile.recipients_max), ("MAILMAX", profile.messages_max)];
    let listed = limits.into_iter().filter(|(_, limit)| *limit < 1_000_000);
    listed.fold("LIMITS".to_owned(), |line, (name, limit)| format!("{line} {name}={limit}"))
}

/// RFC 4865 §3: the longest span in seconds, and the latest date.
fn future_release(profile: &Profile, wall: Timestamp) -> String {
    let latest = wall.checked_add(profile.hold_max).unwrap_or(Timestamp::MAX);
    let latest = latest.round(Unit::Second).unwrap_or(latest);
    format!("FUTURERELEASE {} {latest}", profile.hold_max.as_secs())
}
