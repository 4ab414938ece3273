//! The history of a run as a file: what code that has changed is checked against.

use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nexus_log::{
    EventLog, Frame, MemoryLog, Partition, Record, Records, Revision, Submission, Transition,
};
use nexus_model::codec::{Header, decode, encode};
use nexus_model::definition::Definition;
use nexus_model::event::Event;
use nexus_model::id::{DefinitionHash, RunId};
use nexus_model::plan::Plan;
use serde::{Deserialize, Serialize};

use super::{Error, RunHandle};
use crate::loader::{LoadError, Loader, events_of};
use crate::replay::{ReplayError, replay};
use crate::tables::{TABLES, definition_row, stream};

/// The version of the file.
const VERSION: u32 = 1;

/// The history of a run as it is recorded: its definition, its transitions, and the values that stand beside them.
///
/// [`RunHandle::history`] takes it from a store; [`TestEngine::replay_history`](crate::testing::TestEngine::replay_history) checks
/// code against it. It holds the values of the run as they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    #[serde(rename = "nexus_history")]
    version: u32,
    run: String,
    definition: serde_json::Value,
    frames: Vec<HistoryFrame>,
    /// Hexadecimal digits.
    payloads: Vec<String>,
}

/// A transition.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryFrame {
    time_us: i64,
    /// The kinds of its events, for people.
    events: Vec<String>,
    /// Hexadecimal digits.
    records: String,
}

/// Why a history cannot be taken, written or read. Its text begins with the code.
#[derive(Debug)]
pub enum HistoryError {
    /// The run is not there, or cannot be asked for.
    Run(Error),
    /// The log cannot be read.
    Load(LoadError),
    /// The values of the run are encrypted, and would not be in a file.
    Encrypted {
        /// The run.
        run: String,
    },
    /// The run was given another definition on its way.
    Migrated {
        /// The run.
        run: String,
    },
    /// The file cannot be read or written.
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no history that this program knows.
    NoHistory(String),
    /// The history is of another workflow than the one that was to be checked against it.
    OtherWorkflow {
        /// The workflow of the history: its name, and how it is written.
        recorded: String,
        /// The workflow that was to be checked.
        workflow: String,
    },
}

impl HistoryError {
    /// The code, `NXnnnn`, of what is explained under `docs/errors`.
    pub fn code(&self) -> Option<&str> {
        Some(match self {
            Self::Run(error) => return error.code(),
            Self::Load(error) => error.code(),
            Self::File { .. } => "NX6009",
            Self::OtherWorkflow { .. } => "NX3047",
            Self::Encrypted { .. } | Self::Migrated { .. } | Self::NoHistory(_) => "NX3059",
        })
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It says its own code.
        if let Self::Run(error) = self {
            return write!(f, "{error}");
        }
        if let Some(code) = self.code() {
            write!(f, "{code}: ")?;
        }
        match self {
            Self::Run(error) => write!(f, "{error}"),
            Self::Load(error) => write!(f, "{error}"),
            Self::Encrypted { run } => {
                write!(f, "run `{run}` is encrypted: its history would hold its values as they are")
            }
            Self::Migrated { run } => {
                write!(f, "run `{run}` was migrated to another definition: its history is of two")
            }
            Self::File { file, .. } => {
                write!(f, "the file of the history, {}, cannot be used", file.display())
            }
            Self::NoHistory(why) => write!(f, "the file holds no history: {why}"),
            Self::OtherWorkflow { recorded, workflow } => {
                write!(f, "the history is of workflow {recorded}; it says nothing about {workflow}")
            }
        }
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Run(error) => error.source(),
            Self::Load(error) => error.source(),
            Self::File { source, .. } => Some(source),
            Self::Encrypted { .. }
            | Self::Migrated { .. }
            | Self::NoHistory(_)
            | Self::OtherWorkflow { .. } => None,
        }
    }
}

impl From<Error> for HistoryError {
    fn from(error: Error) -> Self {
        Self::Run(error)
    }
}

impl From<LoadError> for HistoryError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

impl<Out> RunHandle<Out> {
    /// Its history so far, to be kept as a file and checked against by
    /// [`TestEngine::replay_history`](crate::testing::TestEngine::replay_history).
    ///
    /// # Errors
    /// [`HistoryError`]
    pub async fn history(&self) -> Result<History, HistoryError> {
        let (run, name) = (self.run_id().await?, self.id().to_owned());
        self.handle().blocking(move |loader| History::taken(loader, run, name)).await
    }
}

impl History {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event has what code is given")]
    fn taken(loader: &Loader, id: RunId, run: String) -> Result<Self, HistoryError> {
        if loader.vault(id)?.is_some() {
            return Err(HistoryError::Encrypted { run });
        }
        let loader = loader.noting();
        let replayed = replay(&loader, id, None).map_err(|error| match error {
            ReplayError::NotFound => Error::NoSuchRun { run: run.clone() }.into(),
            ReplayError::Load(error) => HistoryError::Load(error),
        })?;
        let mut frames = Vec::new();
        loader.each_frame(id, Revision(0), |frame| {
            frames.push(HistoryFrame::of(frame)?);
            Ok(())
        })?;
        let migrated =
            |frame: &HistoryFrame| frame.events.iter().any(|kind| kind == "run.migrated");
        if frames.iter().any(migrated) {
            return Err(HistoryError::Migrated { run });
        }
        for recorded in loader.history(id, 0, usize::MAX)? {
            // What steps were given, and what a function gets, is not read by a replay, but by what checks code.
            match &recorded.event {
                Event::StepStarted { input: Some(payload), .. }
                | Event::StepCompleted { output: payload, .. } => {
                    loader.bytes(payload)?;
                }
                Event::RunStarted(started) => {
                    loader.bytes(&started.input)?;
                }
                Event::FunctionReturned(returned) => {
                    loader.bytes(&returned.output)?;
                }
                _ => {}
            }
        }
        let payloads = loader.payloads(&loader.noted())?;
        let definition = replayed.plan.definition().to_canonical_json();
        Ok(Self {
            version: VERSION,
            run,
            definition: serde_json::from_slice(&definition).unwrap_or_default(),
            frames,
            payloads: payloads.iter().map(|(_, bytes)| digits(bytes)).collect(),
        })
    }

    /// Writes it to a file.
    ///
    /// # Errors
    /// [`HistoryError::File`]
    pub fn write(&self, file: impl AsRef<Path>) -> Result<(), HistoryError> {
        let file = file.as_ref();
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from);
        let written = text.and_then(|text| std::fs::write(file, text + "\n"));
        written.map_err(|source| HistoryError::File { file: file.to_owned(), source })
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// [`HistoryError::File`], [`HistoryError::NoHistory`]
    pub fn read(file: impl AsRef<Path>) -> Result<Self, HistoryError> {
        let file = file.as_ref();
        let text = std::fs::read(file)
            .map_err(|source| HistoryError::File { file: file.to_owned(), source })?;
        let read: Self =
            serde_json::from_slice(&text).map_err(|error| no_history(error.to_string()))?;
        if read.version != VERSION {
            return Err(no_history(format!("it has version {}", read.version)));
        }
        Ok(read)
    }

    /// The name of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The definition it was recorded under.
    pub(crate) fn definition(&self) -> Result<Definition, HistoryError> {
        Definition::from_json(self.definition.to_string().as_bytes())
            .map_err(|error| no_history(error.to_string()))
    }

    /// Refuses to be compared with another workflow, or with one that is written in another way.
    pub(crate) fn is_of(&self, plan: &Plan) -> Result<(), HistoryError> {
        let (recorded, now) = (self.definition()?, plan.definition());
        if recorded.name == now.name && recorded.code == now.code {
            return Ok(());
        }
        let said = |definition: &Definition| {
            let form = if definition.code { "a function" } else { "a graph of steps" };
            format!("`{}`, {form}", definition.name)
        };
        Err(HistoryError::OtherWorkflow { recorded: said(&recorded), workflow: said(now) })
    }

    /// A log in memory with nothing but this run, as if it had been started with another definition.
    pub(crate) fn as_if_under(&self, plan: &Plan) -> Result<(Loader, RunId), HistoryError> {
        let log = Arc::new(MemoryLog::new(TABLES));
        let mut frames = self.frames.iter();
        let first = frames.next().ok_or_else(|| no_history("it has no transitions"))?;
        let (run, records) = beginning(first, plan.hash())?;
        let mut transition = Transition {
            stream: stream(run),
            expected: Revision(0),
            time_us: first.time_us,
            records,
            rows: vec![definition_row(plan.hash(), plan.definition().to_canonical_json())],
            payloads: self
                .payloads
                .iter()
                .map(|payload| payload_of(payload))
                .collect::<Result<_, _>>()?,
        };
        loop {
            let next = transition.expected.0 + transition.records.count();
            let permit = log.permits().try_acquire(transition.bytes());
            let permit = permit.ok_or_else(|| no_history("it is too large"))?;
            let transitions = vec![transition];
            // A log in memory answers at once.
            drop(log.append(Submission { partition: Partition(0), transitions, permit }));
            let Some(frame) = frames.next() else { return Ok((Loader::new(log, None), run)) };
            transition = Transition {
                stream: stream(run),
                expected: Revision(next),
                time_us: frame.time_us,
                records: frame.records()?,
                rows: Vec::new(),
                payloads: Vec::new(),
            };
        }
    }
}

impl HistoryFrame {
    fn of(frame: &Frame) -> Result<Self, LoadError> {
        let events = events_of(frame)?.iter().map(|event| event.kind().to_owned()).collect();
        let records = digits(frame.records.as_bytes());
        Ok(Self { time_us: frame.time_us, events, records })
    }

    fn records(&self) -> Result<Records, HistoryError> {
        let count = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        let records = Records::from_bytes(bytes(&self.records)?, count);
        records.ok_or_else(|| no_history("a transition is damaged"))
    }
}

/// The run that a first transition begins, and its records with another definition.
fn beginning(
    frame: &HistoryFrame,
    definition: DefinitionHash,
) -> Result<(RunId, Records), HistoryError> {
    let (recorded, mut records, mut run) = (frame.records()?, Records::new(), None);
    for record in &recorded {
        let Record { kind, version, flags, body } = record;
        let header = Header { kind, version, flags };
        match decode(header, body, frame.time_us).map_err(|error| no_history(error.to_string()))? {
            (Event::RunStarted(mut started), given) if run.is_none() => {
                run = Some(started.run);
                started.definition = definition;
                let mut body = Vec::new();
                let Header { kind, version, .. } =
                    encode(&Event::RunStarted(started), given, &mut body);
                records.push(Record { kind, version, flags, body: &body });
            }
            _ => records.push(record),
        }
    }
    let run = run.ok_or_else(|| no_history("it does not begin with the start of a run"))?;
    Ok((run, records))
}

fn payload_of(digits: &str) -> Result<([u8; 32], Arc<[u8]>), HistoryError> {
    let payload: Arc<[u8]> = bytes(digits)?.into();
    Ok((*blake3::hash(&payload).as_bytes(), payload))
}

fn no_history(why: impl Into<String>) -> HistoryError {
    HistoryError::NoHistory(why.into())
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(digits: &str) -> Result<Vec<u8>, HistoryError> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(pair).collect();
    bytes.ok_or_else(|| no_history("it holds something else than hexadecimal digits"))
}
