//! `msmtp` beside Debian's msmtp, and what is ours alone.

mod alone;
mod beside;
mod faulty;
mod keys;
mod pair;
mod secured;
mod socks;
