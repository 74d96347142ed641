//! A provider gives two customers mailboxes, on the same ports, under names of their own for incoming and outgoing mail.
//!
//! `strict.test` enforces encryption; `easy.test` only recommends it, since it has a program that cannot.

mod clear;
mod front;
mod names;

use std::net::SocketAddr;
use std::process::Command;

use crate::peers::rohrpost::{Extras, PASSWORD};
use crate::peers::{Certificate, Installation, Rohrpost, free_address};

/// A customer of the provider, with one account.
struct Customer {
    account: String,
    /// Where its mail programs fetch mail, and what is shown there.
    incoming: (String, Certificate),
    /// Where they send.
    outgoing: (String, Certificate),
}

impl Customer {
    fn of(domain: &str) -> Self {
        let name = |word: &str| (format!("{word}.{domain}"), Certificate::for_host(&format!("{word}.{domain}")));
        Self { account: format!("eve@{domain}"), incoming: name("incoming"), outgoing: name("outgoing") }
    }
}

/// How a mail program is set.
#[derive(Clone, Copy, Debug)]
enum Link {
    Clear,
    StartTls,
    Implicit,
}

/// What a mail program does.
#[derive(Clone, Copy, Debug)]
enum Task {
    Imap,
    Pop3,
    Send,
}

/// How a mail program's run went.
struct Run {
    succeeded: bool,
    /// The dialogue, and the message that was fetched.
    text: String,
}

/// The server.
struct Provider {
    strict: Customer,
    easy: Customer,
    /// The ports of the tasks in clear text and STARTTLS, and those inside TLS.
    plain: [SocketAddr; 3],
    implicit: [SocketAddr; 3],
    rohrpost: Rohrpost,
}

impl Provider {
    fn open() -> Self {
        let (strict, easy) = (Customer::of("strict.test"), Customer::of("easy.test"));
        let (plain, implicit) = ([(); 3].map(|()| free_address()), [(); 3].map(|()| free_address()));
        let listener = |protocol: &str, address: SocketAddr, tls: &str| {
            format!("[[listener]]\nname = '{address}'\nprotocol = '{protocol}'\naddress = '{address}'\n{tls}\n\n")
        };
        let tables: String = ["imap", "pop3", "submission"]
            .into_iter()
            .zip(plain.into_iter().zip(implicit))
            .flat_map(|(protocol, (plain, implicit))| {
                let plain = listener(protocol, plain, "tls = 'offered'\nauth.clear = true");
                [plain, listener(protocol, implicit, "tls = 'implicit'")]
            })
            .collect();
        let extras = Extras {
            domains: "require_tls = ['strict.test']",
            certificates: &[&strict.incoming.1, &strict.outgoing.1, &easy.incoming.1, &easy.outgoing.1],
            tables: &tables,
            ..Extras::default()
        };
        // No mail leaves this host, so nobody needs to answer for others.
        let installation = Installation::with(free_address(), 25, &extras);
        for (domain, customer) in [("strict.test", &strict), ("easy.test", &easy)] {
            let added = installation.command().args(["domain", "add", domain]).output().expect("it is built");
            assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
            installation.add_account(&customer.account);
        }
        Self { strict, easy, plain, implicit, rohrpost: installation.start() }
    }

    /// curl as a customer's mail program. It trusts nothing but the certificate of the name that the customer was told.
    /// What it sends goes to `to`.
    fn curl(&self, customer: &Customer, task: Task, link: Link, to: &str) -> Run {
        let (scheme, (host, certificate), path) = match task {
            Task::Imap => ("imap", &customer.incoming, "INBOX;MAILINDEX=1"),
            Task::Pop3 => ("pop3", &customer.incoming, "1"),
            Task::Send => ("smtp", &customer.outgoing, "program.test"),
        };
        let (secure, ports) = if matches!(link, Link::Implicit) { ("s", self.implicit) } else { ("", self.plain) };
        let port = ports[task as usize].port();
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--verbose", "--resolve", &format!("{host}:{port}:127.0.0.1")]);
        curl.arg("--cacert").arg(certificate.cert()).arg(format!("{scheme}{secure}://{host}:{port}/{path}"));
        curl.args(["--user", &format!("{}:{PASSWORD}", customer.account)]);
        if matches!(link, Link::StartTls) {
            curl.arg("--ssl-reqd");
        }
        let folder = tempfile::tempdir().expect("a directory can be made");
        if matches!(task, Task::Send) {
            let message = folder.path().join("message");
            let text = format!("From: {}\r\nTo: {to}\r\nSubject: {link:?}\r\n\r\nHello.\r\n", customer.account);
            std::fs::write(&message, text).expect("the file can be written");
            curl.args(["--mail-from", &customer.account, "--mail-rcpt", to, "--upload-file"]).arg(message);
        }
        let output = curl.output().expect("curl is there: `cargo xtask programs` installs it");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Run { succeeded: output.status.success(), text }
    }

    /// Waits until an account has that many messages.
    fn wait_for(&self, customer: &Customer, messages: usize) {
        let list = ["mailbox", "list", &customer.account, "--json"];
        self.rohrpost.ask_until(&list, "its mail", |listed| listed.lines().count() == messages);
    }
}
