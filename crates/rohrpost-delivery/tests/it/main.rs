//! Delivery over a real store, against scripted peers and a sink on loopback.

mod after_dot;
mod bounces;
mod local;
mod office;
mod policy;
mod relays;
