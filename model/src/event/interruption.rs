//! Why an attempt is not at work any more, though nobody reported about it.

/// How attempts came to rest: what that says about their effects, and whether it counts against them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The process ended while their handlers may have been at work. This counts: what ends its process again and again is
    /// given up.
    ProcessEnded,
    /// The engine shut down in order while their handlers were at work.
    ShutDown,
    /// Their handlers were not called, because the engine shut down first, or its program does not have them. Nothing of
    /// these attempts has happened.
    NotCalled,
}

impl Interruption {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::ProcessEnded, Self::ShutDown, Self::NotCalled];

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::ProcessEnded => 0,
            Self::ShutDown => 1,
            Self::NotCalled => 2,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.number() == number)
    }

    /// Its name where events are shown, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProcessEnded => "process_ended",
            Self::ShutDown => "shut_down",
            Self::NotCalled => "not_called",
        }
    }
}
