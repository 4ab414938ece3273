//! Reads runs and plans from the log. Blocks; called off the runtime's threads.

mod aggregates;
mod handed_over;
mod sealed;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use nexus_log::{EventLog, Frame, ReadError, Revision};
use nexus_model::aggregate::{self, AggregateId, Entity};
use nexus_model::codec::chunks::{Assembled, assemble};
use nexus_model::codec::{self, DecodeError, Header};
use nexus_model::definition::Definition;
use nexus_model::event::{Event, Given};
use nexus_model::evolve::{evolve, fits};
use nexus_model::id::{DefinitionHash, RunId};
use nexus_model::payload::{ContentType, NewPayload, Payload, PayloadHash};
use nexus_model::plan::Plan;
use nexus_model::run::Run;
use nexus_model::time::Timestamp;
use nexus_projections::Views;

use crate::tables::{DEFINITIONS, MIGRATIONS, migration_key, raw, stream};

pub(crate) use handed_over::HandedOver;

pub use aggregates::{RecordedAggregate, events_of_aggregate};

/// How many frames are read at a time.
const FRAMES_MAX: usize = 1024;

/// Reads runs and plans.
#[derive(Clone)]
pub struct Loader {
    log: Arc<dyn EventLog>,
    views: Option<Views>,
    plans: Arc<Mutex<HashMap<DefinitionHash, Arc<Plan>>>>,
    /// The payloads that were read, if that is noted.
    noted: Option<Arc<Mutex<BTreeSet<PayloadHash>>>>,
}

/// Why a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[from] ReadError),
    /// A record is no event that this program knows.
    #[error("record {revision} cannot be understood")]
    Event {
        /// Which.
        revision: u32,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// A record does not fit the run's definition.
    #[error("record {revision} does not fit the run's definition")]
    Misfit {
        /// Which.
        revision: u32,
    },
    /// The stream does not begin with the start of a run.
    #[error("the stream does not begin with the start of a run")]
    NoStart,
    /// The payload is of an encrypted run whose key is deleted.
    #[error("the run is forgotten: the key of its values is deleted")]
    Forgotten,
    /// The run is encrypted, and this program was built without encryption.
    #[error("the run is encrypted, and this program was built without encryption")]
    NoEncryption,
    /// The definition is not stored, or cannot be compiled by this program.
    #[error("definition {0} is missing or cannot be used")]
    Definition(DefinitionHash),
}

impl LoadError {
    /// The code, `NXnnnn`, of what is explained under `docs/errors`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Log(_) => "NX6002",
            Self::Event { .. } | Self::Misfit { .. } | Self::NoStart => "NX5004",
            Self::Forgotten => "NX6022",
            Self::NoEncryption => "NX6023",
            Self::Definition(_) => "NX5006",
        }
    }

    /// Whether the same read may succeed later: the disk failed, but nothing is known to be damaged.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Log(ReadError::Storage { .. }))
    }
}

/// A recorded event with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Place in the run's stream.
    pub revision: u32,
    /// Place in the log.
    pub position: u64,
    /// Time of its transition.
    pub time: Timestamp,
    /// What was given with it, if it came from outside.
    pub given: Option<Given>,
    /// The event.
    pub event: Event,
}

impl Recorded {
    /// The name of its kind, such as `step.completed`.
    pub fn kind(&self) -> &'static str {
        codec::event_name(&self.event)
    }
}

impl Loader {
    /// Makes a loader.
    pub fn new(log: Arc<dyn EventLog>, views: Option<Views>) -> Self {
        Self { log, views, plans: Arc::default(), noted: None }
    }

    /// The same, and it notes which payloads it reads.
    pub(crate) fn noting(&self) -> Self {
        Self { noted: Some(Arc::default()), ..self.clone() }
    }

    /// The payloads that it read, if it notes that.
    pub(crate) fn noted(&self) -> Vec<PayloadHash> {
        let noted =
            self.noted.as_ref().map(|noted| noted.lock().unwrap_or_else(PoisonError::into_inner));
        noted.map(|noted| noted.iter().copied().collect()).unwrap_or_default()
    }

    /// The log it reads.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// Remembers a plan, so that it need not be read.
    pub fn keep(&self, plan: &Arc<Plan>) {
        self.plans().insert(plan.hash(), Arc::clone(plan));
    }

    /// Whether a plan with this hash is remembered.
    pub fn knows(&self, hash: DefinitionHash) -> bool {
        self.plans().contains_key(&hash)
    }

    fn plans(&self) -> std::sync::MutexGuard<'_, HashMap<DefinitionHash, Arc<Plan>>> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plan of a definition.
    ///
    /// # Errors
    /// [`LoadError::Definition`] if it is not stored or not usable.
    pub fn plan(&self, hash: DefinitionHash) -> Result<Arc<Plan>, LoadError> {
        if let Some(plan) = self.plans().get(&hash) {
            return Ok(Arc::clone(plan));
        }
        let stored = self.log.row(DEFINITIONS, &hash.0)?.ok_or(LoadError::Definition(hash))?;
        let definition = Definition::from_json(&stored).map_err(|_| LoadError::Definition(hash))?;
        let plan = Plan::compile(definition).map_err(|_| LoadError::Definition(hash))?;
        let plan = Arc::new(plan);
        self.keep(&plan);
        Ok(plan)
    }

    /// Reads a run: its snapshot if there is one, and what came after it.
    ///
    /// # Errors
    /// [`LoadError`]; `Ok(None)` if there is no such run.
    pub fn run(&self, id: RunId) -> Result<Option<(Arc<Plan>, Run)>, LoadError> {
        let mut found = self.snapshot(id);
        let from = found.as_ref().map_or(0, |(_, run)| run.revision);
        self.each_frame(id, Revision(from), |frame| {
            let events = events_of(frame)?;
            let (plan, run) = match &mut found {
                Some(found) => found,
                // Its first frame says what it begins with: it is read once.
                None => found.insert(self.before(events.first())?),
            };
            self.fold(plan, run, events)
        })?;
        Ok(found)
    }

    /// A run before its first event, and the plan it begins with.
    ///
    /// # Errors
    /// [`LoadError`]; `Ok(None)` if there is no such run.
    pub fn beginning(&self, id: RunId) -> Result<Option<(Arc<Plan>, Run)>, LoadError> {
        let frames = self.log.read_stream(stream(id), Revision(0), 1)?;
        frames.first().map(|first| self.beginning_in(first)).transpose()
    }

    /// The same, of a run whose first frame is read already.
    ///
    /// # Errors
    /// [`LoadError`]
    pub(crate) fn beginning_in(&self, first: &Frame) -> Result<(Arc<Plan>, Run), LoadError> {
        self.before(events_of(first)?.first())
    }

    fn before(&self, first: Option<&Recorded>) -> Result<(Arc<Plan>, Run), LoadError> {
        let Some(Recorded { event: Event::RunStarted(started), .. }) = first else {
            return Err(LoadError::NoStart);
        };
        let plan = self.plan(started.definition)?;
        let run = Run::new(&plan);
        Ok((plan, run))
    }

    /// Folds a frame into a run. `plan` becomes the new one when the run is migrated.
    ///
    /// # Errors
    /// [`LoadError`] if a record is not understood or does not fit.
    pub fn fold_frame(
        &self,
        plan: &mut Arc<Plan>,
        run: &mut Run,
        frame: &Frame,
    ) -> Result<(), LoadError> {
        self.fold(plan, run, events_of(frame)?)
    }

    fn fold(
        &self,
        plan: &mut Arc<Plan>,
        run: &mut Run,
        events: Vec<Recorded>,
    ) -> Result<(), LoadError> {
        for recorded in events {
            if recorded.revision < run.revision {
                continue;
            }
            self.follow_plan(plan, &recorded.event)?;
            if !fits(plan, &recorded.event) {
                return Err(LoadError::Misfit { revision: recorded.revision });
            }
            evolve(plan, run, &recorded.event, recorded.time);
        }
        Ok(())
    }

    /// Has `plan` be the one that folds `event` and what comes after it.
    ///
    /// # Errors
    /// [`LoadError::Definition`] if it is not stored or not usable.
    pub fn follow_plan(&self, plan: &mut Arc<Plan>, event: &Event) -> Result<(), LoadError> {
        if let Event::RunMigrated(migrated) = event {
            *plan = self.plan(migrated.definition)?;
        }
        if let Event::CallsMade(made) = event {
            let grown = plan.with_calls(made);
            *plan = Arc::new(grown.map_err(|_| LoadError::Definition(plan.hash()))?);
        }
        Ok(())
    }

    /// Reads an aggregate: its snapshot if there is one, and what came after it.
    ///
    /// # Errors
    /// [`LoadError`]; `Ok(None)` if nothing is recorded of it.
    pub fn aggregate(&self, id: AggregateId) -> Result<Option<Entity>, LoadError> {
        let mut entity = self.aggregate_snapshot(id);
        let from = entity.as_ref().map_or(0, |entity| entity.revision);
        self.each_frame(raw(id), Revision(from), |frame| {
            aggregates::fold_frame(id, &mut entity, frame)
        })?;
        Ok(entity)
    }

    fn aggregate_snapshot(&self, id: AggregateId) -> Option<Entity> {
        let (_, bytes) = self.views.as_ref()?.snapshot(stream(raw(id))).ok()??;
        let entity = aggregate::decode_entity(&bytes)?;
        let last = Revision(entity.revision.checked_sub(1)?);
        let frames = self.log.read_stream(stream(raw(id)), last, 1).ok()?;
        frames.first().is_some_and(|frame| frame.next_revision() > last).then_some(entity)
    }

    /// The snapshot of a run with its plan, if it can be read and the log reaches as far.
    pub(crate) fn snapshot(&self, id: RunId) -> Option<(Arc<Plan>, Run)> {
        let (_, bytes) = self.views.as_ref()?.snapshot(stream(id)).ok()??;
        let plan = self.plan(codec::definition_of(&bytes)?).ok()?;
        let plan = codec::plan_of_snapshot(&plan, &bytes).ok()?;
        let run = codec::decode_run(&plan, &bytes).ok()?;
        let last = Revision(run.revision.checked_sub(1)?);
        let frames = self.log.read_stream(stream(id), last, 1).ok()?;
        frames.first().is_some_and(|frame| frame.next_revision() > last).then_some((plan, run))
    }

    /// The plan that a run has now.
    ///
    /// # Errors
    /// [`LoadError`]; `Ok(None)` if there is no such run.
    pub fn plan_of(&self, id: RunId) -> Result<Option<Arc<Plan>>, LoadError> {
        self.plan_at(id, u32::MAX)
    }

    /// The plan that folds event `revision` of a run: that of the last migration up to it, or else that of its first event.
    ///
    /// # Errors
    /// [`LoadError`]; `Ok(None)` if there is no such run.
    pub fn plan_at(&self, id: RunId, revision: u32) -> Result<Option<Arc<Plan>>, LoadError> {
        match self.base_plan_at(id, revision)? {
            Some(plan) if plan.is_code() && revision > 0 => {
                crate::code::plan_at(self, id, &plan, revision).map(Some)
            }
            plan => Ok(plan),
        }
    }

    /// As [`plan_at`](Self::plan_at), without the calls of a function.
    fn base_plan_at(&self, id: RunId, revision: u32) -> Result<Option<Arc<Plan>>, LoadError> {
        let (from, to) = (migration_key(id, 0), migration_key(id, revision));
        let end = [&to[..], &[0]].concat();
        let rows = self.log.rows(MIGRATIONS, &from, &end, usize::MAX)?;
        if let Some((_, hash)) = rows.last() {
            let hash = hash.as_slice().try_into().map(DefinitionHash);
            return self.plan(hash.unwrap_or_default()).map(Some);
        }
        Ok(self.beginning(id)?.map(|(plan, _)| plan))
    }

    /// Reads the events of a run from `from` on, at most about `events_max`.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn history(
        &self,
        id: RunId,
        from: u32,
        events_max: usize,
    ) -> Result<Vec<Recorded>, LoadError> {
        let mut events = Vec::new();
        let mut next = from;
        while events.len() < events_max {
            let frames =
                self.log.read_stream(stream(id), Revision(next), FRAMES_MAX.min(events_max))?;
            let Some(last) = frames.last() else { break };
            next = last.next_revision().0;
            for frame in &frames {
                let found = events_of(frame)?.into_iter().filter(|event| event.revision >= from);
                events.extend(found.map(|recorded| self.reveal_all(id, recorded)));
            }
        }
        events.truncate(events_max);
        Ok(events)
    }

    /// Calls `visit` with each frame of a run from `from` on.
    ///
    /// # Errors
    /// [`LoadError`], also from `visit`.
    pub fn each_frame(
        &self,
        id: RunId,
        from: Revision,
        mut visit: impl FnMut(&Frame) -> Result<(), LoadError>,
    ) -> Result<(), LoadError> {
        let mut next = from;
        loop {
            let frames = self.log.read_stream(stream(id), next, FRAMES_MAX)?;
            let Some(last) = frames.last() else { return Ok(()) };
            next = last.next_revision();
            frames.iter().try_for_each(&mut visit)?;
            if frames.len() < FRAMES_MAX {
                return Ok(());
            }
        }
    }

    /// How many steps wait for an event of this name.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn event_waiters(&self, event: &str) -> Result<usize, LoadError> {
        Ok(crate::events::waiters(&*self.log, event)?.len())
    }

    /// Reads payloads that are stored beside the events.
    ///
    /// # Errors
    /// [`LoadError`] if one is missing or damaged.
    pub fn payloads(&self, hashes: &[PayloadHash]) -> Result<Vec<NewPayload>, LoadError> {
        hashes.iter().map(|hash| Ok((*hash, self.stored(hash)?))).collect()
    }

    /// The bytes of a payload; outputs in chunks are put together to JSON.
    ///
    /// # Errors
    /// [`LoadError`] if they are missing or damaged.
    pub fn bytes(&self, payload: &Payload) -> Result<Arc<[u8]>, LoadError> {
        match payload {
            Payload::Null => Ok(Arc::from(*b"null")),
            Payload::Inline(_, bytes) => Ok(Arc::clone(bytes)),
            Payload::Stored(ContentType::Chunks, hash, _) => self.assembled(hash),
            Payload::Stored(_, hash, _) => self.stored(hash),
        }
    }

    fn assembled(&self, list: &PayloadHash) -> Result<Arc<[u8]>, LoadError> {
        let list = self.stored(list)?;
        let mut found: HashMap<PayloadHash, Arc<[u8]>> = HashMap::new();
        loop {
            match assemble(&list, |hash| found.get(hash).map(|bytes| &**bytes)) {
                Assembled::Json(json) => return Ok(json.into()),
                Assembled::Needs(needs) => found.extend(self.payloads(&needs)?),
                Assembled::Damaged => return Err(ReadError::Payload.into()),
            }
        }
    }

    fn stored(&self, hash: &PayloadHash) -> Result<Arc<[u8]>, LoadError> {
        if let Some(noted) = &self.noted {
            noted.lock().unwrap_or_else(PoisonError::into_inner).insert(*hash);
        }
        self.open(self.log.payload(&hash.0)?.ok_or(ReadError::Payload)?.into())
    }
}

/// The events of a frame.
///
/// # Errors
/// [`LoadError::Event`] if a record is not understood.
pub fn events_of(frame: &Frame) -> Result<Vec<Recorded>, LoadError> {
    let records = frame.records.iter().zip(0u32..);
    let event = |(record, at): (nexus_log::Record<'_>, u32)| {
        let revision = frame.revision.0 + at;
        let header = Header { kind: record.kind, version: record.version, flags: record.flags };
        let (event, given) = codec::decode(header, record.body, frame.time_us)
            .map_err(|source| LoadError::Event { revision, source })?;
        let position = frame.position.0 + u64::from(at);
        Ok(Recorded { revision, position, time: Timestamp(frame.time_us), given, event })
    };
    records.map(event).collect()
}
