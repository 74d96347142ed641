//! Which hosts take the mail of a domain, and how safely: one question, one answer.
