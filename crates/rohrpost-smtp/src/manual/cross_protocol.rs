//! Cross-protocol attacks: a client that speaks something else and does not know that it speaks SMTP.
//!
//! # What happened
//!
//! In 2001 Jochen Topf showed that a form on a web page can make a browser send mail: the form posts to port 25, the
//! lines of HTTP's header are errors to the server, and the lines of the body are commands. Browsers now keep away from
//! port 25, other clients do not: requests forged through servers (SSRF) still end at mail servers. In 2021 ALPACA
//! (Brinkmann and others) did the same to TLS: a connection meant for a web server is led to a mail server whose
//! certificate fits, too, and the cookie in the request comes back in an error.
//!
//! # Why
//!
//! SMTP forgives. A server that answers 500 to each line it does not know and goes on will in the end find one that
//! it does.
//!
//! # What is done here
//!
//! 1. A first octet that is no letter ends the session: TLS records, PROXY headers, noise.
//! 2. A verb of HTTP ends the session wherever it comes, and so does PROXY where nobody was told to send it.
//! 3. A bare CR or LF in a command ends the session.
//! 4. Replies are fixed texts. What the peer sent is never part of them.
//! 5. Twenty errors end the session, and from the tenth on they are slow.
//!
//! The server adds what only it can see: a client that names another protocol by ALPN gets no handshake (RFC 7301 §3.2).
//!
//! The tests are `a_s13_…`, `a_s18_…` and `a_s21_…`, and `t08_…` for the running program.
