//! Runs: the folded state of one execution.
//!
//! Invariants:
//! * Everything here follows from the events; [`Run::set_step`] is the only place where a step changes, and it keeps the
//!   indexes (`open_needs`, `ready`, `running`, counts, those of undoing) in step with it.
//! * A step is ready exactly if it waits, has no open need, and was not settled by `decide`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

mod calls;
mod first_ok;
mod functions;
mod holds;
mod items;
mod loops;
mod moved;
mod signals;
mod slots;

pub use calls::LastCall;
pub use holds::Holds;
pub(crate) use items::ItemsChange;
pub use items::{ITEMS_PER_CHUNK, ItemOutcome, ItemRun, ItemState, ItemsRun, StoredOutputs};
pub use loops::Loop;
pub use signals::{KeptSignal, Signals};
pub use slots::{Hold, Slot, Slots};

use crate::code::CodeRun;
use crate::event::{Awaited, Failure, RunStarted};
use crate::id::{Attempt, ItemIndex, StepIndex, TimerId};
use crate::payload::Payload;
use crate::plan::Plan;
use crate::time::Timestamp;

mod undo;

pub use undo::{ItemsUndo, StepUndo, UndoState};

/// Updates whose ids a run remembers.
pub const UPDATE_IDS_MAX: usize = 1_000;

/// The state of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// How it began; `None` before the first event.
    pub started: Option<Box<RunStarted>>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Where it stands.
    pub status: RunStatus,
    /// Whether nothing goes on until the run is resumed.
    pub paused: bool,
    /// What is kept from going on beside that.
    pub holds: Holds,
    /// Timers that are set.
    pub timers: BTreeMap<TimerId, Timer>,
    /// The number of the next timer.
    pub next_timer: TimerId,
    /// How many events were folded: the revision of the next one.
    pub revision: u32,
    /// Whether the key of its values was deleted.
    pub forgotten: bool,
    /// Signals that came.
    pub signals: Signals,
    /// The ids of the last [`UPDATE_IDS_MAX`] updates that were accepted, with the revisions of the events that say so.
    pub updates: BTreeMap<String, u32>,
    /// The last run that each step has called.
    pub calls: BTreeMap<StepIndex, LastCall>,
    /// Whether the run that called this one is paused.
    pub parent_paused: bool,
    /// What it knows of its function, if its steps are the calls of one.
    pub code: Option<Box<CodeRun>>,
    items: items::AllItems,
    /// Loops that have gone back, by step.
    pub loops: BTreeMap<StepIndex, Loop>,
    /// Slots of limits that it holds or waits for.
    pub slots: Slots,
    /// How far the attempts of steps that have not completed said they are.
    pub progress: BTreeMap<StepIndex, Payload>,
    /// Steps that have to start in time, with the timers that say so.
    pub queued: BTreeMap<StepIndex, TimerId>,
    /// The highest attempt that was made under a number by a step that had it in an earlier definition.
    pub passed: BTreeMap<StepIndex, u32>,
    steps: Vec<StepRun>,
    open_needs: Vec<u32>,
    /// How many needs have completed, of steps that begin at the first.
    first_ok: BTreeMap<StepIndex, u32>,
    ready: BTreeSet<StepIndex>,
    running: BTreeSet<StepIndex>,
    awaiting: BTreeSet<StepIndex>,
    calling: BTreeSet<StepIndex>,
    open: u32,
    undo: undo::Undoing,
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// Steps run, wait or sleep.
    Running,
    /// It will fail once what runs has stopped.
    Failing {
        /// Why.
        failure: Failure,
        /// The step it failed at; `None`: the run's timeout.
        step: Option<StepIndex>,
    },
    /// It will be cancelled once what runs has stopped.
    Cancelling {
        /// Why.
        reason: String,
    },
    /// It ended well.
    Completed {
        /// Its output.
        output: Payload,
    },
    /// It ended badly.
    Failed {
        /// Why.
        failure: Failure,
        /// The step it failed at.
        step: Option<StepIndex>,
    },
    /// It was ended on request.
    Cancelled {
        /// Why.
        reason: String,
    },
}

/// A step of a run: its state, and the numbers that outlive a change of state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRun {
    /// Where it stands.
    pub state: StepState,
    /// The last attempt number used, 0 before the first.
    pub attempt: Attempt,
    /// Attempts up to this number do not count against `max_attempts` (they were before a `retry` of the run).
    pub attempts_forgiven: u32,
    /// The deadline timer, while one is set.
    pub deadline: Option<TimerId>,
    /// When its first attempt was started.
    pub started_at: Option<Timestamp>,
    /// When it settled.
    pub settled_at: Option<Timestamp>,
    /// Its undo, once the run has begun to undo what it did.
    pub undo: Option<Box<StepUndo>>,
}

/// Where a step stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StepState {
    /// For needs, or for room to start.
    #[default]
    Waiting,
    /// A handler is at work, or should be.
    Running {
        /// The attempt.
        attempt: Attempt,
        /// Its rendered input; `None`: the plan's literal.
        input: Option<Payload>,
        /// How often this attempt was cut off by the end of a process (orderly ends do not count).
        interruptions: u32,
        /// Whether an execution of this attempt was cut off at all.
        may_repeat: bool,
        /// Whether no handler is at work for it: it was cut off, and its resumption is not recorded yet.
        rests: bool,
        /// When the attempt was recorded as started.
        since: Timestamp,
        /// Set when it was told to stop; the failure it then ends with, unless the run ends (`Failure::default()`).
        stopping: Option<Failure>,
    },
    /// Until a timer.
    Sleeping {
        /// The timer.
        timer: TimerId,
        /// When.
        until: Timestamp,
    },
    /// For something from outside.
    Awaiting {
        /// For what.
        what: Awaited,
        /// The timer that ends the waiting, and when.
        timer: Option<(TimerId, Timestamp)>,
    },
    /// For the end of a called run.
    Calling {
        /// Which of the runs this step has called.
        number: u32,
        /// Its rendered input; `None`: the plan's literal.
        input: Option<Payload>,
        /// The timer that ends this attempt, and when.
        timer: Option<(TimerId, Timestamp)>,
        /// Set when it was told to end; the failure the step then ends with, unless the run ends (`Failure::default()`).
        stopping: Option<Failure>,
    },
    /// It goes through its items, see [`Run::items`].
    Iterating,
    /// For the next attempt.
    Retrying {
        /// The number of the next attempt.
        attempt: Attempt,
        /// The timer that starts it; `None`: the timer has fired and it waits for room.
        timer: Option<TimerId>,
        /// When.
        at: Timestamp,
        /// How the last attempt failed.
        failure: Failure,
    },
    /// Done.
    Completed {
        /// Its output.
        output: Payload,
    },
    /// Failed for good.
    Failed {
        /// Why.
        failure: Failure,
        /// Whether the run goes on all the same.
        continued: bool,
    },
    /// Its condition was false, or it is not on the way that a router has chosen.
    Skipped {
        /// The expression and the values it saw; empty if a router has chosen another way.
        reason: String,
        /// The router.
        router: Option<StepIndex>,
    },
    /// It does not run, because of how its needs ended or because the run ended.
    NotReached,
    /// Ended before it was done, because the run ends.
    Cancelled,
}

/// A timer that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When it is due.
    pub due: Timestamp,
    /// What it is for.
    pub purpose: TimerPurpose,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerPurpose {
    /// Ends the run.
    RunTimeout,
    /// Ends a sleep.
    Sleep(StepIndex),
    /// Ends the waiting for something from outside.
    Wait(StepIndex),
    /// Starts the next attempt.
    Retry(StepIndex),
    /// Ends all attempts of a step.
    Deadline(StepIndex),
    /// Starts the next attempt of an item.
    ItemRetry(StepIndex, ItemIndex),
    /// Ends the waiting for the first attempt of a step to start.
    Start(StepIndex),
    /// Starts the next attempt to undo a step.
    Undo(StepIndex),
}

impl StepState {
    /// Whether it will not change any more (unless the run is retried).
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Waiting
            | Self::Running { .. }
            | Self::Sleeping { .. }
            | Self::Awaiting { .. }
            | Self::Calling { .. }
            | Self::Iterating
            | Self::Retrying { .. } => false,
            Self::Completed { .. }
            | Self::Failed { .. }
            | Self::Skipped { .. }
            | Self::NotReached
            | Self::Cancelled => true,
        }
    }

    /// Whether handlers are at work for it, or may be.
    pub fn is_at_work(&self) -> bool {
        matches!(self, Self::Running { .. } | Self::Iterating)
    }

    /// Whether its successors may run as if it had done its work.
    pub fn is_ok(&self) -> bool {
        match self {
            Self::Completed { .. } | Self::Skipped { .. } => true,
            Self::Failed { continued, .. } => *continued,
            Self::Waiting
            | Self::Running { .. }
            | Self::Sleeping { .. }
            | Self::Awaiting { .. }
            | Self::Calling { .. }
            | Self::Iterating
            | Self::Retrying { .. }
            | Self::NotReached
            | Self::Cancelled => false,
        }
    }

    /// Whether it has ended so that nothing may run as if it had done its work.
    pub fn ended_badly(&self) -> bool {
        self.is_settled() && !self.is_ok()
    }

    /// What it brought, if it has completed.
    pub fn output(&self) -> Option<&Payload> {
        if let Self::Completed { output } = self { Some(output) } else { None }
    }

    /// The word for it, as expressions and people see it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "pending",
            Self::Running { .. } | Self::Iterating => "running",
            Self::Sleeping { .. } => "sleeping",
            Self::Awaiting { .. } | Self::Calling { .. } => "waiting",
            Self::Retrying { .. } => "retrying",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
            Self::NotReached => "not reached",
            Self::Cancelled => "cancelled",
        }
    }

    fn is_startable(&self) -> bool {
        matches!(self, Self::Waiting | Self::Retrying { timer: None, .. })
    }
}

impl RunStatus {
    /// Whether the run has ended.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Running | Self::Failing { .. } | Self::Cancelling { .. } => false,
            Self::Completed { .. } | Self::Failed { .. } | Self::Cancelled { .. } => true,
        }
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Failing { .. } => "failing",
            Self::Cancelling { .. } => "cancelling",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
        }
    }
}

impl Run {
    /// The state before the first event.
    pub fn new(plan: &Plan) -> Self {
        let count = plan.step_count();
        let open_needs: Vec<u32> = plan.steps().map(|step| plan.needs_count(step)).collect();
        let ready = plan.steps().filter(|step| open_needs.get(step.at()) == Some(&0)).collect();
        Self {
            started: None,
            started_at: Timestamp::default(),
            ended_at: None,
            status: RunStatus::Running,
            paused: false,
            holds: Holds::default(),
            forgotten: false,
            timers: BTreeMap::new(),
            next_timer: TimerId(1),
            revision: 0,
            signals: Signals::default(),
            updates: BTreeMap::new(),
            calls: BTreeMap::new(),
            parent_paused: false,
            code: plan.is_code().then(Box::default),
            items: items::AllItems::default(),
            loops: BTreeMap::new(),
            slots: Slots::default(),
            progress: BTreeMap::new(),
            queued: BTreeMap::new(),
            passed: BTreeMap::new(),
            steps: vec![StepRun::default(); count as usize],
            open_needs,
            first_ok: BTreeMap::new(),
            ready,
            running: BTreeSet::new(),
            awaiting: BTreeSet::new(),
            calling: BTreeSet::new(),
            open: count,
            undo: undo::Undoing::default(),
        }
    }

    /// Where `step` stands.
    ///
    /// # Panics
    /// If the plan of this run has no such step; events are checked against the plan when they are read.
    pub fn step(&self, step: StepIndex) -> &StepState {
        &self.step_run(step).state
    }

    /// `step` with its numbers.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    pub fn step_run(&self, step: StepIndex) -> &StepRun {
        self.steps.get(step.at()).expect("a step of this run's plan")
    }

    /// All steps in order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = (StepIndex, &StepRun)> {
        self.steps
            .iter()
            .enumerate()
            .map(|(at, step)| (StepIndex(u32::try_from(at).unwrap_or(u32::MAX)), step))
    }

    /// Steps that could be started now, in order.
    pub fn ready(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.startable().iter().copied()
    }

    /// The first step after `after` that could be started now and is not paused.
    pub(crate) fn ready_after(&self, after: Option<StepIndex>) -> Option<StepIndex> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut startable = self.startable().range((from, Bound::Unbounded));
        startable.find(|step| !self.holds.steps.contains(step)).copied()
    }

    /// Steps with an attempt of theirs or of their undo under way, in order.
    pub fn running(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.running.iter().copied()
    }

    /// Steps that wait for something from outside, in order.
    pub fn awaiting(&self) -> impl Iterator<Item = StepIndex> + '_ {
        self.awaiting.iter().copied()
    }

    /// How many attempts are under way, of steps and of items.
    pub fn running_count(&self) -> usize {
        self.running.len() + self.running_items() as usize
    }

    /// Whether some step or item could be started now.
    pub fn has_ready(&self) -> bool {
        let some = !self.startable().is_empty() || self.steps_with_ready_items().next().is_some();
        some && !self.is_held_back()
    }

    /// How many steps have not settled.
    pub fn open_count(&self) -> u32 {
        self.open
    }

    /// How many needs of `step` have not settled.
    pub fn open_needs(&self, step: StepIndex) -> u32 {
        self.open_needs.get(step.at()).copied().unwrap_or(0)
    }

    /// Whether the needs of `step` are far enough for it to be looked at: all have settled, or one has completed and that is
    /// enough.
    pub fn needs_met(&self, step: StepIndex) -> bool {
        self.open_needs(step) == 0 || self.first_ok.contains_key(&step)
    }

    /// Whether no engine is needed until a timer fires or somebody asks for something: nothing runs and nothing can start.
    /// A run that a pause of the store holds is not parked: it goes on without being asked once that has ended.
    pub fn is_parked(&self) -> bool {
        self.is_at_rest() && !self.slots.wait() && self.holds.by_store.is_empty()
            || self.status.is_terminal()
    }

    /// Whether nothing is going on with it, though it may wait for slots, or for the end of a pause.
    pub fn is_at_rest(&self) -> bool {
        self.running_count() == 0
            && !self.can_start()
            && !self.ends_a_call()
            && !self.asks_function()
            && self.reading_events().next().is_none()
    }

    /// Steps that wait for an event and were not offered yet what was emitted before, in order, with the revisions at which
    /// they began to wait.
    pub fn reading_events(&self) -> impl Iterator<Item = (StepIndex, u32, &str)> + '_ {
        self.awaiting().filter_map(|step| {
            let StepState::Awaiting { what: Awaited::Event { name, reads: Some(waiting) }, .. } =
                self.step(step)
            else {
                return None;
            };
            Some((step, *waiting, name.as_str()))
        })
    }

    /// Changes one step, and with it everything that follows from it. Returns what it was.
    ///
    /// # Panics
    /// As [`step`](Self::step).
    pub fn set_step(&mut self, plan: &Plan, step: StepIndex, next: StepRun) -> StepRun {
        let slot = self.steps.get_mut(step.at()).expect("a step of this run's plan");
        let before = std::mem::replace(slot, next);
        let (was, is) = (before.state.is_settled(), slot.state.is_settled());
        let completes = |state: &StepState| matches!(state, StepState::Completed { .. });
        let (had, has) = (completes(&before.state), completes(&slot.state));
        let (startable, runs) = (slot.state.is_startable(), slot.is_under_way());
        let awaits = matches!(slot.state, StepState::Awaiting { .. });
        let calls = matches!(slot.state, StepState::Calling { .. });
        if was != is {
            self.open = if is { self.open - 1 } else { self.open + 1 };
        }
        if was != is || had != has {
            for successor in plan.successors(step) {
                self.move_need(plan, successor, (was, is), (had, has));
            }
        }
        set_member(&mut self.running, step, runs);
        set_member(&mut self.awaiting, step, awaits);
        set_member(&mut self.calling, step, calls);
        let may_start = startable && self.needs_met(step) && !self.slots.blocks(step);
        set_member(&mut self.ready, step, may_start);
        self.follow_items(step);
        self.follow_undo(plan, step, before.has_open_undo());
        before
    }

    /// Changes what is held or waited for. Returns what it was.
    pub(crate) fn set_hold(&mut self, slot: Slot, next: Option<Hold>) -> Option<Hold> {
        let before = self.slots.set(slot, next);
        if let Some(step) = slot.step() {
            let startable = self.step(step).is_startable();
            let may_start = startable && self.needs_met(step) && !self.slots.blocks(step);
            set_member(&mut self.ready, step, may_start);
            if let Some(item) = slot.item() {
                self.follow_slot(step, item);
            }
        }
        before
    }

    /// Whether the run as a whole waits for a slot, so that none of its steps may start. A run that ends waits no longer.
    pub fn is_held_back(&self) -> bool {
        self.status == RunStatus::Running && self.slots.hold_back()
    }

    /// A need of `successor` was settled and is, had completed and has.
    fn move_need(
        &mut self,
        plan: &Plan,
        successor: StepIndex,
        (was, is): (bool, bool),
        (had, has): (bool, bool),
    ) {
        let Some(open) = self.open_needs.get_mut(successor.at()) else { return };
        *open = *open + u32::from(was) - u32::from(is);
        self.follow_first_ok(plan, successor, (had, has));
        let met = self.needs_met(successor);
        let startable =
            self.steps.get(successor.at()).is_some_and(|step| step.state.is_startable());
        let may_start = startable && met && !self.slots.blocks(successor);
        set_member(&mut self.ready, successor, may_start);
    }
}

fn set_member(set: &mut BTreeSet<StepIndex>, step: StepIndex, member: bool) {
    if member {
        set.insert(step);
    } else {
        set.remove(&step);
    }
}
