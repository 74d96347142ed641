//! Mail programs that were set as they were told: with encryption, and the names of their own domain.

use super::{Link, Provider, Task};

#[test]
fn each_customer_sends_and_reads_under_names_of_its_own() {
    let provider = Provider::open();
    let (strict, easy) = (&provider.strict, &provider.easy);
    for (messages, link) in [(1, Link::Implicit), (2, Link::StartTls)] {
        for (from, to) in [(strict, easy), (easy, strict)] {
            let sent = provider.curl(from, Task::Send, link, &to.account);
            assert!(sent.succeeded, "{}: {}", from.account, sent.text);
            provider.wait_for(to, messages);
        }
        for (task, customer) in [Task::Imap, Task::Pop3].into_iter().flat_map(|task| [(task, strict), (task, easy)]) {
            let read = provider.curl(customer, task, link, "");
            let found = read.succeeded && read.text.contains("Subject: Implicit") && read.text.contains("Hello.");
            assert!(found, "{task:?} {link:?} {}: {}", customer.account, read.text);
        }
    }
}
