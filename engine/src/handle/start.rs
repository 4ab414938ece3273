//! Starting runs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nexus_log::Row;
use nexus_model::event::{Actor, RunStarted};
use nexus_model::expression::EvalError;
use nexus_model::id::{DefinitionHash, RunId};
use nexus_model::input::{InputError, check};
use nexus_model::limit::Wish;
use nexus_model::payload::{ContentType, NewPayload, Payload};
use nexus_model::plan::Plan;
use nexus_model::vault::Vault;
use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::admission::Place;
use super::start_keys::{Begun, KeptStart};
use super::{Handle, RequestError};
use crate::driver::Message;
use crate::loader::LoadError;
use crate::names::{NameError, check_name};
use crate::shard::{Answer, Refusal, Start};
use crate::tables::{NAMES, definition_row, name_row, read_name_row, run_number_row};
use crate::vault::{Kept, RunKey};

/// Starts are refused while more than this share of the log's byte budget is in use.
const ADMISSION_PERCENT: u8 = 75;
/// How long a start waits for room before it is refused.
const ADMISSION_WAIT: Duration = Duration::from_secs(2);
/// How often made names are tried.
const NAMES_TRIED_MAX: u32 = 1_000;

/// What to start.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// The definition, compiled.
    pub plan: Arc<Plan>,
    /// The definitions it calls, directly or not, as far as they are not stored yet.
    pub callees: Vec<Arc<Plan>>,
    /// The definition as it was sent, before what it calls by name was resolved; `None`: as it is. Makes the same request the
    /// same run whatever is published in between.
    pub sent: Option<DefinitionHash>,
    /// The input.
    pub input: Value,
    /// The run's name; `None`: the definition's `run.id`, or a made one.
    pub name: Option<String>,
    /// Labels beside those of the definition.
    pub labels: BTreeMap<String, String>,
    /// Where scripts work.
    pub folder: Option<PathBuf>,
    /// Who starts it.
    pub by: Actor,
}

/// A run that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Its id.
    pub run: RunId,
    /// Its name.
    pub name: String,
    /// Whether a run of this name, workflow and input was there already, or one that stands for it.
    pub existing: bool,
    /// Whether its key was seen lately, so that this run stands for it, whatever its name and input.
    pub duplicate: bool,
}

/// Why a run was not started. Nothing was recorded, unless it says that this is not known.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The input does not fit the declaration.
    #[error("the input does not fit the workflow")]
    Inputs(Vec<InputError>),
    /// The input is larger than the engine takes.
    #[error("the input has {bytes} bytes, more than payload_bytes_max ({bytes_max})")]
    InputTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The name cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The definition's `run.id` cannot be computed.
    #[error("`run.id` cannot be computed: {message}")]
    RunId {
        /// Error code.
        code: String,
        /// Why.
        message: String,
    },
    /// A step calls a workflow that is not known.
    #[error("step `{step}` calls `{workflow}`, which is not known here")]
    Unresolved {
        /// The step.
        step: String,
        /// What it calls.
        workflow: String,
    },
    /// What a step hands over does not fit the published workflow that it calls.
    #[error("step `{step}`: {message}")]
    CallMisfit {
        /// The step.
        step: String,
        /// Error code.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The definition's `run.concurrency` cannot be computed.
    #[error("`run.concurrency` cannot be computed: {message}")]
    Limit {
        /// Error code.
        code: String,
        /// Why.
        message: String,
    },
    /// A run of this name exists, with another workflow or input.
    #[error("run `{name}` exists with another workflow or input")]
    Conflict {
        /// The name.
        name: String,
        /// The run that has it.
        run: RunId,
    },
    /// What decides whether it is started cannot be computed.
    #[error("the key of its starts cannot be computed: {message}")]
    StartKey {
        /// Error code.
        code: String,
        /// Why.
        message: String,
    },
    /// Its start has a key, and its input is too large for that.
    #[error("the input has {bytes} bytes; a start that has a key takes at most {bytes_max}")]
    KeyedTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Its start has a key, and the engine encrypts its runs.
    #[error(
        "a start that has a key keeps its input unencrypted, and this engine encrypts its runs"
    )]
    KeyedEncrypted,
    /// It is kept and started later: [`Handle::begin`] says when.
    #[error("the start is kept: run `{name}` is started later")]
    Kept {
        /// The name that the run will have.
        name: String,
    },
    /// A start with this id was kept, with another workflow or input.
    #[error("the start `{id}` was kept with another workflow or input")]
    KeptOther {
        /// The id.
        id: String,
        /// The name of the run that it was kept for, if that is still known.
        name: Option<String>,
    },
    /// It was kept and is not any more: somebody cancelled it, or it could not be started.
    #[error("the start that was kept for run `{name}` was cancelled, or could not be carried out")]
    KeptGone {
        /// The name that the run would have had.
        name: String,
    },
    /// The run should be encrypted, and its workflow is a function.
    #[error(
        "the run of a function cannot be encrypted: what it calls is compared with what is recorded"
    )]
    FunctionEncrypted,
    /// The run should be encrypted, and this program cannot.
    #[error("the run should be encrypted, and this program was built without encryption")]
    NoEncryption,
    /// As many runs are open as may be.
    #[error("{open} runs are open, and at most {open_max} may be; try again in {retry_ms} ms")]
    Full {
        /// How many are open, with those that are being started; one that is just being answered may count twice.
        open: u64,
        /// How many may be.
        open_max: u64,
        /// When to try again.
        retry_ms: u64,
    },
    /// The engine has as much to write as it takes.
    #[error("the engine is busy; try again in {retry_ms} ms")]
    Busy {
        /// When to try again.
        retry_ms: u64,
    },
    /// It was refused or lost.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl StartRequest {
    /// Starts this plan, without input.
    pub fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            callees: Vec::new(),
            sent: None,
            input: Value::Object(serde_json::Map::new()),
            name: None,
            labels: BTreeMap::new(),
            folder: None,
            by: Actor { name: "program".into(), via: "rust".into() },
        }
    }

    /// With this input.
    #[must_use]
    pub fn input(mut self, input: Value) -> Self {
        self.input = input;
        self
    }

    /// With these definitions, which it calls.
    #[must_use]
    pub fn callees(mut self, callees: impl IntoIterator<Item = Arc<Plan>>) -> Self {
        self.callees.extend(callees);
        self
    }

    /// Under this name.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// A checked request.
pub(crate) struct Prepared {
    pub(crate) started: RunStarted,
    pub(crate) payloads: Vec<NewPayload>,
    /// Hash of what is asked for, as it stands in the row of the name.
    pub(crate) request: [u8; 32],
    /// Definitions that it calls.
    pub(crate) callees: Vec<Arc<Plan>>,
    /// Whether its definition wants it encrypted.
    pub(crate) encrypt: bool,
    /// The key of its values, if it is encrypted.
    pub(crate) key: Option<RunKey>,
}

impl Prepared {
    /// Encrypts the run.
    pub(crate) fn encrypted(mut self, key: RunKey) -> Self {
        self.request = key.hide_request(&self.request);
        self.key = Some(key);
        self
    }

    /// As it is started under simulated time: a key from the run's id instead of chance.
    pub(crate) fn for_test(self) -> Self {
        if !self.encrypt || RunKey::new().is_none() {
            return self;
        }
        let key = RunKey::for_test(self.started.run);
        self.encrypted(key)
    }

    /// What hides its values.
    pub(crate) fn vault(&self) -> Option<Arc<dyn Vault>> {
        self.key.and_then(|key| key.vault(self.started.run))
    }
}

impl Handle {
    /// Starts a run. The same name with the same workflow and input answers with the existing run.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::Kept`] if its workflow says `debounce`.
    pub async fn start(&self, request: StartRequest) -> Result<Started, StartError> {
        match self.begin(request).await? {
            Begun::Started(started) => Ok(started),
            Begun::Kept(KeptStart { name, .. }) => Err(StartError::Kept { name }),
        }
    }

    /// Starts a run without asking whether its key was seen. `place`: the one it has already.
    pub(super) async fn start_now(
        &self,
        request: StartRequest,
        place: Option<Place>,
    ) -> Result<Started, StartError> {
        if place.is_none() {
            self.admit().await?;
        }
        let plan = Arc::clone(&request.plan);
        self.check_calls(&plan, &request.callees).await?;
        let bytes_max = self.shared.config.payload_bytes_max;
        let mut prepared = prepare(request, Uuid::now_v7(), bytes_max)?;
        let asked = prepared.request;
        if prepared.encrypt || self.shared.config.encrypt {
            if plan.is_code() {
                return Err(StartError::FunctionEncrypted);
            }
            prepared = prepared.encrypted(RunKey::new().ok_or(StartError::NoEncryption)?);
        }
        prepared.callees.retain(|callee| !self.shared.loader.knows(callee.hash()));
        let name = Some(prepared.started.name.as_str()).filter(|name| !name.is_empty());
        let place = if place.is_some() { place } else { self.place(name).await? };
        let of_store = self.limits_of_store(&prepared.started.workflow).await;
        prepared.started.limits.extend(of_store.map_err(RequestError::from)?);
        let Some(place) = place else { return self.start_in(&plan, prepared, asked).await };
        // The place is taken until the start is answered, also if nobody waits for the answer any more.
        let handle = self.clone();
        let starting = tokio::spawn(async move {
            let started = handle.start_in(&plan, prepared, asked).await;
            drop(place);
            started
        });
        starting.await.unwrap_or_else(|_| Err(RequestError::Unknown.into()))
    }

    /// Starts a run that may be started. `asked`: the hash of what was asked for, before anything was hidden.
    async fn start_in(
        &self,
        plan: &Arc<Plan>,
        prepared: Prepared,
        asked: [u8; 32],
    ) -> Result<Started, StartError> {
        if prepared.started.name.is_empty() {
            return self.start_with_made_name(plan, prepared).await;
        }
        let name = prepared.started.name.clone();
        match self.submit(plan, prepared, None).await {
            Ok(answer) => Ok(Started { run: answer.run, name, existing: false, duplicate: false }),
            Err(RequestError::Refused(Refusal::Taken(run, earlier))) => {
                if self.is_same(run, asked, earlier).await? {
                    return Ok(Started { run, name, existing: true, duplicate: false });
                }
                Err(StartError::Conflict { name, run })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether what is asked for is what a run was started with.
    async fn is_same(
        &self,
        run: RunId,
        asked: [u8; 32],
        earlier: [u8; 32],
    ) -> Result<bool, RequestError> {
        // Of an encrypted run only a hash under its own key is kept, and nothing once that is deleted.
        let same = self.blocking(move |loader| {
            Ok::<bool, LoadError>(match loader.key(run)? {
                Kept::Nothing => asked == earlier,
                Kept::Key(key) => key.hide_request(&asked) == earlier,
                Kept::Forgotten => false,
            })
        });
        Ok(same.await?)
    }

    /// The run that this request has started already, if it gives it a name.
    pub(super) async fn started_before(
        &self,
        request: StartRequest,
    ) -> Result<Option<Started>, StartError> {
        let bytes_max = self.shared.config.payload_bytes_max;
        let Prepared { started, request, .. } = prepare(request, Uuid::now_v7(), bytes_max)?;
        let name = started.name;
        let key = name.as_bytes().to_vec();
        let row = self.blocking(move |loader| {
            let row = loader.log().row(NAMES, &key)?;
            Ok::<_, LoadError>(row.and_then(|value| read_name_row(&value)))
        });
        let Some((run, earlier)) = row.await.map_err(RequestError::from)? else { return Ok(None) };
        let same = self.is_same(run, request, earlier).await?;
        Ok(same.then_some(Started { run, name, existing: true, duplicate: false }))
    }

    async fn start_with_made_name(
        &self,
        plan: &Arc<Plan>,
        prepared: Prepared,
    ) -> Result<Started, StartError> {
        for _ in 0..NAMES_TRIED_MAX {
            let (number, name) = self.shared.numbers.next();
            let mut started = prepared.started.clone();
            started.name.clone_from(&name);
            let prepared = Prepared {
                started,
                payloads: prepared.payloads.clone(),
                callees: prepared.callees.clone(),
                ..prepared
            };
            match self.submit(plan, prepared, Some(number)).await {
                Err(RequestError::Refused(Refusal::Taken(..))) => {}
                Ok(answer) => {
                    let run = answer.run;
                    return Ok(Started { run, name, existing: false, duplicate: false });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(StartError::Busy { retry_ms: 1_000 })
    }

    /// Waits a while for room in the log; running work comes first.
    pub(super) async fn admit(&self) -> Result<(), StartError> {
        let permits = self.log().permits();
        let mut waited = Duration::ZERO;
        while permits.used_percent() >= ADMISSION_PERCENT {
            if waited >= ADMISSION_WAIT {
                return Err(StartError::Busy { retry_ms: 1_000 });
            }
            let pause = Duration::from_millis(5);
            tokio::time::sleep(pause).await;
            waited += pause;
        }
        Ok(())
    }

    /// Checks that everything that is called, directly or not, is known.
    pub(super) async fn check_calls(
        &self,
        plan: &Arc<Plan>,
        callees: &[Arc<Plan>],
    ) -> Result<(), StartError> {
        let mut unknown = Vec::new();
        for caller in std::iter::once(plan).chain(callees) {
            for (step, workflow, definition) in caller.calls() {
                let given = |hash| callees.iter().any(|callee| callee.hash() == hash);
                match definition {
                    Some(hash) if given(hash) || self.shared.loader.knows(hash) => {}
                    _ => {
                        unknown.push((caller.id(step).to_owned(), workflow.to_owned(), definition));
                    }
                }
            }
        }
        for (step, workflow, definition) in unknown {
            let found = match definition {
                Some(hash) => self.blocking(move |loader| loader.plan(hash).is_ok()).await,
                None => false,
            };
            if !found {
                return Err(StartError::Unresolved { step, workflow });
            }
        }
        Ok(())
    }

    async fn submit(
        &self,
        plan: &Arc<Plan>,
        prepared: Prepared,
        number: Option<u64>,
    ) -> Result<Answer, RequestError> {
        let vault = prepared.vault();
        let Prepared { started, payloads, request, callees, key, .. } = prepared;
        let run = started.run;
        let known = self.shared.loader.knows(plan.hash());
        let mut rows = rows(plan, &started, &request, number, known);
        rows.extend(
            callees.iter().map(|callee| {
                definition_row(callee.hash(), callee.definition().to_canonical_json())
            }),
        );
        rows.extend(key.map(|key| key.row(run)));
        let (reply, answer) = oneshot::channel();
        let start = Start {
            plan: Arc::clone(plan),
            started: Box::new(started),
            rows,
            payloads,
            reply: None,
            vault,
        };
        let message = Message::Start { start: Box::new(start), reply };
        self.inbox(run).send(message).map_err(|_| Refusal::ShuttingDown)?;
        let answer = answer.await.map_err(|_| RequestError::Unknown)??;
        if !known {
            self.shared.loader.keep(plan);
        }
        for callee in &callees {
            self.shared.loader.keep(callee);
        }
        Ok(answer)
    }
}

/// Checks a request and makes the first event of its run. `id` makes the run's id and seed.
pub(crate) fn prepare(
    request: StartRequest,
    id: Uuid,
    bytes_max: usize,
) -> Result<Prepared, StartError> {
    let StartRequest { plan, callees, sent, input, name, labels, folder, by } = request;
    let definition = plan.definition();
    let input = check(definition, input).map_err(StartError::Inputs)?;
    let bytes = input.to_string().into_bytes();
    if bytes.len() > bytes_max {
        return Err(StartError::InputTooLarge { bytes: bytes.len(), bytes_max });
    }
    let request = request_hash(sent.unwrap_or_else(|| plan.hash()), &bytes);
    let name = match name {
        Some(name) => Some(name),
        None => computed_name(&plan, &input)?,
    };
    if let Some(name) = &name {
        check_name(name)?;
    }
    let limits = wanted_slots(&plan, &input)?;
    let (input, stored) = Payload::new(ContentType::Json, bytes);
    let mut all_labels = definition.labels.clone();
    all_labels.extend(labels);
    let started = RunStarted {
        run: RunId(id.into_bytes()),
        name: name.unwrap_or_default(),
        workflow: definition.name.clone(),
        definition: plan.hash(),
        input,
        labels: all_labels.into_iter().collect(),
        folder: folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default(),
        by,
        seed: id.as_u64_pair().1,
        timeout: None,
        parent: None,
        limits,
    };
    let payloads: Vec<NewPayload> = stored.into_iter().collect();
    Ok(Prepared { started, payloads, request, callees, encrypt: definition.encrypt, key: None })
}

/// The rows that go with the beginning of a run.
pub(crate) fn rows(
    plan: &Plan,
    started: &RunStarted,
    request: &[u8; 32],
    number: Option<u64>,
    definition_is_known: bool,
) -> Vec<Row> {
    let mut rows = vec![name_row(&started.name, started.run, request)];
    rows.extend(number.map(run_number_row));
    if !definition_is_known {
        rows.push(definition_row(plan.hash(), plan.definition().to_canonical_json()));
    }
    rows
}

/// What a run is asked to be: the same again is the same run.
pub(crate) fn request_hash(definition: DefinitionHash, input: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&definition.0).update(input);
    *hasher.finalize().as_bytes()
}

/// The slots that the run needs before its first step.
pub(crate) fn wanted_slots(plan: &Plan, input: &Value) -> Result<Vec<Wish>, StartError> {
    let wish = plan.run_wish(input).map_err(|error| match error {
        EvalError::Failed { code, message } => StartError::Limit { code: code.into(), message },
        EvalError::Needs(_) => StartError::Limit {
            code: "NX2101".into(),
            message: "it needs a payload that is not there".into(),
        },
    });
    Ok(wish?.into_iter().collect())
}

/// Why the key of a start cannot be computed.
pub(crate) fn rule_error(error: EvalError) -> StartError {
    match error {
        EvalError::Failed { code, message } => StartError::StartKey { code: code.into(), message },
        EvalError::Needs(_) => StartError::StartKey {
            code: "NX2101".into(),
            message: "it needs a payload that is not there".into(),
        },
    }
}

/// The name that the definition's `run.id` gives.
fn computed_name(plan: &Plan, input: &Value) -> Result<Option<String>, StartError> {
    plan.run_name(input).map_err(|error| match error {
        EvalError::Failed { code, message } => StartError::RunId { code: code.into(), message },
        EvalError::Needs(_) => StartError::RunId {
            code: "NX2101".into(),
            message: "it needs a payload that is not there".into(),
        },
    })
}
