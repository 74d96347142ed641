//! STARTTLS injection: a command from outside, executed inside.
//!
//! # What happened
//!
//! In 2011 Wietse Venema found that Postfix executed commands inside TLS that had been sent in clear text
//! (CVE-2011-0411). A man in the middle appends a command to the client's `STARTTLS`, in the same segment. The server
//! reads both into its buffer, answers the first with 220, shakes hands, and then takes the next command from its
//! buffer, where the second still waits. To the client everything looks sealed. With `MAIL`, `RCPT` and `DATA` in that
//! place the attacker gets the client's password or message as the text of his own. In 2021 the same fault was found
//! forty times more, in servers and, mirrored, in clients ("NO STARTTLS", Poddebniak and others).
//!
//! # Why
//!
//! Reading and interpreting are decoupled by a buffer, and the buffer survives the change of the layer below. RFC 3207
//! §4.2 says that everything learnt before TLS must be forgotten; the octets that nobody has looked at yet are easily
//! overlooked.
//!
//! # What is done here
//!
//! 1. Octets behind STARTTLS in the same input, be it half a command, end the session with 554 before the handshake. So
//!    do octets that come between the reply and the handshake. They are not merely dropped: a client that sends them is
//!    broken or attacked, and either should be seen.
//! 2. After [`Event::StartTls`](crate::server::Event::StartTls) the driver gives the socket to TLS, never its buffer.
//!    Whatever arrives in clear text later is no TLS record and fails the handshake.
//! 3. [`Session::tls_started`](crate::server::Session::tls_started) forgets hello, extensions, login and envelope. MAIL
//!    needs a new EHLO.
//! 4. STARTTLS in a transaction, inside TLS, or with an argument is refused.
//!
//! On the client's side the mirror of this is an octet that arrives together with the 220: it ends the connection.
//!
//! The tests are `a_s04_…`, `a_s05_…` and `a_t04_…`.
