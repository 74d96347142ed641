#![doc = include_str!("../README.md")]

pub mod command;
pub mod event;
pub mod flags;
pub mod limits;
pub mod mailbox_name;
pub mod parse;
pub mod profile;
pub mod reader;
pub mod response;
pub mod sequence;
pub mod session;

mod view;
