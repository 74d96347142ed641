//! Consent by a code that is entered on another device: RFC 8628.

use std::time::Duration;

use rohrpost_mail::Secret;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::{
    super::{
        SecretError,
        limits::{CONSENT_TIME_MAX, POLL_PAUSE, POLL_PAUSE_MAX, POLL_PAUSE_MORE},
    },
    Prompt,
    endpoint::{Endpoint, TokenAnswer},
};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// RFC 8628 §3.2.
#[derive(Deserialize)]
struct DeviceAnswer {
    device_code: Secret,
    user_code: String,
    #[serde(alias = "verification_url")]
    verification_uri: String,
    expires_in: Option<u64>,
    interval: Option<u64>,
}

/// Asks for a code, shows it, and asks until the person has entered it.
pub(super) async fn consent(endpoint: &Endpoint, show: impl FnOnce(Prompt<'_>)) -> Result<TokenAnswer, SecretError> {
    let url = endpoint.provider.device.as_ref().ok_or(SecretError::NoEndpoint)?;
    let asked = endpoint.ask::<DeviceAnswer>(url, &[("scope", &endpoint.provider.scope)]).await?;
    let answer = asked.map_err(|refusal| refusal.error)?;
    show(Prompt::Device { address: &answer.verification_uri, code: &answer.user_code });
    let patience = answer.expires_in.map_or(CONSENT_TIME_MAX, Duration::from_secs).min(CONSENT_TIME_MAX);
    let asking = poll(endpoint, &answer);
    timeout(patience, asking).await.map_err(|_| SecretError::ConsentTimedOut)?
}

async fn poll(endpoint: &Endpoint, answer: &DeviceAnswer) -> Result<TokenAnswer, SecretError> {
    let form = [("grant_type", GRANT_TYPE), ("device_code", answer.device_code.expose())];
    let mut pause = answer.interval.map_or(POLL_PAUSE, Duration::from_secs);
    loop {
        sleep(pause.min(POLL_PAUSE_MAX)).await;
        match endpoint.token(&form).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(refusal)) => pause = next_pause(&refusal.code, pause).ok_or(refusal.error)?,
            // RFC 8628 §3.5: the person may be done before the network is back.
            Err(error) if error.is_temporary() => tracing::debug!(%error, "the provider could not be asked"),
            Err(error) => return Err(error),
        }
    }
}

/// How long to wait before the next question; nothing where there is none (RFC 8628 §3.5).
fn next_pause(code: &str, pause: Duration) -> Option<Duration> {
    match code {
        "authorization_pending" => Some(pause),
        "slow_down" => Some(pause + POLL_PAUSE_MORE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_asked_too_often_is_asked_less_often() {
        let five = Duration::from_secs(5);
        assert_eq!(next_pause("authorization_pending", five), Some(five));
        assert_eq!(next_pause("slow_down", five), Some(2 * five));
        assert_eq!(next_pause("access_denied", five), None);
    }
}
