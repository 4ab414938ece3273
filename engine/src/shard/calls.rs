//! Calls between runs, as a shard sees them: what it wants done about the runs that its runs have called, and what those
//! that were called by others have to tell.

use std::path::{Path, PathBuf};

use nexus_log::Row;
use nexus_model::command::Command;
use nexus_model::decide::Transition;
use nexus_model::definition::StepKind;
use nexus_model::effect::Call;
use nexus_model::event::{ChildEnd, Event, Parent, child_name};
use nexus_model::id::{RunId, StepIndex};
use nexus_model::plan::Plan;
use nexus_model::run::{Run, RunStatus, StepState};

use super::Output;
use super::resident::Resident;
use crate::tables::call_row;

/// A run that another has called: it should be there, do what is wished, and its end should be told.
#[derive(Clone, Debug)]
pub struct RunCall {
    /// Who calls.
    pub parent: Parent,
    /// What.
    pub call: Call,
    /// Where its scripts work.
    pub folder: Option<PathBuf>,
}

/// The end of a run that another has called.
#[derive(Clone, Debug)]
pub struct ChildReport {
    /// Who called it.
    pub parent: Parent,
    /// Its id.
    pub run: RunId,
    /// Its name.
    pub child: String,
    /// Whether it is encrypted: then its values have to be opened before they are told.
    pub encrypted: bool,
    /// How many events it has.
    pub revision: u32,
    /// How it ended.
    pub ended: ChildEnd,
}

impl ChildReport {
    /// What a run that has ended tells the one that called it; `None` if none did, or it goes on.
    pub(crate) fn of(run: &Run) -> Option<Self> {
        let started = run.started.as_ref()?;
        // What was undone is not gone on with.
        let goes_on = run.undone().next().is_none();
        let ended = match &run.status {
            RunStatus::Completed { output } => ChildEnd::Completed { output: output.clone() },
            RunStatus::Failed { failure, .. } => {
                ChildEnd::Failed { failure: failure.clone(), goes_on }
            }
            RunStatus::Cancelled { reason } => {
                ChildEnd::Cancelled { reason: reason.clone(), goes_on }
            }
            RunStatus::Running | RunStatus::Failing { .. } | RunStatus::Cancelling { .. } => {
                return None;
            }
        };
        let (parent, child) = (started.parent.clone()?, started.name.clone());
        let (run, revision) = (started.run, run.revision);
        Some(Self { parent, run, child, encrypted: false, revision, ended })
    }

    /// As a request to the run that called.
    pub(crate) fn command(self) -> Command {
        let Self { parent, child, revision, ended, run: _, encrypted: _ } = self;
        Command::EndChild { step: parent.step, child, revision, ended }
    }
}

impl Resident {
    /// What this run tells the one that called it; `None` if none did, or it goes on.
    fn told(&self) -> Option<Output> {
        let told = ChildReport::of(&self.run)?;
        Some(Output::ChildEnded(Box::new(ChildReport { encrypted: self.vault.is_some(), ..told })))
    }

    /// That the run has ended: to those who wait for it, and to the run that called it.
    pub(super) fn tell_end(&self, run: RunId) -> Vec<Output> {
        let ended = Output::Ended(run, self.run.status.clone());
        std::iter::once(ended).chain(self.told()).collect()
    }

    /// What is to be done about the runs that this one has called.
    pub(super) fn calls(&self, run: RunId) -> impl Iterator<Item = Output> {
        let effects = self
            .run
            .calling()
            .filter_map(|step| nexus_model::effect::pending_for(&self.plan, &self.run, step));
        effects.filter_map(move |effect| match effect {
            nexus_model::effect::Effect::Call(call) => Some(self.call(run, call)),
            nexus_model::effect::Effect::RunAttempt(_)
            | nexus_model::effect::Effect::ResumeAttempt { .. }
            | nexus_model::effect::Effect::ReadEvents(_)
            | nexus_model::effect::Effect::StopAttempt { .. } => None,
        })
    }

    /// What is to be done about one of them.
    pub(super) fn call(&self, run: RunId, call: Call) -> Output {
        let started = self.run.started.as_deref();
        let name = started.map(|started| started.name.clone()).unwrap_or_default();
        let folder = started
            .filter(|started| !started.folder.is_empty())
            .map(|started| folder(&self.plan, call.step, Path::new(&started.folder)));
        let parent = Parent { run, name, step: call.step };
        Output::Call(Box::new(RunCall { parent, call, folder }))
    }
}

/// Where scripts of a called workflow work: beside its file.
fn folder(plan: &Plan, step: StepIndex, of_parent: &Path) -> PathBuf {
    let kind = plan.step_definition(step).map(|step| &step.kind);
    let file = match kind {
        Some(StepKind::Call { workflow, .. }) if nexus_model::definition::is_file(workflow) => {
            workflow
        }
        _ => return of_parent.to_owned(),
    };
    match Path::new(file).parent() {
        Some(beside) if beside != Path::new("") && beside != Path::new(".") => {
            of_parent.join(beside)
        }
        Some(_) | None => of_parent.to_owned(),
    }
}

/// The rows of calls that a transition changes. `run` is the state after it.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other event begins or ends a call")]
pub(super) fn rows<'t>(
    plan: &'t Plan,
    id: RunId,
    run: &'t Run,
    transition: &'t Transition,
) -> impl Iterator<Item = Row> + 't {
    let name = run.started.as_ref().map_or("", |started| started.name.as_str());
    transition.events.iter().filter_map(move |event| match event {
        Event::StepCalled { step, .. } | Event::ChildEnded { step, .. } => {
            let child = match run.step(*step) {
                StepState::Calling { number, .. } => {
                    Some(child_name(name, plan.id(*step), *number))
                }
                _ => None,
            };
            Some(call_row(id, *step, child.as_deref()))
        }
        _ => None,
    })
}
