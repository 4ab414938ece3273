//! An update of a case: sent, and its answer compared.

use nexus_definitions::cases::Act;
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use serde_json::Value;

use super::super::engine::TestEngine;
use super::expectation::misfit;
use crate::handle::{RequestError, UpdateError};
use crate::shard::Refusal;

/// An update, and what should come of it.
pub(super) struct Sent<'a> {
    pub(super) name: &'a str,
    pub(super) data: &'a Value,
    pub(super) id: Option<&'a str>,
    pub(super) reply: Option<&'a Value>,
    pub(super) refused: Option<&'a str>,
}

impl Sent<'_> {
    /// Sends it. An error says what is not as it should be.
    pub(super) fn carry_out(
        &self,
        engine: &mut TestEngine,
        run: RunId,
        act: &Act,
    ) -> Result<(), String> {
        let name = if act.by.is_empty() { "test" } else { &act.by };
        let by = Actor { name: name.to_owned(), via: "testkit".to_owned() };
        let id = self.id.map_or_else(|| engine.own_id("update"), str::to_owned);
        let answer = engine.update(run, self.name, self.data, &id, by);
        let code = answer.as_ref().err().and_then(code);
        match (answer, self.refused) {
            (Ok(answer), None) => match self.reply {
                Some(wanted) => misfit(wanted, &answer.reply, "").map_or(Ok(()), |difference| {
                    Err(format!("is answered {}, expected {wanted}{difference}", answer.reply))
                }),
                None => Ok(()),
            },
            (Ok(_), Some(wanted)) => Err(format!("is accepted, expected {wanted}")),
            (Err(_), Some(wanted)) if code == Some(wanted) => Ok(()),
            (Err(error), _) => {
                let code = code.map(|code| format!(" with {code}")).unwrap_or_default();
                Err(format!("is refused{code}: {error}"))
            }
        }
    }
}

fn code(error: &UpdateError) -> Option<&'static str> {
    match error {
        UpdateError::Conflict { .. } => Some("NX4130"),
        UpdateError::Request(RequestError::Refused(Refusal::Rejected(rejection))) => {
            rejection.update_code()
        }
        UpdateError::Request(_) => None,
    }
}
