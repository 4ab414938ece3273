//! A run gets another definition.

use super::Actor;
use crate::id::{DefinitionHash, StepIndex};

/// A run goes on with another definition. What it has done stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The definition it has from here on. It is stored in the same batch, or was before.
    pub definition: DefinitionHash,
    /// What becomes of each step of the definition before, in its order: its place in the new one, or nothing.
    pub steps: Vec<Option<StepIndex>>,
    /// Who asked for it.
    pub by: Actor,
    /// Why, or where the definition comes from.
    pub reason: String,
    /// Whether the run had ended and is retried in the same transition.
    pub retries: bool,
}
