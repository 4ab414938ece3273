//! Why a function gets no further.

use std::fmt;

use super::differs::Differs;

/// Why a function gets no further. Nothing of it is recorded; the run goes on when a program with fitting code opens the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It does something else than what is recorded.
    Differs(Box<Differs>),
    /// It ends otherwise than is recorded. Asked only where histories are checked.
    EndsOtherwise {
        /// How it is recorded to have ended.
        recorded: String,
        /// How it ends now.
        now: String,
    },
    /// What is recorded of a call is of another type than it expects.
    Misfit(String),
    /// It waits for something that the engine does not know.
    Foreign,
    /// It panicked.
    Panicked(String),
    /// The program has no function for this workflow.
    NoFunction(String),
    /// It goes on without end, without waiting for anything.
    Spins,
    /// What it says is refused.
    Refused(String),
    /// What is recorded of the run cannot be read, or makes no sense.
    History(String),
}

/// Why the function of a run gets no further, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionTrouble {
    /// Error code, `NXnnnn`.
    pub code: &'static str,
    /// What is wrong, one line.
    pub message: String,
    /// More lines, such as what is recorded beside what the function does; may be empty.
    pub details: String,
}

impl fmt::Display for FunctionTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if !self.details.is_empty() {
            write!(f, "\n{}", self.details)?;
        }
        Ok(())
    }
}

impl Trouble {
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Differs(_) | Self::EndsOtherwise { .. } => "NX5001",
            Self::Misfit(_) => "NX5026",
            Self::Foreign => "NX5020",
            Self::Panicked(_) => "NX5021",
            Self::NoFunction(_) => "NX5022",
            Self::Spins => "NX5023",
            Self::Refused(_) => "NX5024",
            Self::History(_) => "NX5025",
        }
    }

    pub(crate) fn told(&self) -> FunctionTrouble {
        let details = match self {
            Self::Differs(differs) => differs.table(),
            Self::EndsOtherwise { .. }
            | Self::Misfit(_)
            | Self::Foreign
            | Self::Panicked(_)
            | Self::NoFunction(_)
            | Self::Spins
            | Self::Refused(_)
            | Self::History(_) => String::new(),
        };
        FunctionTrouble { code: self.code(), message: self.to_string(), details }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(differs) => write!(f, "{}", differs.sentence()),
            Self::EndsOtherwise { recorded, now } => {
                write!(f, "the function ends otherwise than is recorded ({recorded}): {now}")
            }
            Self::Misfit(what) => f.write_str(what),
            Self::Foreign => f.write_str(
                "the function waits for something that the engine does not know, such as a timer or a task of tokio",
            ),
            Self::Panicked(text) => write!(f, "the function panicked: {text}"),
            Self::NoFunction(workflow) => {
                write!(f, "this program has no function for workflow `{workflow}`")
            }
            Self::Spins => f.write_str("the function wakes itself again and again"),
            Self::Refused(why) => write!(f, "what the function says is refused: {why}"),
            Self::History(why) => write!(f, "what is recorded of the run cannot be used: {why}"),
        }
    }
}
