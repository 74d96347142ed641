//! SMTP, LMTP and submission as two pure state machines.
