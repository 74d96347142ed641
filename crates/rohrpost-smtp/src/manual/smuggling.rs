//! Smuggling.
