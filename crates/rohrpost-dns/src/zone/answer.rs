//! From a question's octets to an answer's: RFC 1034 §4.3.2, without recursion.

use hickory_proto::{
    op::{Message, OpCode, Query, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::SOA},
};

use super::{Fault, Question, Zone, name};
use crate::limits::CNAME_DEPTH_MAX;

/// Octets of an answer by UDP for those who do not say what they can take (RFC 1035 §4.2.1).
const UDP_BYTES_MAX: u16 = 512;
/// CNAMEs that one answer follows: more than resolvers do, so that theirs is the limit that is seen.
const CNAMES_MAX: usize = 4 * CNAME_DEPTH_MAX;

/// The question, if it could be read, and the octets to send back, if any.
pub(super) fn answer(zones: &[Zone], octets: &[u8], udp: bool) -> (Option<Question>, Option<Vec<u8>>) {
    let Ok(request) = Message::from_vec(octets) else { return (None, None) };
    let Some(query) = request.queries.first().cloned() else { return (None, None) };
    let owner = query.name().to_lowercase();
    let question = Question {
        name: owner.to_ascii().trim_end_matches('.').to_owned(),
        record_type: query.query_type().to_string(),
    };
    let zone = closest(zones, &owner);
    let fault = zone.and_then(|zone| zone.fault_at(&owner, query.query_type()));
    let mut reply = response(&request, &query);
    match (zone, fault) {
        (_, Some(Fault::Silence)) => return (Some(question), None),
        (_, Some(Fault::Garbage)) => return (Some(question), Some(octets[..2].repeat(9))),
        (None, _) | (_, Some(Fault::Refused)) => reply.metadata.response_code = ResponseCode::Refused,
        (_, Some(Fault::ServerFailure)) => reply.metadata.response_code = ResponseCode::ServFail,
        (_, Some(Fault::Truncation)) if udp => reply.metadata.truncation = true,
        (Some(_), _) => fill(&mut reply, zones, owner, query.query_type()),
    }
    (Some(question), encode(&reply, udp, request.max_payload()))
}

/// The zone that a name belongs to: the one with the longest origin.
fn closest<'a>(zones: &'a [Zone], owner: &Name) -> Option<&'a Zone> {
    zones.iter().filter(|zone| zone.origin.zone_of(owner)).max_by_key(|zone| zone.origin.num_labels())
}

fn response(request: &Message, query: &Query) -> Message {
    let mut reply = Message::response(request.metadata.id, OpCode::Query);
    reply.metadata.recursion_desired = request.metadata.recursion_desired;
    reply.metadata.authoritative = true;
    reply.add_query(query.clone());
    reply
}

/// Puts in the records, the CNAMEs on the way to them, or the proof that there are none.
fn fill(reply: &mut Message, zones: &[Zone], mut owner: Name, kind: RecordType) {
    for _ in 0..CNAMES_MAX {
        let Some(zone) = closest(zones, &owner) else { return };
        reply.metadata.authentic_data = zone.authentic;
        let records = zone.records_at(&owner, kind);
        if !records.is_empty() {
            reply.add_answers(records.iter().map(|data| Record::from_rdata(owner.clone(), zone.ttl, data.clone())));
            return;
        }
        let Some(RData::CNAME(target)) = zone.records_at(&owner, RecordType::CNAME).first() else {
            if !zone.exists(&owner) {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
            reply.add_authority(zone.soa());
            return;
        };
        reply.add_answer(Record::from_rdata(owner, zone.ttl, RData::CNAME(target.clone())));
        owner = target.0.to_lowercase();
    }
}

fn encode(reply: &Message, udp: bool, payload: u16) -> Option<Vec<u8>> {
    let octets = reply.to_vec().ok()?;
    if udp && octets.len() > usize::from(payload.max(UDP_BYTES_MAX)) {
        return reply.truncate().to_vec().ok();
    }
    Some(octets)
}

impl Zone {
    fn fault_at(&self, owner: &Name, kind: RecordType) -> Option<Fault> {
        let of_type = self.faults.get(&(owner.clone(), Some(u16::from(kind))));
        of_type.or_else(|| self.faults.get(&(owner.clone(), None))).copied()
    }

    fn records_at(&self, owner: &Name, kind: RecordType) -> &[RData] {
        let records = self.records.get(owner).and_then(|types| types.get(&u16::from(kind)));
        records.map_or(&[], Vec::as_slice)
    }

    /// A name exists with its records, and so do those above it (RFC 8020).
    fn exists(&self, owner: &Name) -> bool {
        *owner == self.origin || self.records.keys().any(|known| owner.zone_of(known))
    }

    fn soa(&self) -> Record {
        let host = name("ns.invalid");
        let soa = SOA::new(host.clone(), host, 1, 3600, 600, 86_400, self.ttl);
        Record::from_rdata(self.origin.clone(), self.ttl, RData::SOA(soa))
    }
}
