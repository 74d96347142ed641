//! The stories that have to end well, one module each.

mod organisation;
mod peers;
