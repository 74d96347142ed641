//! Questions to the provider and their answers.

use std::time::Duration;

use rohrpost_mail::Secret;
use rohrpost_tls::http::HttpClient;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::{
    super::{
        SecretError,
        error::shown,
        limits::{LIFE_MAX, LIFE_UNTOLD},
    },
    Provider,
};

/// The provider, as this application speaks to it.
pub(super) struct Endpoint {
    pub(super) provider: Provider,
    pub(super) client_id: String,
    pub(super) client_secret: Option<Secret>,
    pub(super) http: HttpClient,
}

/// RFC 6749 §5.1.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: Secret,
    expires_in: Option<u64>,
    pub(super) refresh_token: Option<Secret>,
}

impl TokenAnswer {
    /// When the access token ends, in seconds of the epoch.
    pub(super) fn expires(&self, now: u64) -> u64 {
        let life = self.expires_in.map_or(LIFE_UNTOLD, Duration::from_secs);
        now.saturating_add(life.min(LIFE_MAX).as_secs())
    }
}

/// RFC 6749 §5.2: why not.
#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// No, with the code of the reason.
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) error: SecretError,
}

impl Endpoint {
    /// The provider's host, for errors.
    pub(super) fn name(&self) -> String {
        self.provider.token.host_str().unwrap_or_default().to_owned()
    }

    /// A new access token (RFC 6749 §6). `None` where the refresh token is not good any more.
    pub(super) async fn refresh(&self, refresh: &Secret) -> Result<Option<TokenAnswer>, SecretError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
        match self.token(&form).await? {
            Ok(answer) => Ok(Some(answer)),
            Err(refusal) if refusal.code == "invalid_grant" => {
                tracing::warn!(error = %refusal.error, "the consent to send mail has ended");
                Ok(None)
            }
            Err(refusal) => Err(refusal.error),
        }
    }

    /// Asks for tokens.
    pub(super) async fn token(&self, form: &[(&str, &str)]) -> Result<Result<TokenAnswer, Refusal>, SecretError> {
        self.ask(&self.provider.token, form).await
    }

    /// Posts a form with the application's name, and its secret where it has one (RFC 6749 §2.3.1).
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        url: &Url,
        form: &[(&str, &str)],
    ) -> Result<Result<T, Refusal>, SecretError> {
        let secret = self.client_secret.as_ref().map(|secret| ("client_secret", secret.expose()));
        let form: Vec<_> = form.iter().copied().chain([("client_id", &*self.client_id)]).chain(secret).collect();
        let answer = self.http.post_form(url, &form).await?;
        let endpoint = url.host_str().unwrap_or_default().to_owned();
        let unreadable = SecretError::Answer { endpoint: endpoint.clone(), status: answer.status };
        if answer.status == 200 {
            return serde_json::from_slice(&answer.body).map(Ok).map_err(|_| unreadable);
        }
        let refused: ErrorAnswer = serde_json::from_slice(&answer.body).map_err(|_| unreadable)?;
        let secrets: Vec<&str> = form.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| *value).collect();
        let words = shown(&format!("{}\n{}", refused.error, refused.error_description), &secrets);
        Ok(Err(Refusal { code: refused.error, error: SecretError::Refused { endpoint, words } }))
    }
}

/// Which parts of a form nobody may see, even when the provider repeats them.
fn is_secret(name: &str) -> bool {
    matches!(name, "client_secret" | "refresh_token" | "device_code" | "code" | "code_verifier")
}
