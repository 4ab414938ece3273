//! Starts of runs, as programs ask for them.

use std::sync::Arc;

use nexus_log::{EventLog, Row};
use nexus_model::event::RunStarted;
use nexus_model::id::RunId;
use nexus_model::payload::NewPayload;
use nexus_model::plan::Plan;
use nexus_model::time::Timestamp;
use nexus_model::vault::Vault;
use serde_json::Value;
use uuid::Uuid;

use super::engine::{TestEngine, made_id};
use super::world::World;
use crate::handle::{Prepared, RequestError, StartError, StartRequest, Started, prepare, rows};
use crate::shard::{Answer, Input, Refusal, ReplyId, Start};
use crate::tables::{NAMES, definition_row, read_name_row};

/// A start that can be asked for again and again.
#[derive(Clone)]
pub(super) struct Begin {
    plan: Arc<Plan>,
    started: RunStarted,
    rows: Vec<Row>,
    payloads: Vec<NewPayload>,
    vault: Option<Arc<dyn Vault>>,
    /// The hash of what is asked for.
    request: [u8; 32],
}

impl Begin {
    pub(super) fn run(&self) -> RunId {
        self.started.run
    }

    pub(super) fn input(&self, reply: ReplyId) -> Input {
        Input::Start(Box::new(Start {
            plan: Arc::clone(&self.plan),
            started: Box::new(self.started.clone()),
            rows: self.rows.clone(),
            payloads: self.payloads.clone(),
            reply: Some(reply),
            vault: self.vault.clone(),
        }))
    }

    /// Whether the run is there already.
    fn is_there(&self, world: &World) -> Option<Answer> {
        let row = world.log.row(NAMES, self.started.name.as_bytes()).ok()??;
        let run = self.started.run;
        (read_name_row(&row)?.0 == run).then_some(Answer { run, revision: 0 })
    }

    /// What an answer means to who asked.
    pub(super) fn outcome(&self, answer: Result<Answer, Refusal>) -> Result<Started, StartError> {
        let name = self.started.name.clone();
        match answer {
            Ok(answer) => Ok(Started { run: answer.run, name, existing: false, duplicate: false }),
            Err(Refusal::Taken(run, earlier)) if earlier == self.request => {
                Ok(Started { run, name, existing: true, duplicate: false })
            }
            Err(Refusal::Taken(run, _)) => Err(StartError::Conflict { name, run }),
            Err(refusal) => Err(StartError::Request(RequestError::Refused(refusal))),
        }
    }
}

impl World {
    /// The id of a run that is started by no person: the same in each play, so that plays with crashes can be compared. In
    /// simulations, where starts are refused and tried again, each try has its own, as in the driver.
    pub(super) fn id_of(&self, name: &str, at: Timestamp) -> Uuid {
        let mut hasher = blake3::Hasher::new();
        hasher.update(name.as_bytes());
        if self.watch.is_some() {
            hasher.update(&self.requests.to_be_bytes());
        }
        let digest = *hasher.finalize().as_bytes();
        let random: [u8; 10] = std::array::from_fn(|at| digest[at]);
        uuid::Builder::from_unix_timestamp_millis(at.as_ms(), &random).into_uuid()
    }
}

impl TestEngine {
    /// Starts a run.
    ///
    /// # Errors
    /// [`StartError`], as the engine itself.
    pub fn start(&mut self, plan: &Arc<Plan>, input: Value) -> Result<RunId, StartError> {
        self.start_as(StartRequest::new(Arc::clone(plan)).input(input)).map(|started| started.run)
    }

    /// Starts a run as asked.
    ///
    /// # Errors
    /// [`StartError`], as the engine itself.
    pub fn start_as(&mut self, request: StartRequest) -> Result<Started, StartError> {
        let begin = self.prepared_start(request)?;
        let world = self.world_mut();
        let (answer, _) =
            world.ask(|reply| begin.input(reply), |world: &World| begin.is_there(world));
        begin.outcome(answer)
    }

    /// Prepares a start. Each has an id of its own.
    pub(super) fn prepared_start(&mut self, request: StartRequest) -> Result<Begin, StartError> {
        let plan = Arc::clone(&request.plan);
        let id = self.next_id();
        let bytes_max = self.world().setup.config.payload_bytes_max;
        let mut prepared =
            prepare(request, made_id(self.world().setup.began, id), bytes_max)?.for_test();
        let number = prepared.started.name.is_empty().then(|| {
            let (number, name) = self.next_number();
            prepared.started.name = name;
            number
        });
        let vault = prepared.vault();
        let Prepared { started, payloads, request, callees, key, .. } = prepared;
        let mut rows = rows(&plan, &started, &request, number, false);
        let definition = |callee: &Arc<Plan>| {
            definition_row(callee.hash(), callee.definition().to_canonical_json())
        };
        rows.extend(callees.iter().map(definition));
        rows.extend(key.map(|key| key.row(started.run)));
        Ok(Begin { plan, started, rows, payloads, vault, request })
    }
}
