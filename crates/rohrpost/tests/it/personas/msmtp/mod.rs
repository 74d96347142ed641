//! `msmtp` beside Debian's msmtp, and what is ours alone.

mod alone;
mod beside;
mod configure;
mod faulty;
mod keys;
mod pair;
mod secured;
mod socks;
