//! The starts of a case: at once, or each at its time and as the rule of the workflow says.

use std::collections::VecDeque;

use nexus_definitions::cases::Case;
use nexus_log::EventLog;
use nexus_model::aggregate::Rejection;
use nexus_model::id::RunId;
use nexus_model::start_key::StartKeyRejection;
use nexus_model::time::Timestamp;
use serde_json::{Map, Value};

use super::super::engine::TestEngine;
use crate::handle::{RequestError, StartError, StartRequest};
use crate::shard::Refusal;
use crate::tables::{NAMES, read_name_row};

/// The starts of a case that are still to come.
pub(super) struct Starts<'c> {
    request: StartRequest,
    began: Timestamp,
    left: VecDeque<&'c (u64, Map<String, Value>)>,
}

impl<'c> Starts<'c> {
    pub(super) fn of(case: &'c Case, request: StartRequest, began: Timestamp) -> Self {
        Self { request, began, left: case.starts.iter().collect() }
    }

    /// When the next one is.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.left.front().map(|(ms, _)| self.began.plus_ms(*ms))
    }

    /// Carries out those that are due. A start whose key was seen lately starts nothing, as it should.
    pub(super) fn carry_out(&mut self, engine: &mut TestEngine) -> Result<(), StartError> {
        while self.next_at().is_some_and(|at| at <= engine.now()) {
            let Some((_, inputs)) = self.left.pop_front() else { return Ok(()) };
            let mut input = self.request.input.clone();
            if let Value::Object(input) = &mut input {
                input.extend(inputs.clone());
            }
            match engine.begin_with(&self.request.clone().input(input)) {
                Err(StartError::Request(RequestError::Refused(Refusal::Aggregate(
                    Rejection::StartKey(StartKeyRejection::Seen { .. }),
                )))) => {}
                answer => answer?,
            }
        }
        Ok(())
    }
}

impl TestEngine {
    /// The runs of a workflow that no other run has called, those that began first before the others.
    pub fn runs_of(&self, workflow: &str) -> Vec<RunId> {
        let ending = self.ending();
        let names = ending
            .runs
            .iter()
            .filter(|(name, run)| run.workflow == workflow && !name.contains('/'));
        let row = |name: &str| self.world().log.row(NAMES, name.as_bytes()).ok().flatten();
        let runs = names.filter_map(|(name, _)| Some(read_name_row(&row(name)?)?.0));
        let mut runs: Vec<(Timestamp, RunId)> =
            runs.map(|run| (self.load(run).1.started_at, run)).collect();
        runs.sort();
        runs.into_iter().map(|(_, run)| run).collect()
    }
}
