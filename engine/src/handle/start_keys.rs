//! Starts that have a key: those of workflows with `dedupe` or `debounce`.
//!
//! The decision and the name of the run stand in the stream of the key before the run is started; whoever sees that a run is to
//! be started may start it, because it has a name. So a start that was cut off in between is neither lost nor doubled.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use nexus_log::{Revision, Row};
use nexus_model::aggregate::{Command, Event, Kind, Rejection};
use nexus_model::event::Actor;
use nexus_model::input::check;
use nexus_model::plan::Plan;
use nexus_model::start_key::{
    Kept, RunRequest, RunToStart, StartKept, StartKey, StartKeyCommand, StartKeyEvent,
    StartKeyRejection, StartRule, aggregate_name, run_name_of,
};
use nexus_model::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::admission::Place;
use super::start::{prepare, rule_error};
use super::{Handle, RequestError, StartError, StartRequest, Started};
use crate::loader::{LoadError, events_of_aggregate};
use crate::shard::{Answer, Refusal};
use crate::tables::{definition_row, stream};

/// What became of a request to start a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It was started, or there is one that stands for it.
    Started(Started),
    /// It is kept, and started later.
    Kept(KeptStart),
}

/// A start that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptStart {
    /// The name that the run will have.
    pub name: String,
    /// When it is started, unless another start puts it off.
    pub due: Timestamp,
    /// The name of its start key.
    pub start_key: String,
    /// The number of the run.
    pub number: u32,
    /// Whether this start was kept before: nothing was recorded.
    pub existing: bool,
}

impl Handle {
    /// Starts a run, or keeps its start if its workflow says `debounce`.
    ///
    /// # Errors
    /// [`StartError`]
    pub async fn begin(&self, mut request: StartRequest) -> Result<Begun, StartError> {
        request.sent = request.sent.or_else(|| Some(request.plan.hash()));
        if let Some(before) = self.link_request(&mut request).await? {
            return Ok(Begun::Started(before));
        }
        let plan = Arc::clone(&request.plan);
        if !plan.has_start_rule() {
            return self.start_now(request, None).await.map(Begun::Started);
        }
        request.input = check(plan.definition(), request.input).map_err(StartError::Inputs)?;
        let Some(rule) = plan.start_rule(&request.input).map_err(rule_error)? else {
            return self.start_now(request, None).await.map(Begun::Started);
        };
        if self.shared.config.encrypt {
            return Err(StartError::KeyedEncrypted);
        }
        self.admit().await?;
        self.check_calls(&plan, &request.callees).await?;
        // What could never be started is refused here, and not when it is due.
        let bytes_max = self.shared.config.payload_bytes_max;
        let prepared = prepare(request.clone(), Uuid::now_v7(), bytes_max)?;
        let (name, asked) = (prepared.started.name, prepared.request);
        let workflow = plan.definition().name.as_str();
        match rule {
            StartRule::Dedupe { key, within_ms } => {
                let start_key = aggregate_name(workflow, &key);
                self.begin_once(&start_key, within_ms, name, request).await.map(Begun::Started)
            }
            StartRule::Debounce { key, wait_ms, at_most_ms } => {
                let start_key = aggregate_name(workflow, &key);
                let (id, run) = (request.name.clone().unwrap_or_default(), run_request(&request));
                let token = id.clone();
                let command = StartKeyCommand::Keep { wait_ms, at_most_ms, token, request: run };
                let rows = self.definitions(&request);
                self.keep_once(&start_key, &id, asked, command, rows).await
            }
        }
    }

    /// Starts a run unless its key was seen lately.
    async fn begin_once(
        &self,
        start_key: &str,
        within_ms: u64,
        name: String,
        request: StartRequest,
    ) -> Result<Started, StartError> {
        loop {
            if let Some(started) = self.seen(start_key, within_ms).await? {
                crate::metrics::duplicate_start(&request.plan.definition().name);
                return Ok(started);
            }
            let place = self.place(Some(name.as_str()).filter(|name| !name.is_empty())).await?;
            let run = run_request(&request);
            let command = StartKeyCommand::Admit { within_ms, name: name.clone(), request: run };
            let rows = self.definitions(&request);
            let caller = self.shared.keyed_starts.begin(start_key);
            match self.ask_start_key(start_key, command, rows).await {
                Ok(answer) => {
                    let event = self.recorded(&answer).await?;
                    let Some(StartKeyEvent::StartAdmitted(admitted)) = event else {
                        return Err(RequestError::Unknown.into());
                    };
                    let started = self.begin_run(start_key, &admitted.run, place).await?;
                    caller.has_started(admitted.run.number);
                    // A name that was made for this start is that of no other run: if it is there, the errand was faster.
                    let existing = started.existing && !name.is_empty();
                    return Ok(Started { existing, ..started });
                }
                // Somebody else was faster.
                Err(AskError::Rejected(StartKeyRejection::Seen { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The run that stands for a start of this key, if the key was seen lately.
    async fn seen(&self, start_key: &str, within_ms: u64) -> Result<Option<Started>, StartError> {
        let key = self.start_key(start_key).await.map_err(RequestError::from)?.unwrap_or_default();
        let Some(last) = key.seen(within_ms, self.clock().now()) else { return Ok(None) };
        let started = match (last.run, key.starting.get(&last.number)) {
            (Some(run), _) => {
                Started { run, name: last.name.clone(), existing: true, duplicate: true }
            }
            // Whoever was to start it may have been cut off.
            (None, Some(run)) => match self.begin_run(start_key, run, None).await {
                Ok(started) => Started { existing: true, duplicate: true, ..started },
                Err(error) if error.final_code().is_some() => return Ok(None),
                Err(error) => return Err(error),
            },
            (None, None) => return Ok(None),
        };
        Ok(Some(started))
    }

    /// Starts a run that stands in the stream of a key, and says there what came of it.
    async fn begin_run(
        &self,
        start_key: &str,
        run: &RunToStart,
        place: Option<Place>,
    ) -> Result<Started, StartError> {
        let tell = |command| Command::StartKey(command);
        let number = run.number;
        match self.start_named(run, place).await {
            Ok(started) => {
                let command = StartKeyCommand::Begun { number, run: started.run };
                self.tell_aggregate(Kind::StartKey, start_key, tell(command));
                Ok(started)
            }
            Err(error) => match error.final_code() {
                Some(code) => {
                    let (code, message) = (code.to_owned(), error.words());
                    let command = StartKeyCommand::NotBegun { number, code, message };
                    // That it is told already is as good.
                    let _ = self.ask_aggregate(Kind::StartKey, start_key, tell(command)).await;
                    Err(error)
                }
                // The start is recorded: it is tried again.
                None => Err(RequestError::Unknown.into()),
            },
        }
    }

    /// Starts a run that was named before, or finds that it is there.
    pub(crate) async fn start_named(
        &self,
        run: &RunToStart,
        place: Option<Place>,
    ) -> Result<Started, StartError> {
        let RunToStart { name, request, .. } = run;
        let definition = request.definition;
        let plan = self.blocking(move |loader| loader.plan(definition)).await;
        let request = StartRequest {
            sent: request.sent,
            labels: request.labels.clone(),
            folder: (!request.folder.is_empty()).then(|| PathBuf::from(&request.folder)),
            by: request.by.clone(),
            ..StartRequest::new(plan.map_err(RequestError::from)?)
                .input(serde_json::from_str(&request.input).unwrap_or_default())
                .name(name.clone())
        };
        self.start_now(request, place).await
    }

    pub(super) async fn keep(
        &self,
        start_key: &str,
        command: StartKeyCommand,
        rows: Vec<Row>,
    ) -> Result<Begun, StartError> {
        match self.ask_start_key(start_key, command, rows).await {
            Ok(answer) => {
                let Some(StartKeyEvent::StartKept(kept)) = self.recorded(&answer).await? else {
                    return Err(RequestError::Unknown.into());
                };
                let StartKept { number, due, .. } = kept;
                let (name, start_key) = (run_name_of(start_key, number), start_key.to_owned());
                Ok(Begun::Kept(KeptStart { name, due, start_key, number, existing: false }))
            }
            Err(AskError::Rejected(StartKeyRejection::KeptAlready { number, .. })) => {
                self.kept_before(start_key, number).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What became of a start that was kept before.
    pub(crate) async fn kept_before(
        &self,
        start_key: &str,
        number: u32,
    ) -> Result<Begun, StartError> {
        let name = run_name_of(start_key, number);
        let kept = |name, due| {
            let start_key = start_key.to_owned();
            Ok(Begun::Kept(KeptStart { name, due, start_key, number, existing: true }))
        };
        let key = self.start_key(start_key).await.map_err(RequestError::from)?.unwrap_or_default();
        if let Some(Kept { due, .. }) = key.kept.as_ref().filter(|kept| kept.number == number) {
            return kept(name, *due);
        }
        if let Some(run) = self.find(&name).await.map_err(RequestError::from)? {
            let started = Started { run, name, existing: true, duplicate: false };
            return Ok(Begun::Started(started));
        }
        if key.starting.contains_key(&number) {
            return kept(name, self.clock().now());
        }
        Err(StartError::KeptGone { name })
    }

    /// What became of a start that some version of a workflow took earlier: its start key, and the number of its run. `None`:
    /// none has taken it. `input`: that of the start with a version; `None`: that version has none.
    pub(crate) async fn taken_earlier(
        &self,
        workflow: &str,
        input: impl Fn(&Plan) -> Option<Value>,
        token: &str,
    ) -> Result<Option<(String, u32)>, RequestError> {
        let versions = self.versions(workflow).await?.unwrap_or_default();
        let mut asked = BTreeSet::new();
        for version in versions.published.iter().rev() {
            let definition = version.definition;
            let plan = match self.blocking(move |loader| loader.plan(definition)).await {
                Ok(plan) => plan,
                Err(error) if error.is_passing() => return Err(error.into()),
                // What cannot be read took nothing that can be carried out.
                Err(_) => continue,
            };
            if !plan.has_start_rule() {
                continue;
            }
            let Some(input) = input(&plan) else { continue };
            let Ok(input) = check(plan.definition(), input) else { continue };
            let Ok(Some(rule)) = plan.start_rule(&input) else { continue };
            let (StartRule::Dedupe { key, .. } | StartRule::Debounce { key, .. }) = rule;
            let name = aggregate_name(workflow, &key);
            if !asked.insert(name.clone()) {
                continue;
            }
            let key = self.start_key(&name).await?.unwrap_or_default();
            let begun = key.starting.values().find(|run| run.name == token);
            if let Some(number) = key.kept_as(token).or_else(|| begun.map(|run| run.number)) {
                return Ok(Some((name, number)));
            }
        }
        Ok(None)
    }

    /// The starts of a key; `None`: nothing is recorded of it.
    ///
    /// # Errors
    /// [`LoadError`]
    pub async fn start_key(&self, name: &str) -> Result<Option<StartKey>, LoadError> {
        self.state_of(name).await
    }

    /// Has a start that is kept not happen. `number`: that of its run; what is kept since is left alone.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn cancel_kept(
        &self,
        start_key: &str,
        number: u32,
        by: Actor,
        reason: String,
    ) -> Result<Answer, RequestError> {
        let command = Command::StartKey(StartKeyCommand::Cancel { number, by, reason });
        self.ask_aggregate(Kind::StartKey, start_key, command).await
    }

    async fn ask_start_key(
        &self,
        name: &str,
        command: StartKeyCommand,
        rows: Vec<Row>,
    ) -> Result<Answer, AskError> {
        let command = Command::StartKey(command);
        match self.ask_aggregate_with(Kind::StartKey, name, command, rows).await {
            Ok(answer) => Ok(answer),
            Err(RequestError::Refused(Refusal::Aggregate(Rejection::StartKey(rejection)))) => {
                Err(AskError::Rejected(rejection))
            }
            Err(error) => Err(AskError::Request(error)),
        }
    }

    /// The event that came of a request.
    async fn recorded(&self, answer: &Answer) -> Result<Option<StartKeyEvent>, StartError> {
        let last = Revision(answer.revision.saturating_sub(1));
        let stream = stream(answer.run);
        let events = self
            .blocking(move |loader| {
                let frames = loader.log().read_stream(stream, last, 1)?;
                frames.first().map_or(Ok(Vec::new()), events_of_aggregate)
            })
            .await;
        let events = events.map_err(RequestError::from)?;
        Ok(events.into_iter().next_back().and_then(|recorded| {
            let Event::StartKey(event) = recorded.event else { return None };
            Some(event)
        }))
    }

    /// The rows of the definitions that a run needs, as far as they are not known to be stored.
    fn definitions(&self, request: &StartRequest) -> Vec<Row> {
        let needed = request.callees.iter().chain([&request.plan]);
        let new = needed.filter(|plan| !self.shared.loader.knows(plan.hash()));
        new.map(|plan| definition_row(plan.hash(), plan.definition().to_canonical_json())).collect()
    }
}

/// Why a start key did not do what it was asked.
enum AskError {
    Rejected(StartKeyRejection),
    Request(RequestError),
}

impl From<AskError> for StartError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Rejected(StartKeyRejection::TooLarge { bytes }) => {
                let bytes_max = nexus_model::start_key::INPUT_BYTES_MAX;
                Self::KeyedTooLarge { bytes, bytes_max }
            }
            AskError::Rejected(StartKeyRejection::KeptOther { token: id, name }) => {
                Self::KeptOther { id, name: Some(name) }
            }
            AskError::Rejected(rejection) => {
                RequestError::Refused(Refusal::Aggregate(Rejection::StartKey(rejection))).into()
            }
            AskError::Request(error) => error.into(),
        }
    }
}

fn run_request(request: &StartRequest) -> RunRequest {
    let folder = request.folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    RunRequest {
        workflow: request.plan.definition().name.clone(),
        definition: request.plan.hash(),
        sent: request.sent.filter(|sent| *sent != request.plan.hash()),
        input: request.input.to_string(),
        labels: request.labels.clone(),
        folder: folder.unwrap_or_default(),
        by: request.by.clone(),
    }
}
