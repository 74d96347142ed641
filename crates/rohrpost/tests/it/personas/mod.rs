//! Programs that call ours by the name of another: each is called as it is on a real host, and what arrives is read.

pub(crate) mod host;
mod msmtp;
mod sendmail;
