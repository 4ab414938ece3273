//! The beginning of a run, how it goes on with another definition, and where events come from.

use serde::{Deserialize, Serialize};

use crate::id::{DefinitionHash, RunId, StepIndex, TimerId};
use crate::limit::Wish;
use crate::payload::Payload;
use crate::time::Timestamp;

/// The most labels a run can have.
pub const LABELS_MAX: usize = 4096;

/// The most slots that a run as a whole can need.
pub const LIMITS_MAX: usize = 8;

/// The beginning of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunStarted {
    /// The run.
    pub run: RunId,
    /// Its name, such as `wf-001`.
    pub name: String,
    /// The name of the workflow.
    pub workflow: String,
    /// The definition it begins with, and keeps unless it is migrated.
    pub definition: DefinitionHash,
    /// Its input, complete with defaults.
    pub input: Payload,
    /// Labels, sorted by key, at most [`LABELS_MAX`].
    pub labels: Vec<(String, String)>,
    /// Folder of the definition file, where scripts work; empty if there is none.
    pub folder: String,
    /// Who started it.
    pub by: Actor,
    /// Number from which `run.seed` comes.
    pub seed: u64,
    /// The timer that ends the run, and when.
    pub timeout: Option<(TimerId, Timestamp)>,
    /// The run that called it, if one did.
    pub parent: Option<Parent>,
    /// The slots it needs before its first step, in the order in which it asks for them, at most [`LIMITS_MAX`].
    pub limits: Vec<Wish>,
}

/// The run that called another, as the called one knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parent {
    /// The run.
    pub run: RunId,
    /// Its name.
    pub name: String,
    /// The step that called.
    pub step: StepIndex,
}

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

/// Who did something, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// A user or program.
    pub name: String,
    /// The way it came: `cli`, `api`, `engine`.
    pub via: String,
}

/// What the shell gave `decide` together with an outside event, recorded so that `decide` can be asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// When it happened, by the shell's clock.
    pub now: Timestamp,
    /// How many attempts could be started.
    pub slots: u32,
}
