//! Requests to aggregates, which a crash may make be asked again.

use std::sync::Arc;

use nexus_log::Row;
use nexus_model::aggregate::{Command, Kind};
use nexus_model::id::RunId;

use super::world::World;
use crate::shard::{Answer, AskedAggregate, Input, Refusal};

impl World {
    /// Asks something of an aggregate. If the engine crashes before it answers, it is asked again; that it then says that it was
    /// done already is as good as an answer.
    pub(super) fn ask_aggregate(
        &mut self,
        kind: Kind,
        name: &str,
        command: &Command,
        rows: &[Row],
    ) -> Result<Answer, Refusal> {
        let id = kind.id(name);
        let input = |reply| {
            let (name, command) = (Some(Arc::from(name)), command.clone());
            let asked = AskedAggregate { name, command, rows: rows.to_vec(), reply: Some(reply) };
            Input::AskAggregate { id, asked }
        };
        let (answer, again) = self.ask(input, |_| None);
        done_before(kind, name, answer, again)
    }
}

/// What was refused because it was done before a crash is as good as done.
pub(super) fn done_before(
    kind: Kind,
    name: &str,
    answer: Result<Answer, Refusal>,
    again: bool,
) -> Result<Answer, Refusal> {
    match answer {
        Err(Refusal::Aggregate(_)) if again => {
            Ok(Answer { run: RunId(kind.id(name).bytes()), revision: 0 })
        }
        answer => answer,
    }
}
