//! Who may log in on a listener: three settings, and one rule that is inherited.

use rohrpost_mail::ListenerTls;
use rohrpost_smtp::server::Protocol;

use super::Service;

/// `auth.clear`, `auth.tls`, `require_auth`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct AuthSettings {
    /// Credentials may cross clear text. Default off, and void where TLS is required.
    pub clear: bool,
    /// Log-ins inside TLS; unset, the implicit-TLS listener's rule holds.
    pub tls: Option<bool>,
    /// MAIL needs a log-in.
    pub require: bool,
}

/// What one listener contributes to the question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AuthRule {
    /// What it serves.
    pub service: Service,
    /// Its TLS.
    pub tls: ListenerTls,
    /// Its own `auth.tls`.
    pub auth_tls: Option<bool>,
}

impl AuthRule {
    /// Whether this listener offers log-ins inside TLS. What it does not say itself it inherits from the implicit-TLS
    /// listener among `all`, disabled ones included: of its own protocol first, then of SMTP in either form, for both
    /// share port 465. Where there is none, or that is silent too, submission, IMAP and POP3 offer them, and SMTP and
    /// LMTP do not.
    pub fn offers_auth(&self, all: &[Self]) -> bool {
        if let Some(own) = self.auth_tls {
            return own;
        }
        if self.service == Service::Mail(Protocol::Lmtp) {
            return false;
        }
        let implicit = |inherits: fn(Service, Service) -> bool| {
            all.iter().find(|other| other.tls == ListenerTls::Implicit && inherits(self.service, other.service))
        };
        let source = implicit(|own, other| own == other).or_else(|| implicit(shares_port)).unwrap_or(self);
        source.auth_tls.unwrap_or(!matches!(source.service, Service::Mail(Protocol::Smtp | Protocol::Lmtp)))
    }
}

/// Whether both may stand on one port with implicit TLS.
fn shares_port(own: Service, other: Service) -> bool {
    let is_smtp = |service| matches!(service, Service::Mail(Protocol::Smtp | Protocol::Submission));
    is_smtp(own) && is_smtp(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: Protocol, tls: ListenerTls, auth_tls: Option<bool>) -> AuthRule {
        AuthRule { service: protocol.into(), tls, auth_tls }
    }

    #[test]
    fn a04_the_tls_port_decides_for_those_who_say_nothing() {
        use {ListenerTls::*, Protocol::*};
        let offers = |rule: AuthRule, others: &[AuthRule]| rule.offers_auth(&[&[rule], others].concat());
        let starttls = rule(Submission, Required, None);
        for decided in [true, false] {
            assert_eq!(offers(starttls, &[rule(Submission, Implicit, Some(decided))]), decided);
            assert_eq!(offers(starttls, &[rule(Smtp, Implicit, Some(decided))]), decided);
            assert_eq!(offers(rule(Smtp, Offered, None), &[rule(Submission, Implicit, Some(decided))]), decided);
            assert_eq!(
                offers(rule(Submission, Required, Some(decided)), &[rule(Submission, Implicit, Some(!decided))]),
                decided
            );
        }
        assert!(offers(starttls, &[]), "submission without a TLS port");
        assert!(!offers(rule(Smtp, Offered, None), &[]));
        assert!(offers(rule(Submission, Implicit, None), &[]));
        assert!(!offers(rule(Lmtp, Offered, None), &[rule(Submission, Implicit, Some(true))]));
        let imap = |tls, auth_tls| AuthRule { service: Service::Imap, tls, auth_tls };
        assert!(
            offers(imap(Required, None), &[rule(Submission, Implicit, Some(false))]),
            "mail is read by those with accounts"
        );
        assert!(!offers(imap(Required, None), &[imap(Implicit, Some(false))]));
        assert!(offers(AuthRule { service: Service::Pop3, ..imap(Required, None) }, &[imap(Implicit, Some(false))]));
        let both = [rule(Smtp, Implicit, Some(false)), rule(Submission, Implicit, Some(true))];
        assert!(offers(starttls, &both), "its own protocol first");
        assert!(!offers(rule(Smtp, Offered, None), &both));
    }
}
