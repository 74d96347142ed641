//! `[web]`

use rohrpost_mail::Domain;

use super::Notes;
use crate::{
    config::{KeyPath, file},
    sockets::ListenAt,
};

/// What is served over HTTPS, as it is meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Web {
    /// Where pages are served.
    pub(crate) https: Vec<ListenAt>,
    /// Where others are sent there.
    pub(crate) redirect: Vec<ListenAt>,
    /// Names beside those that follow from the rest.
    pub(crate) names: Vec<Domain>,
}

impl Notes {
    /// Where set-up help is served.
    pub(super) fn web(&mut self, web: &file::Web) -> Web {
        let key = KeyPath::key("web");
        let redirect_key = key.then("redirect_address");
        let https = self.web_places(&key.then("address"), web.address.as_ref());
        let redirect = self.web_places(&redirect_key, web.redirect_address.as_ref());
        if https.is_empty() && !redirect.is_empty() {
            self.fault(redirect_key, "nobody can be sent to where nothing is served: web.address must be set, too");
        }
        Web { https, redirect, names: web.names.clone() }
    }

    fn web_places(&mut self, key: &KeyPath, address: Option<&file::OneOrMany>) -> Vec<ListenAt> {
        let places = address.map_or_else(Vec::new, |address| self.places(key, address));
        if places.iter().any(|at| matches!(at, ListenAt::Unix(_))) {
            self.fault(key.clone(), "browsers do not come by a unix socket: expected addresses with ports");
        }
        places
    }
}
