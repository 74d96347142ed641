//! The bare SMTP client: connect, TLS, log in, send, pool.
