#![doc = include_str!("../README.md")]

pub mod command;
pub mod limits;
pub mod mailbox_name;
pub mod response;
pub mod sequence;
