//! One TLS for everything: provider, configurations, verifiers, certificates.
