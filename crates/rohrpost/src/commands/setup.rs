//! `rohrpost account setup-help` and `rohrpost domain records`: what people and DNS are told of a mailbox's servers.

use rohrpost_mail::{Domain, Mailbox, dsn::Language};
use rohrpost_web::{Links, MailSettings};

use super::{mismatch, print, print_json, print_rows};
use crate::{
    cli::Output,
    control::{Answer, Request},
    door::Door,
    exit::{Exit, Failure},
    view,
    wiring::Offer,
};

/// `rohrpost account setup-help`
pub(super) async fn help(door: &Door, address: &Mailbox, language: Language, output: Output) -> anyhow::Result<()> {
    let offer = offer(door).await?;
    let mut settings = MailSettings::of(address, &offer.services);
    if address.domain.name().is_some_and(|domain| offer.tls_domains.contains(domain)) {
        settings.servers = settings.servers.encrypted();
    }
    let links = offer.web.as_ref().map(|(host, port)| Links::of(address, host, Some(*port)));
    if output.json {
        return print_json([view::setup::Help { settings, links }]);
    }
    if settings.servers.pair().is_none() {
        let message = "no listener is open where this mailbox could be read and mail be handed in";
        return Err(Failure::new(Exit::Unavailable, message).into());
    }
    print(&view::setup::help(&settings, links.as_ref(), language))
}

/// `rohrpost domain records`
pub(super) async fn records(door: &Door, domain: &Domain, output: Output) -> anyhow::Result<()> {
    let offer = offer(door).await?;
    let web = offer.web.as_ref().map(|(host, port)| (host, *port));
    let rows = rohrpost_web::records::records(domain, &offer.services, web);
    print_rows(output, &rows, view::setup::records)
}

/// What the running server offers, else what the configuration says.
async fn offer(door: &Door) -> anyhow::Result<Offer> {
    let Answer::Offer(offer) = door.ask(Request::Offer).await? else { return Err(mismatch()) };
    Ok(offer)
}
