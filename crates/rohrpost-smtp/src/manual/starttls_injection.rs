//! STARTTLS injection.
