//! The one way in: limits, policy, accounts, commit.
