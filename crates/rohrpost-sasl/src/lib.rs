//! SASL mechanisms, both sides, without clock, randomness or input and output.
