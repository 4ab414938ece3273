//! Control: an engine in this process or in another one, asked in the same words.

use std::time::Duration;

use serde_json::Value;

use crate::api::Raw;
use crate::api::WorkersView;
use crate::api::{
    Act, Acted, ApprovalAnswer, ApprovalsPage, AuditFilter, AuditPage, DecidedView, ExplainView,
    GraphView, HistoryPage, InboxFilter, LogPage, PauseStore, PausesView, Problem, RebuildView,
    ReplayView, RunPage, RunView, RunsFilter, SendSignal, SignalView, StartRun, StartedRun, Status,
    VerifyView,
};
use crate::api::{
    BackfillSchedule, BackfillView, EmitEvent, EmittedView, PutSchedule, ScheduleActed,
    SchedulePage, ScheduleView, SetTriggers, TopicPage, TriggersActed,
};
use crate::api::{BreakerPage, BreakerView};
use crate::api::{
    CompareDefinitions, DefinitionView, DiffView, MigrateRuns, MigrationView, PublishVersion,
    RollBack, VersionActed, WorkflowPage, WorkflowView,
};
use crate::api::{LimitPage, LimitView, SetLimit};
use crate::api::{QueriesView, QueryView};
use crate::api::{SendUpdate, UpdateView};
use crate::api::{StartActed, StartPage, StartView};
use crate::{Client, Follow, Service};

/// An engine to ask. Cheap to clone.
#[derive(Clone)]
pub enum Control {
    /// In this process.
    Here(Service),
    /// In another process that holds the store.
    There(Client),
}

/// Writes each request once for both.
macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl Control {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// A [`Problem`], as [`Service`] says; also if the other process cannot be reached.
                pub async fn $name(&self, $($argument: $kind),*) -> Result<$answer, Problem> {
                    match self {
                        Self::Here(service) => service.$name($($argument),*).await,
                        Self::There(client) => client.$name($($argument),*).await,
                    }
                }
            )*
        }
    };
}

requests! {
    /// What holds the store.
    status() -> Status;
    /// Starts a run; the same name with the same workflow and input answers with the existing run.
    start(request: StartRun) -> StartedRun;
    /// Runs, newest first.
    list(filter: RunsFilter) -> RunPage;
    /// A run in full.
    get(name: &str) -> RunView;
    /// The whole output of a run, or of one of its steps.
    output(name: &str, step: Option<&str>) -> Value;
    /// A binary value in the output of a run, or of one of its steps.
    raw(name: &str, step: Option<&str>, path: Option<&str>) -> Raw;
    /// The events of a run from number `from` on, at most `limit` (0: 1,000).
    history(name: &str, from: u32, limit: u32) -> HistoryPage;
    /// The events of a run from number `from` on, and then those that come, until the run ends.
    follow(name: &str, from: u32) -> Follow;
    /// What the steps of a run printed, or one of them.
    logs(name: &str, step: Option<&str>) -> LogPage;
    /// Starts nothing new in a run until it is resumed.
    pause(name: &str, act: Act) -> Acted;
    /// Starts nothing new of a step until it is resumed.
    pause_step(name: &str, step: &str, act: Act) -> Acted;
    /// Ends the pause of a step.
    resume_step(name: &str, step: &str, act: Act) -> Acted;
    /// Ends a pause.
    resume(name: &str, act: Act) -> Acted;
    /// Ends a run: what runs is stopped, nothing new is started.
    cancel(name: &str, act: Act) -> Acted;
    /// Continues a failed or cancelled run with the steps that did not complete.
    retry(name: &str, act: Act) -> Acted;
    /// Makes the values of an encrypted run unreadable.
    forget(name: &str, act: Act) -> Acted;
    /// Tells a run something.
    signal(name: &str, signal: &str, request: SendSignal) -> SignalView;
    /// Has a step of a run take an update, and answers when that is durable.
    update(name: &str, update: &str, request: SendUpdate) -> UpdateView;
    /// What all queries say of a run.
    queries(name: &str) -> QueriesView;
    /// What the query of this name says of a run.
    query(name: &str, query: &str) -> QueryView;
    /// Approves what a step asks.
    approve(name: &str, answer: ApprovalAnswer) -> DecidedView;
    /// Rejects what a step asks.
    reject(name: &str, answer: ApprovalAnswer) -> DecidedView;
    /// What waits for the decision of a person.
    inbox(filter: InboxFilter) -> ApprovalsPage;
    /// Has the engine work on a run that was started before it was opened.
    drive(name: &str) -> Acted;
    /// Waits until a run has ended; a problem with exit code 8 if it is still going after `timeout`.
    wait(name: &str, timeout: Option<Duration>) -> RunView;
    /// Derives a run again and compares it with what is recorded, up to event `to`, or all of it.
    replay(name: &str, to: Option<u32>, with_state: bool) -> ReplayView;
    /// All limits, by name.
    limits() -> LimitPage;
    /// A limit.
    limit(name: &str) -> LimitView;
    /// Says what a limit allows from now on.
    set_limit(name: &str, request: SetLimit) -> LimitView;
    /// Emits an event for all who wait for it, and for the workflows it starts.
    emit(event: &str, request: EmitEvent) -> EmittedView;
    /// All events, by name.
    topics() -> TopicPage;
    /// Sets the triggers for events of a workflow.
    set_triggers(request: SetTriggers) -> TriggersActed;
    /// Deletes a trigger; runs that it started go on.
    delete_trigger(event: &str, name: &str, act: Act) -> TriggersActed;
    /// All circuit breakers, by target.
    breakers() -> BreakerPage;
    /// A circuit breaker.
    breaker(target: &str) -> BreakerView;
    /// Closes a circuit breaker: those who wait call at once.
    reset_breaker(target: &str, act: Act) -> BreakerView;
    /// The starts that have not led to a run yet, at most `limit` (0: 50).
    starts(limit: u32, after: Option<String>) -> StartPage;
    /// A start that has a key, by the name that its run has or will have.
    start_of(id: &str) -> StartView;
    /// Has a start that is kept not happen.
    cancel_start(id: &str, act: Act) -> StartActed;
    /// Why a run stands where it stands.
    explain(name: &str) -> ExplainView;
    /// The graph of a run, with the status of its steps.
    graph(name: &str) -> GraphView;
    /// The handlers that workers offer, and those that tasks wait for.
    workers() -> WorkersView;
    /// The pauses of the store.
    pauses() -> PausesView;
    /// Starts nothing new in the runs that are meant, also in those that are started later.
    pause_store(request: PauseStore) -> PausesView;
    /// Ends such a pause.
    resume_store(request: PauseStore) -> PausesView;
    /// All schedules, by name.
    schedules() -> SchedulePage;
    /// A schedule.
    schedule(name: &str) -> ScheduleView;
    /// Makes a schedule, or changes one.
    put_schedule(request: PutSchedule) -> ScheduleActed;
    /// Has a schedule start nothing until it is resumed.
    pause_schedule(name: &str, act: Act) -> ScheduleActed;
    /// Ends the pause of a schedule.
    resume_schedule(name: &str, act: Act) -> ScheduleActed;
    /// Deletes a schedule; runs that it started go on.
    delete_schedule(name: &str, act: Act) -> ScheduleActed;
    /// Has a schedule start a run now.
    trigger_schedule(name: &str, act: Act) -> ScheduleActed;
    /// Has a schedule start the runs of a stretch of the past that are missing.
    backfill_schedule(name: &str, request: BackfillSchedule) -> BackfillView;
    /// Makes a definition the current version of its workflow.
    publish(request: PublishVersion) -> VersionActed;
    /// All workflows that are published, by name.
    workflows() -> WorkflowPage;
    /// A workflow with all its versions, newest first.
    workflow(name: &str) -> WorkflowView;
    /// Makes a version current that was published before.
    roll_back(name: &str, request: RollBack) -> VersionActed;
    /// Has the open runs of a workflow go on with a version of it, those that can.
    migrate(name: &str, request: MigrateRuns) -> MigrationView;
    /// A definition by name, `NAME@3` or hash.
    definition(reference: &str) -> DefinitionView;
    /// What differs between two definitions, by meaning.
    compare(request: CompareDefinitions) -> DiffView;
    /// Who did what, newest first.
    audit(filter: AuditFilter) -> AuditPage;
    /// Checks the whole store.
    verify() -> VerifyView;
    /// Folds the views from the log again and compares.
    rebuild() -> RebuildView;
    /// The metrics, as Prometheus reads them.
    metrics() -> String;
}
