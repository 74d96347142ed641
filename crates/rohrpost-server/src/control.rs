//! The control socket: frames of a length and JSON, over a unix socket that only root and our own user may use.
//!
//! What the frames say is the business of the binary, which implements [`ControlService`]; here are the frame format, both
//! ends of it, and the bounds. A frame is four octets of length, most significant first, and so many octets.

mod client;
mod server;

pub use client::{AskError, ask};
pub use server::{BindError, Caller, ControlService, ControlSocket};

#[cfg(test)]
mod tests;
