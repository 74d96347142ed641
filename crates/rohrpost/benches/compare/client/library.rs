//! The library: ten thousand messages over a pool of ten connections, ours and lettre's.
//!
//! Both send the same octets from ten tasks, on a runtime of their own that is made the same way, with the same provider
//! of cryptography below rustls. The sink acknowledges at once what it reads: lettre writes the final dot apart from the
//! message and leaves Nagle's algorithm on, so that it would wait 40 ms for each message otherwise.

use std::{future::Future, time::Instant};

use anyhow::Result;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    address::Envelope as LettreEnvelope,
    transport::smtp::{
        PoolConfig,
        client::{Certificate, CertificateStore, Tls, TlsParametersBuilder},
    },
};
use rohrpost_sender::{Mail, Sender, Server};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

use crate::{
    Options,
    figures::{Goal, OURS, Row},
    load::message,
    rows::per_second,
    servers::Sinks,
    sink::Acks,
};

const LETTRE: &str = "lettre";
/// Connections, and tasks that use them.
const POOL: usize = 10;
const MESSAGES: usize = 10_000;
const OCTETS: usize = 4096;

pub(crate) fn clear(options: &Options) -> Result<Row> {
    compare(options, "library: 10,000 messages of 4 KiB over a pool of 10, clear text", false)
}

pub(crate) fn starttls(options: &Options) -> Result<Row> {
    compare(options, "the same with STARTTLS, one authority", true)
}

fn compare(options: &Options, job: &str, starttls: bool) -> Result<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let each = MESSAGES / options.shrink / POOL;
    for _ in 0..options.rounds {
        let sinks = Sinks::that_acknowledge(Acks::AtOnce)?;
        ours.push(through_ours(&sinks, starttls, each)?);
        theirs.push(through_lettre(&sinks, starttls, each)?);
    }
    let goals = vec![Goal::AtLeast { times: 1.5, column: LETTRE }];
    Ok(Row { job: job.to_owned(), unit: "messages/s", columns: vec![(OURS, ours), (LETTRE, theirs)], goals })
}

fn through_ours(sinks: &Sinks, starttls: bool, each: usize) -> Result<f64> {
    let url = if starttls {
        format!("smtp://localhost:{}?tls=starttls&trust=ca:{}", sinks.starttls.address.port(), sinks.ca().display())
    } else {
        format!("smtp://localhost:{}?tls=off", sinks.plain.address.port())
    };
    let sender = Sender::new(Server::url(&url)?.concurrency(POOL))?;
    let mail = Mail::from_eml(octets())?;
    drive(&runtime()?, each, move || {
        let (sender, mail) = (sender.clone(), mail.clone());
        async move {
            for _ in 0..each {
                sender.send(&mail).await?;
            }
            Ok(())
        }
    })
}

fn through_lettre(sinks: &Sinks, starttls: bool, each: usize) -> Result<f64> {
    let sink = if starttls { &sinks.starttls } else { &sinks.plain };
    let tls = if starttls {
        let ca = Certificate::from_pem(&std::fs::read(sinks.ca())?)?;
        let parameters = TlsParametersBuilder::new("localhost".to_owned());
        let parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(ca);
        Tls::Required(parameters.build_rustls()?)
    } else {
        Tls::None
    };
    let pool = PoolConfig::new().max_size(u32::try_from(POOL)?);
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("localhost").port(sink.address.port());
    let transport = transport.tls(tls).pool_config(pool);
    let envelope = LettreEnvelope::new(Some("load@here.test".parse()?), vec!["sink@there.test".parse()?])?;
    let octets = octets();
    let runtime = runtime()?;
    // Its pool looks after itself with tasks: it begins and ends inside of a runtime.
    let _inside = runtime.enter();
    let transport = transport.build();
    drive(&runtime, each, move || {
        let (transport, envelope, octets) = (transport.clone(), envelope.clone(), octets.clone());
        async move {
            for _ in 0..each {
                transport.send_raw(&envelope, &octets).await?;
            }
            Ok(())
        }
    })
}

/// The message without the dot that ends it.
fn octets() -> Vec<u8> {
    let message = message(OCTETS);
    message.strip_suffix(b".\r\n").unwrap_or(&message).to_vec()
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// Runs the tasks, of which each sends so many, and tells the rate.
fn drive<F>(runtime: &Runtime, each: usize, task: impl Fn() -> F) -> Result<f64>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    runtime.block_on(async {
        let started = Instant::now();
        let mut running: JoinSet<Result<()>> = (0..POOL).map(|_| task()).collect();
        while let Some(ended) = running.join_next().await {
            ended??;
        }
        Ok(per_second(each * POOL, started.elapsed()))
    })
}
