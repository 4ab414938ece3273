//! The read side: views folded from the log.
