//! Everything durable: queue, accounts, mailboxes, bodies, delivery records.
