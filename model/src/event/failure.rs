//! Why something failed.

/// Why an attempt, a step or a run failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// Error code, such as `NX3001`, or one of the handler's own.
    pub code: String,
    /// What happened, one line.
    pub message: String,
    /// Whether trying again cannot help.
    pub fatal: bool,
    /// More of it, such as a backtrace or the end of the standard error output.
    pub details: Option<String>,
}
