//! The profiles of SMTP sessions that follow from a listener.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use rohrpost_intake::settings::PeerLimits;
use rohrpost_smtp::server::{Extensions, Profile, Protocol};

use super::{ListenerSettings, LogIns};
use crate::hashes::ProviderHashes;

/// The largest number that LIMITS can say: six digits (RFC 9422 §4).
const LIMIT_SAID_MAX: usize = 999_999;
/// How far ahead a message may be held by its sender (RFC 4865): 30 days.
const HOLD_MAX: std::time::Duration = std::time::Duration::from_hours(720);

/// One profile for strangers, one for known peers, and those of networks that misuse an extension.
pub(crate) struct MailProfiles {
    profile: Profile,
    known: Arc<Profile>,
    stranger: Arc<Profile>,
    extensions_for: Vec<(IpNet, Extensions)>,
}

impl MailProfiles {
    pub(super) fn new(settings: &ListenerSettings, protocol: Protocol, log_ins: &LogIns, limits: &PeerLimits) -> Self {
        let profile = Profile {
            protocol,
            host_name: settings.host_name.clone(),
            software: settings.software.clone(),
            tls: settings.tls,
            starttls_available: settings.server_tls.is_some(),
            auth_clear: log_ins.in_clear,
            auth_tls: log_ins.in_tls,
            require_auth: settings.auth.require,
            mechanisms: settings.mechanisms.clone(),
            extensions: settings.extensions,
            size_max: settings.size_max,
            recipients_max: limits.recipients_per_message.min(LIMIT_SAID_MAX),
            messages_max: limits.messages_per_connection.min(LIMIT_SAID_MAX),
            bare_newline: settings.bare_newline,
            hold_max: HOLD_MAX,
            timeouts: settings.timeouts,
            hashes: Arc::new(ProviderHashes),
            decoy: log_ins.decoy,
            known_peer: false,
        };
        Self {
            known: Arc::new(known(&profile)),
            stranger: Arc::new(profile.clone()),
            profile,
            extensions_for: settings.extensions_for.clone(),
        }
    }

    /// The profile for one peer.
    pub(crate) fn profile_for(&self, address: Option<IpAddr>, is_known: bool) -> Arc<Profile> {
        let own = address.and_then(|address| {
            let address = address.to_canonical();
            self.extensions_for.iter().find(|(network, _)| network.contains(&address))
        });
        match own {
            Some((_, extensions)) => {
                let profile = Profile { extensions: *extensions, ..self.profile.clone() };
                Arc::new(if is_known { known(&profile) } else { profile })
            }
            None if is_known => self.known.clone(),
            None => self.stranger.clone(),
        }
    }

    /// What is spoken.
    pub(crate) fn protocol(&self) -> Protocol {
        self.profile.protocol
    }
}

/// Known peers may send as many messages in one session as LIMITS can say; size, syntax and time limits stay.
fn known(profile: &Profile) -> Profile {
    Profile { known_peer: true, messages_max: LIMIT_SAID_MAX, ..profile.clone() }
}
