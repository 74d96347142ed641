//! `msmtp` beside Debian's msmtp, and what is ours alone.

mod alone;
mod beside;
mod pair;
mod secured;
