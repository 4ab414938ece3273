//! What steps wait for from outside.

/// What a step waits for from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A signal.
    Signal {
        /// Its name.
        name: String,
    },
    /// An event that somebody emits. It comes as a signal whose name [`signal_name`](crate::topic::signal_name) makes.
    Event {
        /// Its name.
        name: String,
        /// Set while events that were emitted before the step waited are still to be offered to it: the revision at which
        /// it began to wait.
        reads: Option<u32>,
    },
    /// An update.
    Update {
        /// Its name.
        name: String,
    },
    /// The decision of a person.
    Approval {
        /// Who may decide: `user:…`, `group:…`, or either.
        by: Vec<String>,
        /// What they are asked; may be empty.
        message: String,
    },
}
