//! The stories that have to end well, one module each.

mod host;
mod organisation;
mod peers;
