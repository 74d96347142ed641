#![doc = include_str!("../README.md")]

pub mod command;
pub mod event;
pub mod flags;
pub mod limits;
pub mod mailbox_name;
pub mod profile;
pub mod response;
pub mod sequence;
