//! Which servers offer a service for a domain: SRV records (RFC 2782), as mail programs that set themselves up ask for them
//! (RFC 6186).

use hickory_proto::rr::{Name, RData, RecordType};
use rohrpost_mail::Domain;

use crate::{error::PlanError, limits::SERVICES_MAX, resolver::Resolver, upstream::Missing};

/// The servers of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Services {
    /// In the order in which they are to be tried, with their ports. Empty where the domain says that there is none.
    pub servers: Vec<(Domain, u16)>,
    /// Whether the answer was signed and the signature was good.
    pub secure: bool,
}

impl Resolver {
    /// The servers of a service such as `_submissions._tcp`; nothing where the domain says nothing about it. Of servers with
    /// one priority the heaviest comes first: who asks this wants one name, not a share of the load.
    ///
    /// # Errors
    /// [`PlanError::Lookup`]: DNS does not say now.
    pub async fn services(&self, service: &str, domain: &Domain) -> Result<Option<Services>, PlanError> {
        // What is too long for a name has no records.
        let Ok(name) = Name::from_ascii(format!("{service}.{domain}.")) else { return Ok(None) };
        let answer = match self.find(name, RecordType::SRV).await {
            Ok(answer) => answer,
            Err(Missing::NoData | Missing::NoDomain) => return Ok(None),
            Err(Missing::Fault(fault)) => return Err(PlanError::Lookup { name: domain.clone(), fault }),
        };
        let mut found: Vec<_> = answer.records.iter().filter_map(server).take(SERVICES_MAX).collect();
        found.sort_by_key(|(priority, weight, ..)| (*priority, u16::MAX - weight));
        let servers = found.into_iter().map(|(_, _, host, port)| (host, port)).collect();
        Ok(Some(Services { servers, secure: answer.secure }))
    }
}

/// Priority, weight, host and port. RFC 2782: the root as a target says that there is no such service; no host has that name.
fn server(record: &RData) -> Option<(u16, u16, Domain, u16)> {
    let RData::SRV(srv) = record else { return None };
    let host = Domain::parse(&srv.target.to_ascii()).ok()?;
    Some((srv.priority, srv.weight, host, srv.port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Options,
        zone::{Fault, Zone, ZoneServer},
    };

    async fn asked(zone: Zone) -> Result<Option<Services>, PlanError> {
        let server = ZoneServer::start([zone]).await.unwrap();
        let resolver = Resolver::with_servers([server.address()], Options::default());
        resolver.services("_submissions._tcp", &"there.test".parse().unwrap()).await
    }

    const OWNER: &str = "_submissions._tcp.there.test";

    #[tokio::test]
    async fn the_best_server_comes_first() {
        let zone = Zone::new("there.test")
            .srv(OWNER, 20, 9, "spare.there.test", 465)
            .srv(OWNER, 10, 1, "light.there.test", 1465)
            .srv(OWNER, 10, 5, "heavy.there.test", 465);
        let found = asked(zone).await.unwrap().unwrap();
        let servers: Vec<_> = found.servers.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        assert_eq!(servers, ["heavy.there.test:465", "light.there.test:1465", "spare.there.test:465"]);
        assert!(!found.secure);
    }

    #[tokio::test]
    async fn no_service_and_no_word_about_it_are_two_things() {
        let none = asked(Zone::new("there.test").srv(OWNER, 0, 0, ".", 0)).await.unwrap();
        assert_eq!(none, Some(Services { servers: Vec::new(), secure: false }));
        assert_eq!(asked(Zone::new("there.test")).await.unwrap(), None);
        let error = asked(Zone::new("there.test").fault(OWNER, Fault::ServerFailure)).await.unwrap_err();
        assert!(matches!(error, PlanError::Lookup { .. }), "{error}");
    }
}
