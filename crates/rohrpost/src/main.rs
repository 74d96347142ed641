//! Rohrpost: one program that sends, relays, receives and keeps mail, and says how well each hop was encrypted.
fn main() {}
