//! The durable event log: frames, group commit, recovery.
