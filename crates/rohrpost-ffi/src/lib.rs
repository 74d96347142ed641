#![doc = include_str!("../README.md")]

mod answer;
mod border;
mod engine;
mod fault;
mod handle;
mod json;
mod limits;
mod mail;
mod settings;

/// The number of this interface: what `ROHRPOST_ABI` of the header says, and the end of the shared library's name. It
/// changes when a program that was built against the old header would no longer do what it did.
const ABI: u32 = 1;
