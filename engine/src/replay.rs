//! Replay: reads a run again and derives everything that was derived, without calling a handler or writing anything.

mod aggregates;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_log::{Frame, Revision};
use nexus_model::codec::state_hash;
use nexus_model::command::{ApprovalAnswer, Command, UpdateRequest};
use nexus_model::decide::{Context, Decision, decide};
use nexus_model::event::{Actor, Event, Given, ItemUndone, SlotAnswer, UpdateAccepted};
use nexus_model::evolve::{evolve, fits};
use nexus_model::id::{RunId, StateHash, StepIndex};
use nexus_model::migration::{MigrateRun, Target};
use nexus_model::payload::{NewPayload, Payload, PayloadHash};
use nexus_model::plan::Plan;
use nexus_model::run::{ItemState, Run, StepState, UndoState};
use nexus_model::vault::Vault;

use crate::loader::{LoadError, Loader, Recorded, events_of};

pub use aggregates::{AggregateReplay, replay_aggregate};

/// What a replay found.
#[derive(Debug)]
pub struct Replay {
    /// The run's plan.
    pub plan: Arc<Plan>,
    /// The state at the end of the replay.
    pub run: Run,
    /// How many events were folded.
    pub events: u32,
    /// Hash of the state at the end.
    pub state: StateHash,
    /// The hash the live engine recorded with the end of the run, if the replay reached it.
    pub recorded: Option<StateHash>,
    /// What the newest snapshot of the run says, if there is one and the replay passed it.
    pub snapshot: Option<Compared>,
    /// Where deriving again gave something else than what is recorded.
    pub differences: Vec<Difference>,
    /// Whether the run is forgotten: its events were folded and its state compared, but nothing was derived again.
    pub forgotten: bool,
    /// How long it took.
    pub took: Duration,
}

/// A place where the history and a second derivation part.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Revision of the first event that differs.
    pub revision: u32,
    /// What is recorded from there to the end of the transition.
    pub recorded: Vec<Event>,
    /// What was derived now.
    pub derived: Vec<Event>,
}

/// A snapshot compared with the state that was folded up to the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Events before the snapshot.
    pub revision: u32,
    /// Whether it is the same state.
    pub agrees: bool,
}

/// Why a run cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such run.
    #[error("there is no such run")]
    NotFound,
    /// It cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

impl Replay {
    /// Whether everything is as it was recorded.
    pub fn agrees(&self) -> bool {
        self.differences.is_empty()
            && self.recorded.is_none_or(|recorded| recorded == self.state)
            && self.snapshot.is_none_or(|snapshot| snapshot.agrees)
    }
}

/// Replays a run up to and including event number `to` (counted from 1), or whole.
///
/// # Errors
/// [`ReplayError`] if there is no such run, or it cannot be read.
pub fn replay(loader: &Loader, id: RunId, to: Option<u32>) -> Result<Replay, ReplayError> {
    let began = Instant::now();
    let mut again: Option<Again<'_>> = None;
    loader.each_frame(id, Revision(0), |frame| {
        let again = match &mut again {
            Some(again) => again,
            None => again.insert(Again::new(loader, id, frame, to)?),
        };
        again.frame(frame)?;
        again.compare_snapshot();
        Ok(())
    })?;
    let again = again.ok_or(ReplayError::NotFound)?;
    let state = state_hash(&again.plan, &again.run);
    Ok(Replay {
        events: again.run.revision,
        state,
        recorded: again.recorded,
        snapshot: again.compared,
        differences: again.differences,
        run: again.run,
        forgotten: again.forgotten,
        plan: again.plan,
        took: began.elapsed(),
    })
}

struct Again<'a> {
    loader: &'a Loader,
    plan: Arc<Plan>,
    run: Run,
    to: u32,
    recorded: Option<StateHash>,
    snapshot: Option<(Arc<Plan>, Run)>,
    compared: Option<Compared>,
    differences: Vec<Difference>,
    vault: Option<Arc<dyn Vault>>,
    forgotten: bool,
}

impl<'a> Again<'a> {
    /// Before the first frame, which says what the run begins with.
    fn new(
        loader: &'a Loader,
        id: RunId,
        first: &Frame,
        to: Option<u32>,
    ) -> Result<Self, LoadError> {
        let (plan, run) = loader.beginning_in(first)?;
        Ok(Self {
            loader,
            plan,
            run,
            to: to.unwrap_or(u32::MAX),
            recorded: None,
            snapshot: loader.snapshot(id),
            compared: None,
            differences: Vec::new(),
            vault: loader.vault(id)?,
            forgotten: loader.is_forgotten(id)?,
        })
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), LoadError> {
        let recorded = events_of(frame)?;
        let mut plan = Arc::clone(&self.plan);
        for Recorded { event, revision, .. } in &recorded {
            self.loader.follow_plan(&mut plan, event)?;
            if !fits(&plan, event) {
                return Err(LoadError::Misfit { revision: *revision });
            }
        }
        if frame.next_revision().0 > self.to {
            let to = self.to;
            return self.fold(recorded.into_iter().filter(|recorded| recorded.revision < to));
        }
        self.derive(recorded)
    }

    /// Compares the snapshot, once its place is reached.
    fn compare_snapshot(&mut self) {
        let (plan, run) = (&self.plan, &self.run);
        let reached = self.snapshot.take_if(|(_, snapshot)| snapshot.revision <= run.revision);
        if let Some((of, snapshot)) = reached {
            let agrees = snapshot.revision == run.revision
                && state_hash(&of, &snapshot) == state_hash(plan, run);
            self.compared = Some(Compared { revision: snapshot.revision, agrees });
        }
    }

    fn fold(&mut self, recorded: impl Iterator<Item = Recorded>) -> Result<(), LoadError> {
        for Recorded { event, time, .. } in recorded {
            self.recorded = recorded_hash(&event);
            self.loader.follow_plan(&mut self.plan, &event)?;
            evolve(&self.plan, &mut self.run, &event, time);
        }
        Ok(())
    }

    /// Asks `decide` again for the transition, and compares. The state goes on as recorded.
    fn derive(&mut self, recorded: Vec<Recorded>) -> Result<(), LoadError> {
        let outside = match recorded.first() {
            Some(first) => self.outside(first)?.zip(first.given),
            None => None,
        };
        let outside = outside.map(|(command, given)| (in_hold(command, &recorded), given));
        // Nothing can be derived again from values that nobody can read.
        let Some((command, given)) = outside.filter(|_| !self.forgotten) else {
            return self.fold(recorded.into_iter());
        };
        let derived = self.decide(&command, given, &recorded)?;
        if let Some(first) = recorded.first() {
            self.loader.follow_plan(&mut self.plan, &first.event)?;
        }
        let same = derived
            .iter()
            .zip(&recorded)
            .take_while(|(derived, recorded)| **derived == recorded.event)
            .count();
        if same == recorded.len() && same == derived.len() {
            self.recorded = recorded.last().and_then(|last| recorded_hash(&last.event));
            return Ok(());
        }
        // The state ran on with what was derived now: read it again from the beginning of the run, as recorded.
        let revision = recorded.first().map_or(0, |first| first.revision)
            + u32::try_from(same).unwrap_or(u32::MAX);
        self.differences.push(Difference {
            revision,
            recorded: recorded.iter().skip(same).map(|recorded| recorded.event.clone()).collect(),
            derived: derived.into_iter().skip(same).collect(),
        });
        self.read_again(recorded)
    }

    fn read_again(&mut self, recorded: Vec<Recorded>) -> Result<(), LoadError> {
        let Some(started) = self.run.started.as_deref() else { return Ok(()) };
        let (id, end) = (started.run, recorded.first().map_or(0, |first| first.revision));
        let Some((mut plan, mut run)) = self.loader.beginning(id)? else { return Ok(()) };
        self.loader.each_frame(id, Revision(0), |frame| {
            if frame.revision.0 < end {
                self.loader.fold_frame(&mut plan, &mut run, frame)?;
            }
            Ok(())
        })?;
        (self.plan, self.run) = (plan, run);
        self.fold(recorded.into_iter())
    }

    /// The command behind the first event of a transition.
    fn outside(&self, first: &Recorded) -> Result<Option<Command>, LoadError> {
        let Event::RunMigrated(migrated) = &first.event else {
            return Ok(command_of(&first.event));
        };
        let to = Target(self.loader.plan(migrated.definition)?);
        let (by, reason) = (migrated.by.clone(), migrated.reason.clone());
        let migrate = MigrateRun { to, by, reason, retries: migrated.retries };
        Ok(Some(Command::MigrateRun(Box::new(migrate))))
    }

    fn decide(
        &mut self,
        command: &Command,
        given: Given,
        recorded: &[Recorded],
    ) -> Result<Vec<Event>, LoadError> {
        let mut payloads: BTreeMap<PayloadHash, Arc<[u8]>> = BTreeMap::new();
        // The limit is the engine's configuration and not recorded: what happened says on which side of it each step was.
        let steps = recorded.iter().filter_map(|recorded| given_up(&recorded.event));
        let steps = steps.filter_map(|step| interruptions(&self.run, step));
        let items = recorded.iter().filter_map(|recorded| of_item(&self.run, &recorded.event));
        let interruptions_max = steps.chain(items).min().unwrap_or(u32::MAX);
        loop {
            let vault = self.vault.as_deref();
            let context = Context { given, payloads: &payloads, interruptions_max, vault };
            match decide(&self.plan, &mut self.run, command.clone(), context) {
                Ok(Decision::Happens(transition)) => return Ok(transition.events),
                Ok(Decision::Needs(hashes)) => {
                    let loaded: Vec<NewPayload> = self.loader.payloads(&hashes)?;
                    payloads.extend(loaded);
                }
                Err(_) => return Ok(Vec::new()),
            }
        }
    }
}

/// The step that failed because its attempts were cut off too often.
fn given_up(event: &Event) -> Option<StepIndex> {
    let (Event::StepFailed { step, failure, .. } | Event::UndoFailed { step, failure }) = event
    else {
        return None;
    };
    (failure.code == "NX3013").then_some(*step)
}

/// How often its attempt was cut off; of a step that failed because one of its items did, the item says it.
fn interruptions(run: &Run, step: StepIndex) -> Option<u32> {
    match (run.step(step), run.step_run(step).undo()) {
        (StepState::Running { interruptions, .. }, _)
        | (_, Some(UndoState::Running { interruptions, .. })) => Some(*interruptions),
        _ => None,
    }
}

/// How often the item was cut off that failed because of that.
fn of_item(run: &Run, event: &Event) -> Option<u32> {
    let Event::ItemFailed { step, item, failure, .. } = event else { return None };
    let item = run.items(*step)?.item(*item).filter(|_| failure.code == "NX3013")?;
    let ItemState::Running { interruptions, .. } = item.state else { return None };
    Some(interruptions)
}

fn recorded_hash(event: &Event) -> Option<StateHash> {
    let (Event::RunCompleted { state, .. }
    | Event::RunFailed { state, .. }
    | Event::RunCancelled { state }
    | Event::RunForgotten { state, .. }) = event
    else {
        return None;
    };
    Some(*state)
}

/// The command as it was asked: in a pause of the store, if the run was held in the same transition.
fn in_hold(command: Command, recorded: &[Recorded]) -> Command {
    let pauses = recorded.iter().skip(1).find_map(|recorded| {
        if let Event::RunHeld { pauses } = &recorded.event { Some(pauses.clone()) } else { None }
    });
    match pauses {
        Some(pauses) => Command::InHold { pauses, command: Box::new(command) },
        None => command,
    }
}

/// The command behind an event from outside.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other events are derived")]
fn command_of(event: &Event) -> Option<Command> {
    Some(match event.clone() {
        Event::RunStarted(mut started) => {
            started.timeout = None;
            Command::StartRun(started)
        }
        Event::StepCompleted { step, attempt, output, .. } => {
            Command::CompleteStep { step, attempt, output }
        }
        Event::ItemUndone(ItemUndone { step, attempt, .. })
        | Event::UndoCompleted { step, attempt, .. } => {
            Command::CompleteStep { step, attempt, output: Payload::Null }
        }
        Event::AttemptFailed { step, attempt, failure }
        | Event::UndoAttemptFailed { step, attempt, failure } => {
            Command::FailStep { step, attempt, failure }
        }
        Event::AttemptsInterrupted { attempts, how } => {
            Command::InterruptAttempts { attempts, how }
        }
        Event::ItemCompleted { step, item, attempt, output, .. } => {
            Command::CompleteItem { step, item, attempt, output }
        }
        Event::ItemAttemptFailed { step, item, attempt, failure } => {
            Command::FailItem { step, item, attempt, failure }
        }
        Event::ItemResumed { step, item, attempt } => Command::ResumeItem { step, item, attempt },
        Event::ItemsInterrupted { attempts, how } => Command::InterruptItems { attempts, how },
        Event::AttemptResumed { step, attempt } => Command::ResumeAttempt { step, attempt },
        Event::HeartbeatRecorded { step, attempt, progress } => {
            Command::RecordHeartbeat { step, attempt, progress }
        }
        Event::TimerFired { timer } => Command::FireTimer { timer },
        Event::RunPaused { by, reason } => Command::PauseRun { by, reason },
        Event::RunResumed { by } => Command::ResumeRun { by },
        Event::StepPaused { step, by, reason } => Command::PauseStep { step, by, reason },
        Event::StepResumed { step, by } => Command::ResumeStep { step, by },
        Event::RunHeld { pauses } => Command::HoldRun { pauses },
        Event::RunReleased => Command::ReleaseRun,
        Event::CancelRequested { by, reason } => Command::CancelRun { by, reason, undo: true },
        Event::UndoWaived { by, reason } => Command::CancelRun { by, reason, undo: false },
        Event::RunRetried { by, .. } | Event::UndoRetried { by } => Command::RetryRun { by },
        Event::RunForgotten { by, .. } => Command::ForgetRun { by },
        Event::SlotsOffered => Command::OfferSlots,
        Event::EventsRead { step } => Command::EventsRead { step, waiting: None },
        Event::SignalReceived { name, id, payload, by } => {
            Command::DeliverSignal { name, id, payload, by }
        }
        Event::UpdateAccepted(accepted) => {
            let UpdateAccepted { name, id, data, by, .. } = *accepted;
            Command::Update(Box::new(UpdateRequest { name, id, data, by }))
        }
        Event::ChildEnded { step, child, revision, ended } => {
            Command::EndChild { step, child, revision, ended }
        }
        Event::CallsMade(made) => Command::MakeCalls(made),
        Event::FunctionReturned(returned) => Command::ReturnFunction(returned),
        Event::ParentPaused => Command::FollowParent { paused: true },
        Event::ParentResumed => Command::FollowParent { paused: false },
        Event::ApprovalGranted { step, by, role, note, form } => {
            answer(step, true, by, &role, note, form)
        }
        Event::ApprovalRejected { step, by, role, note, form } => {
            answer(step, false, by, &role, note, form)
        }
        _ => return room_of(event),
    })
}

/// The command behind the answer of a limit or a breaker.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other events are derived")]
fn room_of(event: &Event) -> Option<Command> {
    Some(match *event {
        Event::StepSlotGranted(SlotAnswer { step, item, ticket }) => {
            Command::GrantSlot { step: Some(step), item, ticket }
        }
        Event::StepCallAllowed(SlotAnswer { step, item, ticket }) => {
            Command::AllowCall { step, item, ticket }
        }
        Event::StepCallRefused(SlotAnswer { step, item, ticket }) => {
            Command::RefuseCall { step, item, ticket }
        }
        Event::RunSlotGranted { ticket } => Command::GrantSlot { step: None, item: None, ticket },
        _ => return None,
    })
}

fn answer(
    step: StepIndex,
    approved: bool,
    by: Actor,
    role: &str,
    note: String,
    form: Payload,
) -> Command {
    // The entry that allowed it: a person by name, or one of the groups, which are all that counted.
    let group = role.strip_prefix("group:").unwrap_or(role).to_owned();
    let (of, groups) = (String::new(), vec![group]);
    let answer = ApprovalAnswer { of, approved, by, groups, note, form };
    Command::AnswerApproval { step, answer: Box::new(answer) }
}
