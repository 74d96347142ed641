//! Licence expressions of crates (SPDX), and which of the offered licences we take.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

/// Licences in the order in which we take them where there is a choice: SPDX id and the name that Debian has for it.
const TAKEN: &[(&str, &str)] = &[
    ("MIT", "Expat"),
    ("Apache-2.0", "Apache-2.0"),
    ("ISC", "ISC"),
    ("BSD-3-Clause", "BSD-3-clause"),
    ("Zlib", "Zlib"),
    ("Unicode-3.0", "Unicode-3.0"),
    ("CDLA-Permissive-2.0", "CDLA-Permissive-2.0"),
];

/// Debian's name for a licence.
pub(super) fn debian_name(spdx: &str) -> Option<&'static str> {
    TAKEN.iter().find(|(id, _)| *id == spdx).map(|(_, name)| *name)
}

/// The licences that have to be kept, all of them, by their SPDX ids.
///
/// # Errors
/// For an expression of which nothing may be taken.
pub(super) fn taken(expression: &str) -> Result<BTreeSet<&'static str>> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    match either(&mut rest) {
        Some(taken) if rest.is_empty() => Ok(taken),
        _ => bail!("no licence that we take: {expression}"),
    }
}

/// `A OR B`: the one that stands first in [`TAKEN`]; a single licence before several.
fn either(words: &mut &[&str]) -> Option<BTreeSet<&'static str>> {
    let mut offers = vec![both(words)];
    while let ["OR", rest @ ..] = words {
        *words = rest;
        offers.push(both(words));
    }
    let rank = |offer: &BTreeSet<&str>| {
        let worst = offer.iter().map(|id| TAKEN.iter().position(|(taken, _)| taken == id)).max();
        (offer.len(), worst)
    };
    offers.into_iter().flatten().min_by_key(rank)
}

/// `A AND B`: all of them, or none where one cannot be taken.
fn both(words: &mut &[&str]) -> Option<BTreeSet<&'static str>> {
    let mut all = one(words);
    while let ["AND", rest @ ..] = words {
        *words = rest;
        let next = one(words);
        all = all.zip(next).map(|(mut all, next)| {
            all.extend(next);
            all
        });
    }
    all
}

/// `(…)`, `A` or `A WITH EXCEPTION`, which we never take: where it is offered, the bare licence is too.
fn one(words: &mut &[&str]) -> Option<BTreeSet<&'static str>> {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let inner = either(words);
            *words = words.strip_prefix(&[")"])?;
            inner
        }
        [_, "WITH", _, rest @ ..] => {
            *words = rest;
            None
        }
        [id, rest @ ..] => {
            *words = rest;
            TAKEN.iter().find(|(taken, _)| taken == id).map(|(taken, _)| BTreeSet::from([*taken]))
        }
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_offers_one_is_taken_and_what_is_joined_is_kept() {
        let table = [
            ("MIT", "MIT"),
            ("Apache-2.0 OR MIT", "MIT"),
            ("Unlicense/MIT", "MIT"),
            ("Apache-2.0 OR BSL-1.0", "Apache-2.0"),
            ("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", "MIT"),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", "MIT Unicode-3.0"),
            ("ISC AND (Apache-2.0 OR ISC)", "Apache-2.0 ISC"),
            ("ISC AND (Apache-2.0 OR ISC OR MIT-0) AND BSD-3-Clause", "Apache-2.0 BSD-3-Clause ISC"),
        ];
        for (expression, ids) in table {
            let taken: Vec<_> = taken(expression).unwrap().into_iter().collect();
            assert_eq!(taken.join(" "), ids, "{expression}");
        }
    }

    #[test]
    fn what_nobody_may_take_is_an_error() {
        for expression in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT", "", "MIT MIT"] {
            assert!(taken(expression).is_err(), "{expression}");
        }
    }
}
