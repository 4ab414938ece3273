//! What has happened to the versions of a workflow.

use serde::{Deserialize, Serialize};

use crate::aggregate::aggregate_events;
use crate::event::Actor;
use crate::id::DefinitionHash;

aggregate_events! {
    /// Something that has happened to the versions of a workflow. Kinds 140 to 144.
    pub enum VersionEvent {
        /// A version was published, and is current.
        140 VersionPublished "version.published",
        /// A version that was published before became current.
        141 CurrentChosen "version.chosen",
    }
}

/// A version was published, and is current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionPublished {
    /// Its number.
    pub number: u32,
    /// Its definition, which is stored in the same batch.
    pub definition: DefinitionHash,
    /// Where scripts of its runs work; empty: nowhere in particular.
    pub folder: String,
    /// Who.
    pub by: Actor,
    /// What they said about it.
    pub note: String,
}

/// A version that was published before became current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentChosen {
    /// Its number.
    pub number: u32,
    /// Who.
    pub by: Actor,
    /// Why.
    pub reason: String,
}
