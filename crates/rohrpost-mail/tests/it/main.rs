//! Tests of this crate beside libraries that others wrote.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod mime;
