//! The addresses of a provider.

use url::Url;

/// Where a provider is asked, and for what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Provider {
    /// Gives tokens (RFC 6749 §3.2).
    pub token: Url,
    /// Where the browser is sent (RFC 6749 §3.1). Default: none.
    pub authorization: Option<Url>,
    /// Gives codes for other devices (RFC 8628 §3.1). Default: none.
    pub device: Option<Url>,
    /// What consent is asked for (RFC 6749 §3.3), words with blanks between them.
    pub scope: String,
    /// What this provider wants to be told in the browser's address besides. Default: nothing.
    pub parameters: Vec<(String, String)>,
    /// What this provider wants this host to be called when the browser comes back. Default: `127.0.0.1` (RFC 8252 §8.3).
    pub redirect_host: String,
}

impl Provider {
    /// One of its own, with the address that gives tokens.
    pub fn new(token: Url, scope: impl Into<String>) -> Self {
        let (parameters, redirect_host) = (Vec::new(), "127.0.0.1".to_owned());
        Self { token, authorization: None, device: None, scope: scope.into(), parameters, redirect_host }
    }

    /// Google, for Gmail and Workspace. Consent is given in a browser ([`super::Flow::Code`]): for mail Google allows no
    /// codes for other devices.
    pub fn google() -> Self {
        // Without these two a refresh token comes the first time only.
        let parameters = [("access_type", "offline"), ("prompt", "consent")];
        Self {
            authorization: Some(address("https://accounts.google.com/o/oauth2/v2/auth")),
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            ..Self::new(address("https://oauth2.googleapis.com/token"), "https://mail.google.com/")
        }
    }

    /// Microsoft, for Exchange Online and outlook.com. The tenant is an organisation's name or number, or `common`.
    pub fn microsoft(tenant: &str) -> Self {
        let endpoint = |name: &str| {
            let mut url = address("https://login.microsoftonline.com/");
            let mut path = url.path_segments_mut().expect("an https address has a path");
            path.extend([tenant, "oauth2", "v2.0", name]);
            drop(path);
            url
        };
        Self {
            authorization: Some(endpoint("authorize")),
            device: Some(endpoint("devicecode")),
            redirect_host: "localhost".to_owned(),
            ..Self::new(endpoint("token"), "https://outlook.office.com/SMTP.Send offline_access")
        }
    }

    /// Sends the browser there.
    #[must_use]
    pub fn authorization(mut self, url: Url) -> Self {
        self.authorization = Some(url);
        self
    }

    /// Gets codes for other devices there.
    #[must_use]
    pub fn device(mut self, url: Url) -> Self {
        self.device = Some(url);
        self
    }
}

fn address(text: &str) -> Url {
    Url::parse(text).expect("the addresses above are well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_presets_lead_to_the_providers() {
        let google = Provider::google();
        assert_eq!(google.token.host_str(), Some("oauth2.googleapis.com"));
        assert!(google.device.is_none());
        let microsoft = Provider::microsoft("here.test/../x");
        let token = "https://login.microsoftonline.com/here.test%2F..%2Fx/oauth2/v2.0/token";
        assert_eq!(microsoft.token.as_str(), token);
        assert!(microsoft.scope.ends_with("offline_access"));
    }
}
