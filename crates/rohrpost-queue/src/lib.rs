//! What waits and until when: states, schedule, gates, leases.
