//! What steps wait for.

/// What a step waits for from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A signal.
    Signal {
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
