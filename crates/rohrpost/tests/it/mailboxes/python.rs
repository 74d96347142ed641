//! Python's imaplib.

use super::Server;

#[test]
fn imaplib_files_reads_marks_copies_moves_and_expunges() {
    Server::start().python(include_str!("imaplib.py"));
}

#[test]
fn imaplib_hears_of_what_another_session_does() {
    Server::start().python(include_str!("idle.py"));
}
