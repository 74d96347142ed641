//! What somebody's mail may take, where there are defaults.

use serde::{Deserialize, Serialize};

/// What an account's mail may take, or that of each account of a domain. In JSON: `null`, -1, or octets.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(from = "Option<i64>", into = "Option<i64>")]
pub enum Allowance {
    /// What the next one says: for an account its domain, for a domain the server.
    #[default]
    Inherited,
    /// As much as it likes.
    Unlimited,
    /// So many octets.
    Octets(u64),
}

impl From<Option<i64>> for Allowance {
    fn from(number: Option<i64>) -> Self {
        match number {
            None => Self::Inherited,
            Some(number) => u64::try_from(number).map_or(Self::Unlimited, Self::Octets),
        }
    }
}

impl From<Allowance> for Option<i64> {
    fn from(allowance: Allowance) -> Self {
        match allowance {
            Allowance::Inherited => None,
            Allowance::Unlimited => Some(-1),
            Allowance::Octets(octets) => Some(i64::try_from(octets).unwrap_or(i64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_null_a_number_or_less_than_nothing() {
        for (allowance, json) in
            [(Allowance::Inherited, "null"), (Allowance::Unlimited, "-1"), (Allowance::Octets(5), "5")]
        {
            assert_eq!(serde_json::to_string(&allowance).unwrap(), json);
            assert_eq!(serde_json::from_str::<Allowance>(json).unwrap(), allowance);
        }
    }
}
