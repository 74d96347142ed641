//! For tests: transcripts, a virtual clock, a test CA, loopback DNS, faulty peers.
