//! Secrets of the installation, made once and kept in the store.

use rohrpost_store::{Store, StoreError};
use rohrpost_tls::crypto;

/// The key of hashed client addresses.
pub(crate) const ORIGIN: &str = "x-originating-ip-key";
/// The key of made-up SCRAM salts for users that do not exist.
pub(crate) const DECOY: &str = "scram-decoy-key";

/// The secret of this name; made at its first use.
pub(crate) async fn secret(store: &Store, name: &str) -> Result<[u8; 32], StoreError> {
    if let Some(known) = store.meta_get(name).await?.and_then(|known| known.try_into().ok()) {
        return Ok(known);
    }
    let fresh = crypto::random::<32>();
    store.meta_put(name, fresh.to_vec()).await?;
    Ok(fresh)
}
