//! The published versions of a workflow. Pure.
//!
//! They are facts of a stream of their own, one for each workflow, under its name. A run, and a schedule, keep the
//! definition they began with, by its hash: what is current says only with which one those begin that name none.
//!
//! Invariants:
//! * Versions are numbered from 1 without gaps, and never change or go away.
//! * No two versions have the same definition.
//! * Once something is published, exactly one version is current.

mod event;

use serde::{Deserialize, Serialize};

pub use event::{CurrentChosen, VersionEvent, VersionPublished};

use crate::aggregate::{Aggregate, ClockKind, Wire};
use crate::event::Actor;
use crate::id::{DefinitionHash, TimerId};
use crate::time::Timestamp;

/// The published versions of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// All, oldest first: the first has the number 1.
    pub published: Vec<Version>,
    /// The number of the current one; 0: nothing is published.
    pub current: u32,
}

/// A published version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its definition.
    pub definition: DefinitionHash,
    /// Where scripts of its runs work; empty: nowhere in particular.
    pub folder: String,
    /// Who published it.
    pub by: Actor,
    /// What they said about it.
    pub note: String,
    /// When.
    pub at: Timestamp,
}

/// Something asked of the versions of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionCommand {
    /// Make a definition the current version: a new one, or the one it is already.
    Publish {
        /// The definition.
        definition: DefinitionHash,
        /// Where scripts of its runs work.
        folder: String,
        /// Who asks.
        by: Actor,
        /// What they say about it.
        note: String,
    },
    /// Make a version current.
    Choose {
        /// Which.
        number: u32,
        /// Who asks.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// A timer is due; there is none.
    Fire,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionRejection {
    /// The version is current.
    #[error("version {0} is current already")]
    IsCurrent(u32),
    /// There is no such version.
    #[error("there is no version {number}; the newest is {newest}")]
    NotThere {
        /// The one that was asked for.
        number: u32,
        /// The newest; 0: none is published.
        newest: u32,
    },
    /// There are no timers.
    #[error("no timer is set")]
    NoTimer,
}

/// Nothing is carried out for versions: whoever starts a run asks which is current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionEffect {}

impl Versions {
    /// The version of this number.
    pub fn get(&self, number: u32) -> Option<&Version> {
        self.published.get((number as usize).checked_sub(1)?)
    }

    /// The number of the newest; 0: none is published.
    pub fn newest(&self) -> u32 {
        u32::try_from(self.published.len()).unwrap_or(u32::MAX)
    }

    /// All versions with their numbers, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Version)> {
        (1..).zip(&self.published)
    }

    /// The number of the version with this definition.
    pub fn number_of(&self, definition: DefinitionHash) -> Option<u32> {
        let found = self.iter().find(|(_, version)| version.definition == definition);
        found.map(|(number, _)| number)
    }

    fn decided(&self, command: VersionCommand) -> Result<VersionEvent, VersionRejection> {
        match command {
            VersionCommand::Publish { definition, folder, by, note } => {
                match self.number_of(definition) {
                    Some(number) if number == self.current => {
                        Err(VersionRejection::IsCurrent(number))
                    }
                    Some(number) => Ok(chosen(number, by, note)),
                    None => Ok(VersionEvent::VersionPublished(VersionPublished {
                        number: self.newest().saturating_add(1),
                        definition,
                        folder,
                        by,
                        note,
                    })),
                }
            }
            VersionCommand::Choose { number, .. } if self.get(number).is_none() => {
                Err(VersionRejection::NotThere { number, newest: self.newest() })
            }
            VersionCommand::Choose { number, .. } if number == self.current => {
                Err(VersionRejection::IsCurrent(number))
            }
            VersionCommand::Choose { number, by, reason } => Ok(chosen(number, by, reason)),
            VersionCommand::Fire => Err(VersionRejection::NoTimer),
        }
    }
}

fn chosen(number: u32, by: Actor, reason: String) -> VersionEvent {
    VersionEvent::CurrentChosen(CurrentChosen { number, by, reason })
}

impl Aggregate for Versions {
    type Command = VersionCommand;
    type Event = VersionEvent;
    type Effect = VersionEffect;
    type Rejection = VersionRejection;

    const CLOCK: ClockKind = ClockKind::Engine;

    fn new(_name: &str) -> Self {
        Self::default()
    }

    fn decide(
        &mut self,
        command: VersionCommand,
        now: Timestamp,
    ) -> Result<Vec<VersionEvent>, VersionRejection> {
        let event = self.decided(command)?;
        self.evolve(&event, now);
        Ok(vec![event])
    }

    fn evolve(&mut self, event: &VersionEvent, at: Timestamp) {
        match event.clone() {
            VersionEvent::VersionPublished(VersionPublished {
                number: _,
                definition,
                folder,
                by,
                note,
            }) => {
                self.published.push(Version { definition, folder, by, note, at });
                self.current = self.newest();
            }
            VersionEvent::CurrentChosen(CurrentChosen { number, .. }) => self.current = number,
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        Wire::put(self, out);
    }

    fn take(bytes: &[u8]) -> Option<Self> {
        Wire::take(bytes)
    }

    fn pending(&self) -> Vec<VersionEffect> {
        Vec::new()
    }

    fn timers(&self) -> Vec<(TimerId, Timestamp)> {
        Vec::new()
    }

    fn fire(_timer: TimerId) -> VersionCommand {
        VersionCommand::Fire
    }

    fn command_of(event: &VersionEvent) -> Option<VersionCommand> {
        Some(match event.clone() {
            VersionEvent::VersionPublished(VersionPublished {
                number: _,
                definition,
                folder,
                by,
                note,
            }) => VersionCommand::Publish { definition, folder, by, note },
            VersionEvent::CurrentChosen(CurrentChosen { number, by, reason }) => {
                VersionCommand::Choose { number, by, reason }
            }
        })
    }

    fn audit(event: &VersionEvent) -> Option<(&Actor, String)> {
        let because = |text: &str| match text {
            "" => String::new(),
            text => format!(": {text}"),
        };
        Some(match event {
            VersionEvent::VersionPublished(VersionPublished { number, by, note, .. }) => {
                (by, format!("published version {number}{}", because(note)))
            }
            VersionEvent::CurrentChosen(CurrentChosen { number, by, reason }) => {
                (by, format!("made version {number} current{}", because(reason)))
            }
        })
    }
}

#[cfg(test)]
mod tests;
