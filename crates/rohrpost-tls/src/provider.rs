//! The cryptography under TLS: aws-lc, with the hybrid post-quantum key exchange first.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{
    CryptoProvider, SupportedKxGroup,
    aws_lc_rs::{self, kx_group},
};

use crate::error::TlsError;

/// The groups we offer, best first. X25519MLKEM768 stays secret even from those who store traffic for a later quantum
/// computer; the others are what peers of today have.
const GROUPS: [&dyn SupportedKxGroup; 4] =
    [kx_group::X25519MLKEM768, kx_group::X25519, kx_group::SECP256R1, kx_group::SECP384R1];

/// Makes our provider the default of the process, for the crates that ask rustls for it. Call it first thing in `main`;
/// later calls change nothing.
pub fn install_provider() {
    // The error says that there is a default already, which is what we want to be true.
    drop(provider().as_ref().clone().install_default());
}

/// The provider that all our connections use.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let make = || Arc::new(CryptoProvider { kx_groups: GROUPS.to_vec(), ..aws_lc_rs::default_provider() });
    Arc::clone(PROVIDER.get_or_init(make))
}

/// The provider with these groups only, in this order; IANA names, in any case.
pub(crate) fn provider_with(groups: Option<&[String]>) -> Result<Arc<CryptoProvider>, TlsError> {
    let Some(groups) = groups else { return Ok(provider()) };
    let group = |name: &String| {
        let found = GROUPS.iter().find(|group| group_name(**group).eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| TlsError::UnknownGroup { name: name.clone() })
    };
    let kx_groups = groups.iter().map(group).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(CryptoProvider { kx_groups, ..provider().as_ref().clone() }))
}

/// The name IANA gave the group.
pub(crate) fn group_name(group: &dyn SupportedKxGroup) -> String {
    let name = group.name();
    name.as_str()
        .map_or_else(|| format!("{name:?}"), |name| if name == "X25519" { "x25519".into() } else { name.into() })
}

/// The names of the groups we have, best first, for messages.
pub(crate) fn group_names() -> String {
    GROUPS.map(group_name).join(", ")
}
