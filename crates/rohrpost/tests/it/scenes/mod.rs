//! The stories that have to end well, one module each.

mod application;
mod erp;
mod host;
mod log_in;
mod organisation;
mod peers;
mod provider;
