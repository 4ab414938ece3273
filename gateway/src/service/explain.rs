//! `explain`: why a run does not move, or what it is doing.

mod causes;
mod function;
mod held_back;
mod missing_code;
#[cfg(test)]
mod tests;

use nexus_engine::model::decide::check_retry;
use nexus_engine::model::id::StepIndex;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::{Run, RunStatus};
use nexus_engine::model::time::Timestamp;

use super::Service;
use super::show::standing::Standing;
use super::show::time;
use crate::api::{ExplainView, Problem, StepReason};

/// How many called runs are looked at.
const CALLS_MAX: usize = 5;
/// How many steps are explained.
const STEPS_MAX: usize = 50;

impl Service {
    /// Why a run stands where it stands, computed from the log.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, or it cannot be read.
    pub async fn explain(&self, name: &str) -> Result<ExplainView, Problem> {
        let (id, name) = match self.resolve(name).await {
            Ok(found) => found,
            Err(problem) => return self.explain_start(name, problem).await,
        };
        let (plan, run) = self.load(id, &name).await?;
        let last = run.revision.saturating_sub(1);
        let last = self.read(move |loader| loader.history(id, last, 1)).await?;
        let recorded_at = last.last().map_or(run.started_at, |recorded| recorded.time);
        let (now, driven) = (self.handle().clock().now(), self.drives_it(&run));
        let standing = Standing { plan: &plan, run: &run, now, driven };
        let mut view = explain(&standing, name, recorded_at);
        view.limits = self.limited_by(&standing).await?;
        view.limits.extend(self.kept_back_by(&standing).await?);
        if let (Some(line), Some("slot" | "breaker")) =
            (held_back::in_one_line(&view.limits), view.waiting.as_ref().map(|on| on.on.as_str()))
        {
            view.why = line;
        }
        self.explain_held_back(&mut view).await?;
        self.explain_workers(&mut view, &plan, &run);
        function::explain(&mut view, &run, self.handle().function_trouble(id), driven);
        self.explain_missing_code(&mut view, (&plan, &run), driven).await;
        let calls: Vec<(String, String)> = run
            .calling()
            .take(CALLS_MAX)
            .filter_map(|step| Some((plan.id(step).to_owned(), standing.child(step)?)))
            .collect();
        for (step, child) in calls {
            self.explain_call(&mut view, &step, &child).await;
        }
        Ok(view)
    }
}

impl Service {
    /// Adds why a called run stands where it stands, and how to see more of it.
    async fn explain_call(&self, view: &mut ExplainView, step: &str, child: &str) {
        let why = match self.resolve(child).await {
            Ok((id, name)) if name == child => match self.load(id, &name).await {
                Ok((plan, run)) => {
                    let (now, driven) = (self.handle().clock().now(), self.drives_it(&run));
                    let standing = Standing { plan: &plan, run: &run, now, driven };
                    format!("{} ({})", standing.why(), standing.status())
                }
                Err(problem) => problem.message,
            },
            Ok(_) | Err(_) => "it is not started yet".to_owned(),
        };
        if let Some(reason) = view.steps.iter_mut().find(|reason| reason.step == step) {
            reason.why = format!("{}; {child}: {why}", reason.why);
        }
        view.commands.push(format!("nexus-engine explain {child}"));
    }
}

fn explain(standing: &Standing<'_>, id: String, recorded_at: Timestamp) -> ExplainView {
    let Standing { plan, run, now, .. } = *standing;
    let since = run.ended_at.unwrap_or(run.started_at);
    let at = standing.at();
    let reason = |step: &StepIndex| StepReason {
        step: plan.id(*step).to_owned(),
        status: standing.step_status(*step).to_owned(),
        why: standing.step_why(*step),
    };
    ExplainView {
        kind: "explain/v1".into(),
        workflow: plan.definition().name.clone(),
        status: standing.status().into(),
        forgotten: run.forgotten,
        why: standing.why(),
        since: time(since),
        for_ms: now.ms_since(since),
        recorded_at: time(recorded_at),
        waiting: standing.waiting(),
        causes: causes::causes(standing, &id),
        steps: at.iter().take(STEPS_MAX).map(reason).collect(),
        limits: Vec::new(),
        then: then(plan, run, &at),
        commands: commands(standing, &id),
        id,
    }
}

/// The steps that come next: those that need a step the run is at.
fn then(plan: &Plan, run: &Run, at: &[StepIndex]) -> Vec<String> {
    if run.status.is_terminal() {
        return Vec::new();
    }
    let mut next: Vec<StepIndex> = at.iter().flat_map(|step| plan.successors(*step)).collect();
    next.sort_unstable();
    next.dedup();
    let waits = |step: &StepIndex| !run.step(*step).is_settled() && !run.needs_met(*step);
    next.into_iter().filter(waits).take(STEPS_MAX).map(|step| plan.id(step).to_owned()).collect()
}

/// What can be done.
fn commands(standing: &Standing<'_>, name: &str) -> Vec<String> {
    let all = |verbs: &[&str]| -> Vec<String> {
        verbs.iter().map(|verb| format!("nexus-engine {verb} {name}")).collect()
    };
    if standing.run.forgotten {
        return all(&["history", "replay"]);
    }
    match &standing.run.status {
        RunStatus::Completed { .. } => all(&["get", "replay"]),
        RunStatus::Failed { .. } | RunStatus::Cancelled { .. }
            if check_retry(standing.plan, standing.run).is_err() =>
        {
            all(&["get", "logs"])
        }
        RunStatus::Failed { .. } | RunStatus::Cancelled { .. } => all(&["logs", "retry"]),
        RunStatus::Running if standing.run.parent_paused && !standing.run.paused => {
            all(&["cancel"])
        }
        RunStatus::Running if standing.run.paused || !standing.driven => all(&["resume", "cancel"]),
        RunStatus::Running if standing.run.is_held() => {
            vec!["nexus-engine pause --list".to_owned(), format!("nexus-engine cancel {name}")]
        }
        RunStatus::Running if !standing.run.holds.steps.is_empty() => {
            let steps = standing.run.holds.steps.iter().take(STEPS_MAX);
            let resume = |step: &StepIndex| {
                format!("nexus-engine resume {name} --step {}", standing.plan.id(*step))
            };
            steps.map(resume).chain(all(&["cancel"])).collect()
        }
        RunStatus::Running => {
            let asking = standing.asking().take(STEPS_MAX).flat_map(|step| {
                let (id, group) = (standing.plan.id(step), standing.deciding(step));
                ["approve", "reject"].map(|verb| format!("nexus-engine {verb} {name} {id}{group}"))
            });
            asking.chain(all(&["wait", "pause", "cancel"])).collect()
        }
        RunStatus::Failing { .. } | RunStatus::Cancelling { .. }
            if standing.run.failed_undos().next().is_some() =>
        {
            let give_up = format!("nexus-engine cancel {name} --no-undo");
            let resume: &[&str] =
                if standing.driven || standing.is_stuck() { &[] } else { &["resume"] };
            all(resume).into_iter().chain(all(&["retry"])).chain([give_up]).collect()
        }
        RunStatus::Failing { .. } | RunStatus::Cancelling { .. } if !standing.driven => {
            all(&["resume"])
        }
        RunStatus::Failing { .. } | RunStatus::Cancelling { .. } => all(&["wait"]),
    }
}
