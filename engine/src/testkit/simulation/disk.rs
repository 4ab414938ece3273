//! A disk that is nearly full, or cannot be read for a while.

use super::super::world::{Wanted, World};
use super::{Move, Simulation};
use crate::shard::{Input, Loaded};

/// Longest description of what is read, in characters.
const WORDS_MAX: usize = 100;

impl Simulation {
    /// The disk is nearly full: the first submission that was written is refused, and nothing of it is there.
    pub fn refuse(&mut self) {
        self.world().log.refuse();
        self.take_answers();
    }

    /// What is read next cannot be read, and can be later.
    pub fn fail_next_read(&mut self) {
        self.world().read_fails = true;
    }

    /// One of the moves in words, with what is read if it is a read.
    pub fn words_of(&self, chosen: Move) -> String {
        match self.engine.world().wanted.front() {
            Some(wanted) if chosen.word() == "read" => {
                let words = format!("{wanted:?}");
                format!("read {}", words.chars().take(WORDS_MAX).collect::<String>())
            }
            Some(_) | None => chosen.to_string(),
        }
    }

    /// Whether something is to be read.
    pub fn reads(&self) -> bool {
        !self.engine.world().wanted.is_empty()
    }
}

impl World {
    /// The log cannot be read: who asked for a run is told so, everything else is read later.
    pub(in super::super) fn cannot_read(&mut self, wanted: Wanted) {
        let reason = "the disk does not answer".to_owned();
        let input = match wanted {
            Wanted::Run(run) | Wanted::Payloads(run, _) => {
                Input::Loaded { run, loaded: Loaded::Failed { reason, passing: true } }
            }
            // As in the driver, a later wish waits until this one is seen to.
            call @ Wanted::Call(_) => return self.wanted.push_front(call),
            Wanted::Aggregate(id) => Input::AggregateLoaded { id, loaded: Err((reason, true)) },
            later @ (Wanted::Rest(_)
            | Wanted::Events(..)
            | Wanted::Function(_)
            | Wanted::Pauses) => return self.wanted.push_back(later),
        };
        self.tell(input, None);
    }
}
