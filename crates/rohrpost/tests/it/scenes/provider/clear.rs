//! Mail programs that are set to clear text.

use super::{Link, Provider, Task};

#[test]
fn a_program_in_clear_text_gets_in_where_encryption_is_recommended() {
    let provider = Provider::open();
    let easy = &provider.easy;
    let sent = provider.curl(easy, Task::Send, Link::Clear, &easy.account);
    assert!(sent.succeeded, "{}", sent.text);
    provider.wait_for(easy, 1);
    for task in [Task::Imap, Task::Pop3] {
        let read = provider.curl(easy, task, Link::Clear, "");
        assert!(read.succeeded && read.text.contains("Subject: Clear"), "{task:?}: {}", read.text);
    }
    assert!(provider.rohrpost.log().lines().iter().any(|line| line.contains("in_clear=true")), "each use is logged");
}

#[test]
fn where_it_is_enforced_a_program_in_clear_text_is_told_what_to_change() {
    let provider = Provider::open();
    let answers = [
        (Task::Imap, "NO [PRIVACYREQUIRED] "),
        (Task::Pop3, "-ERR [SYS/PERM] Log-in needs encryption: set your mail program to SSL/TLS or STARTTLS"),
        (Task::Send, "538 5.7.11 Encryption required for authentication"),
    ];
    for (task, answer) in answers {
        let refused = provider.curl(&provider.strict, task, Link::Clear, &provider.strict.account);
        assert!(!refused.succeeded && refused.text.contains(answer), "{task:?}: {}", refused.text);
    }
}
