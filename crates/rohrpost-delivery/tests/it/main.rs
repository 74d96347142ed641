//! Delivery over a real store, against scripted peers and a sink on loopback.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod after_dot;
mod bounces;
mod clock;
mod escalation;
mod local;
mod notices;
mod office;
mod pipes;
mod policy;
mod relays;
mod routes;
