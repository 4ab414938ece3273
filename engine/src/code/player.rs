//! A function that is asked at once, by whoever has its history at hand: simulated worlds, and what checks code against histories.

use nexus_model::id::RunId;

use super::functions::Functions;
use super::machine::{Heard, Machine};
use super::performer::chunk;
use super::request::Request;
use super::trouble::Trouble;
use crate::handler::Data;
use crate::loader::{LoadError, Loader, Recorded};

/// How many events are read at a time.
const EVENTS_MAX: usize = 512;

/// The function of a run.
pub(crate) struct Player {
    run: RunId,
    workflow: String,
    functions: Functions,
    /// The event with which the round began that it is run from.
    began: u32,
    machine: Machine,
    /// The event that it hears next.
    next: u32,
    compares_ends: bool,
}

impl Player {
    /// A function that has heard nothing. Of the rounds before event `began` it is told no more than how the run began.
    pub(crate) fn new(
        loader: &Loader,
        functions: &Functions,
        (run, workflow): (RunId, &str),
        began: u32,
    ) -> Result<Self, Trouble> {
        let function = functions.get(workflow).cloned();
        let function = function.ok_or_else(|| Trouble::NoFunction(workflow.to_owned()))?;
        let machine = Machine::new(run, function, functions.clone());
        let (workflow, functions) = (workflow.to_owned(), functions.clone());
        let mut player =
            Self { run, workflow, functions, began, machine, next: 0, compares_ends: false };
        if began > 0 {
            for (recorded, data) in player.chunk(loader, 1)? {
                player.hears(recorded, data)?;
            }
            player.machine.skip();
            player.next = began;
        }
        Ok(player)
    }

    /// Its end has to be the one that is recorded.
    pub(crate) fn comparing_ends(mut self) -> Self {
        self.machine.compare_ends();
        Self { compares_ends: true, ..self }
    }

    /// Hears all that is recorded.
    pub(crate) fn hear(&mut self, loader: &Loader) -> Result<(), Trouble> {
        loop {
            let chunk = self.chunk(loader, EVENTS_MAX)?;
            if chunk.is_empty() {
                return Ok(());
            }
            for (recorded, data) in chunk {
                self.hears(recorded, data)?;
            }
            if self.machine.is_stale() {
                let of = (self.run, self.workflow.as_str());
                let again = Self::new(loader, &self.functions, of, self.began)?;
                *self = if self.compares_ends { again.comparing_ends() } else { again };
            }
        }
    }

    /// What it says next, if it says something; the same again until it is recorded.
    pub(crate) fn says(&mut self) -> Result<Option<Request>, Trouble> {
        self.machine.go_on()
    }

    /// Lets it take the outcomes that it has not got. What it says is not asked for.
    pub(crate) fn takes_outcomes(&mut self) -> Result<(), Trouble> {
        let to_fail = self.machine.to_fail();
        let taken = self.machine.take_outcomes();
        if taken.is_err() {
            self.next = to_fail.unwrap_or(self.next);
        }
        taken
    }

    /// The event that it hears next.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    fn chunk(&self, loader: &Loader, max: usize) -> Result<Vec<(Recorded, Option<Data>)>, Trouble> {
        let unreadable = |error: LoadError| Trouble::History(error.to_string());
        chunk(loader, self.run, self.next, max).map_err(unreadable)
    }

    fn hears(&mut self, recorded: Recorded, data: Option<Data>) -> Result<(), Trouble> {
        let Recorded { event, time, revision, .. } = recorded;
        self.machine.hear(Heard { event: &event, revision, at: time, data })?;
        self.next = self.next.saturating_add(1);
        Ok(())
    }
}
