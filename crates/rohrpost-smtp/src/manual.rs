//! Manual
pub mod smuggling;
pub mod starttls_injection;
