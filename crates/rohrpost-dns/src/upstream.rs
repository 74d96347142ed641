//! Asking the DNS servers: transport, retries, cache, and whether an answer may be called signed.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Instant,
};

use hickory_proto::{
    dnssec::{Proof, TrustAnchors},
    op::{DnsRequestOptions, Message, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};
use hickory_resolver::{
    NameServerPool, PoolContext, ResponseCache, TlsConfig, TtlConfig,
    config::{ConnectionConfig, NameServerConfig, ResolverOpts},
    net::{
        DnsError, DnsHandle, NetError, RetryDnsHandle, dnssec::DnssecDnsHandle, runtime::TokioRuntimeProvider,
        xfer::FirstAnswer,
    },
};
use tokio::sync::OnceCell;

use crate::{
    error::LookupFault,
    limits::{CACHED_ANSWERS_MAX, LOOKUP_TIME_MAX, NEGATIVE_TTL_MAX},
    lookup::{Chain, Step},
    options::{Options, Validate},
};

type Plain = RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>;
type Validating = DnssecDnsHandle<Plain>;

/// How often a question without answer is asked again.
const RETRIES: usize = 1;

/// The resolver that container engines put on loopback. It checks nothing and hands on what a resolver elsewhere says.
const CONTAINER_FORWARDER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// The records that a name has, at the end of its CNAMEs.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) records: Vec<RData>,
    /// Each step of the way there was signed, and the signatures are good.
    pub(crate) secure: bool,
}

/// Why there are no records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Missing {
    /// The name exists, without records of that type.
    NoData,
    /// NXDOMAIN
    NoDomain,
    /// Nobody can say.
    Fault(LookupFault),
}

impl From<LookupFault> for Missing {
    fn from(fault: LookupFault) -> Self {
        Self::Fault(fault)
    }
}

/// Who checks signatures, once that is settled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Signatures {
    /// Nobody.
    Unchecked,
    /// The resolver on loopback: its AD bit counts (RFC 7672 §2.1.3).
    Resolver,
    /// This process.
    Here,
}

/// A set of DNS servers.
pub(crate) struct Upstream {
    plain: Plain,
    validating: OnceLock<Validating>,
    cache: ResponseCache,
    validate: Validate,
    trusted: bool,
    signatures: OnceCell<Signatures>,
}

impl Upstream {
    pub(crate) fn new(servers: &[SocketAddr], options: &Options) -> Self {
        let trusted = |server: &SocketAddr| server.ip().is_loopback() && server.ip() != CONTAINER_FORWARDER;
        Self::with_trust(servers, servers.iter().all(trusted), options)
    }

    /// `trusted`: the way to the servers is as safe as this machine, so that their AD bit may count.
    pub(crate) fn with_trust(servers: &[SocketAddr], trusted: bool, options: &Options) -> Self {
        let configs: Vec<_> = servers.iter().map(|server| name_server(*server)).collect();
        let mut opts = ResolverOpts::default();
        opts.timeout = options.timeout;
        let tls = TlsConfig::new().expect("no TLS is compiled in, so there is nothing that could fail");
        let context = Arc::new(PoolContext::new(opts, tls));
        let pool = NameServerPool::from_config(configs, context, TokioRuntimeProvider::default());
        let mut ttl = ResolverOpts::default();
        ttl.negative_max_ttl = Some(NEGATIVE_TTL_MAX);
        Self {
            plain: RetryDnsHandle::new(pool, RETRIES),
            validating: OnceLock::new(),
            cache: ResponseCache::new(CACHED_ANSWERS_MAX, TtlConfig::from_opts(&ttl)),
            validate: options.validate,
            trusted,
            signatures: OnceCell::new(),
        }
    }

    #[cfg(test)]
    pub(crate) fn trusts_ad(&self) -> bool {
        self.trusted
    }

    /// The records of a name, its CNAMEs followed.
    pub(crate) async fn find(&self, name: Name, kind: RecordType) -> Result<Answer, Missing> {
        let found = tokio::time::timeout(LOOKUP_TIME_MAX, self.follow(name, kind)).await;
        found.unwrap_or(Err(Missing::Fault(LookupFault::Timeout)))
    }

    async fn follow(&self, name: Name, kind: RecordType) -> Result<Answer, Missing> {
        let signatures = self.signatures().await?;
        let (mut chain, mut secure) = (Chain::from(name), true);
        loop {
            let query = Query::query(chain.name().clone(), kind);
            let message = self.ask(query, signatures).await.map_err(|error| missing(&error))?;
            secure &= is_secure(&message, signatures)?;
            match chain.follow(&message, kind)? {
                Step::Found(records) => return Ok(Answer { records, secure }),
                Step::Next(_) => {}
                Step::Missing => return Err(Missing::NoData),
            }
        }
    }

    /// One question, from the cache where possible.
    async fn ask(&self, query: Query, signatures: Signatures) -> Result<Message, NetError> {
        if let Some(known) = self.cache.get(&query, Instant::now()) {
            return known;
        }
        let answer = match signatures {
            Signatures::Here => self.validating().lookup(query.clone(), request_options()).first_answer().await,
            Signatures::Unchecked | Signatures::Resolver => {
                self.plain.lookup(query.clone(), request_options()).first_answer().await
            }
        };
        let answer = answer.and_then(|response| DnsError::from_response(response).map_err(NetError::from));
        let answer = answer.map(hickory_proto::op::DnsResponse::into_message);
        self.cache.insert(query, answer.clone(), Instant::now());
        answer
    }

    fn validating(&self) -> &Validating {
        let anchors = || Arc::new(TrustAnchors::default());
        self.validating.get_or_init(|| DnssecDnsHandle::with_trust_anchor(self.plain.clone(), anchors()))
    }

    /// Settles at the first question who checks signatures. When nobody answers it stays open: a lost packet must not
    /// decide that nothing is ever signed.
    async fn signatures(&self) -> Result<Signatures, LookupFault> {
        let settle = || async {
            match self.validate {
                Validate::Off => Ok(Signatures::Unchecked),
                Validate::On => Ok(Signatures::Here),
                Validate::Auto => self.probe().await,
            }
        };
        self.signatures.get_or_try_init(settle).await.copied()
    }

    /// Asks for the keys of the root, which are signed, to see what comes of the signatures.
    async fn probe(&self) -> Result<Signatures, LookupFault> {
        let query = Query::query(Name::root(), RecordType::DNSKEY);
        let signatures = match self.plain.lookup(query, request_options()).first_answer().await {
            Ok(answer) if self.trusted && answer.authentic_data => Signatures::Resolver,
            Ok(answer) if answer.answers.iter().any(|record| record.record_type() == RecordType::RRSIG) => {
                Signatures::Here
            }
            Ok(_) => Signatures::Unchecked,
            Err(error) => match missing(&error) {
                Missing::Fault(fault @ (LookupFault::Timeout | LookupFault::Unreachable)) => return Err(fault),
                _ => Signatures::Unchecked,
            },
        };
        if signatures == Signatures::Unchecked {
            tracing::warn!("the DNS servers pass no DNSSEC signatures on: no domain counts as signed");
        }
        Ok(signatures)
    }
}

/// The settings of a server by UDP, and by TCP where an answer does not fit.
fn name_server(server: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.into())
}

/// With the DO bit, which asks for signatures and for the AD bit alike (RFC 6840 §5.7).
fn request_options() -> DnsRequestOptions {
    let mut options = DnsRequestOptions::default();
    options.edns_set_dnssec_ok = true;
    options
}

/// Whether all answers of a message may be called signed.
fn is_secure(message: &Message, signatures: Signatures) -> Result<bool, LookupFault> {
    match signatures {
        Signatures::Unchecked => Ok(false),
        Signatures::Resolver => Ok(message.authentic_data),
        Signatures::Here if message.answers.iter().any(|record| record.proof == Proof::Bogus) => {
            Err(LookupFault::Bogus)
        }
        Signatures::Here => Ok(message.answers.iter().all(|record| record.proof == Proof::Secure)),
    }
}

/// What an error of the library means.
fn missing(error: &NetError) -> Missing {
    let by_code = |code: ResponseCode| match code {
        ResponseCode::NoError => Missing::NoData,
        ResponseCode::NXDomain => Missing::NoDomain,
        ResponseCode::Refused => Missing::Fault(LookupFault::Refused),
        ResponseCode::FormErr => Missing::Fault(LookupFault::Malformed),
        _ => Missing::Fault(LookupFault::ServerFailure),
    };
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => by_code(none.response_code),
        NetError::Dns(DnsError::Nsec { proof: Proof::Bogus, .. } | DnsError::DnssecBogus) => {
            Missing::Fault(LookupFault::Bogus)
        }
        NetError::Dns(DnsError::Nsec { response, .. }) => by_code(response.response_code),
        NetError::Dns(DnsError::ResponseCode(code)) => by_code(*code),
        NetError::Timeout => Missing::Fault(LookupFault::Timeout),
        NetError::Io(_) | NetError::NoConnections | NetError::Busy => Missing::Fault(LookupFault::Unreachable),
        _ => Missing::Fault(LookupFault::Malformed),
    }
}
