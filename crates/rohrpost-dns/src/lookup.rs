//! Reading an answer: following its CNAMEs to the records that were asked for. Pure; the questions are asked in
//! [`crate::upstream`].

use hickory_proto::{
    op::Message,
    rr::{Name, RData, Record, RecordType},
};

use crate::{error::LookupFault, limits::CNAME_DEPTH_MAX};

/// Where a name leads to within one message.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// These records, at the end of so many CNAMEs.
    Found(Vec<RData>),
    /// Out of this message, to be asked for.
    Next(Name),
    /// There is no such record.
    Missing,
}

/// The names that were passed on the way.
#[derive(Debug)]
pub(crate) struct Chain {
    passed: Vec<Name>,
}

impl Chain {
    pub(crate) fn from(name: Name) -> Self {
        Self { passed: vec![name] }
    }

    /// The name that is looked for now.
    pub(crate) fn name(&self) -> &Name {
        self.passed.last().expect("a chain starts with a name")
    }

    /// Follows the answers of one message from [`Self::name`] on. The order of records does not matter.
    pub(crate) fn follow(&mut self, message: &Message, kind: RecordType) -> Result<Step, LookupFault> {
        let mut moved = false;
        loop {
            let here: Vec<&Record> = message.answers.iter().filter(|record| record.name == *self.name()).collect();
            let found = here.iter().filter(|record| record.record_type() == kind);
            let found: Vec<RData> = found.map(|record| record.data.clone()).collect();
            if !found.is_empty() {
                return Ok(Step::Found(found));
            }
            let Some(target) = here.into_iter().find_map(cname).cloned() else {
                return Ok(if moved { Step::Next(self.name().clone()) } else { Step::Missing });
            };
            self.go_to(target)?;
            moved = true;
        }
    }

    fn go_to(&mut self, target: Name) -> Result<(), LookupFault> {
        if self.passed.len() > CNAME_DEPTH_MAX || self.passed.contains(&target) {
            return Err(LookupFault::CnameChain);
        }
        self.passed.push(target);
        Ok(())
    }
}

fn cname(record: &Record) -> Option<&Name> {
    match &record.data {
        RData::CNAME(target) => Some(&target.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::{
        op::OpCode,
        rr::rdata::{A, CNAME},
    };

    use super::*;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn message(records: impl IntoIterator<Item = (String, RData)>) -> Message {
        let mut message = Message::response(0, OpCode::Query);
        message.add_answers(records.into_iter().map(|(owner, data)| Record::from_rdata(name(&owner), 60, data)));
        message
    }

    fn chain_of(cnames: usize) -> Message {
        let cname = |n: usize| (format!("n{n}.test."), RData::CNAME(CNAME(name(&format!("n{}.test.", n + 1)))));
        let address = (format!("n{cnames}.test."), RData::A(A::new(192, 0, 2, 1)));
        message((0..cnames).map(cname).chain([address]))
    }

    #[test]
    fn eight_cnames_are_followed_and_nine_are_too_many() {
        let follow = |cnames| Chain::from(name("n0.test.")).follow(&chain_of(cnames), RecordType::A);
        for cnames in [0, 1, 8] {
            assert!(matches!(follow(cnames), Ok(Step::Found(found)) if found.len() == 1), "{cnames}");
        }
        assert_eq!(follow(9), Err(LookupFault::CnameChain));
        assert_eq!(follow(20), Err(LookupFault::CnameChain));
    }

    #[test]
    fn a_loop_of_cnames_ends() {
        let looped = message([
            ("a.test.".to_owned(), RData::CNAME(CNAME(name("b.test.")))),
            ("b.test.".to_owned(), RData::CNAME(CNAME(name("A.test.")))),
        ]);
        assert_eq!(Chain::from(name("a.test.")).follow(&looped, RecordType::A), Err(LookupFault::CnameChain));
    }

    #[test]
    fn a_chain_that_leaves_the_message_is_asked_for_and_remembered() {
        let mut chain = Chain::from(name("a.test."));
        let first = message([("a.test.".to_owned(), RData::CNAME(CNAME(name("b.test."))))]);
        assert_eq!(chain.follow(&first, RecordType::A), Ok(Step::Next(name("b.test."))));
        let back = message([("b.test.".to_owned(), RData::CNAME(CNAME(name("a.test."))))]);
        assert_eq!(chain.follow(&back, RecordType::A), Err(LookupFault::CnameChain));
    }

    #[test]
    fn records_of_other_names_do_not_count() {
        let other = message([("evil.test.".to_owned(), RData::A(A::new(192, 0, 2, 66)))]);
        assert_eq!(Chain::from(name("a.test.")).follow(&other, RecordType::A), Ok(Step::Missing));
    }
}
