//! The profiles of IMAP and POP3 sessions that follow from a listener.

use std::sync::Arc;

use super::{ListenerSettings, LogIns};
use crate::hashes::ProviderHashes;

pub(super) fn imap(settings: &ListenerSettings, log_ins: &LogIns) -> rohrpost_imap::profile::Profile {
    rohrpost_imap::profile::Profile {
        host_name: settings.host_name.clone(),
        software: settings.software.clone(),
        tls: settings.tls,
        starttls_available: settings.server_tls.is_some(),
        auth_clear: log_ins.in_clear,
        auth_tls: log_ins.in_tls,
        mechanisms: settings.mechanisms.clone(),
        size_max: settings.size_max,
        timeouts: rohrpost_imap::profile::Timeouts::default(),
        hashes: Arc::new(ProviderHashes),
        decoy: log_ins.decoy,
    }
}

pub(super) fn pop3(settings: &ListenerSettings, log_ins: &LogIns) -> rohrpost_pop3::Profile {
    rohrpost_pop3::Profile {
        host_name: settings.host_name.clone(),
        software: settings.software.clone(),
        tls: settings.tls,
        starttls_available: settings.server_tls.is_some(),
        auth_clear: log_ins.in_clear,
        auth_tls: log_ins.in_tls,
        mechanisms: settings.mechanisms.clone(),
        hashes: Arc::new(ProviderHashes),
        decoy: log_ins.decoy,
    }
}
