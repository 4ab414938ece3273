//! `approve`, `reject`: what people decide.

use nexus_engine::model::definition::{InputKind, StepKind};
use nexus_engine::model::event::{Actor, Event};
use nexus_engine::model::id::{RunId, StepIndex};
use nexus_engine::model::input;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::rejection::Rejection;
use nexus_engine::model::run::Run;
use nexus_engine::model::time::Timestamp;
use nexus_engine::shard::Refusal;
use nexus_engine::{ApprovalDecision, RequestError};
use serde_json::{Map, Value};

use super::Service;
use super::get::find_step;
use super::show;
use super::show::standing::Standing;
use crate::api::{ApprovalAnswer, DecidedView, Problem};
use crate::problems;

/// How many events are looked through for who decided before.
const EVENTS_MAX: u32 = 100_000;
/// How many of them are read at once.
const EVENTS: u32 = 1_000;
/// Longest name of a person or group, in characters.
const CHARS_MAX: usize = 128;

impl Service {
    /// Approves what a step asks.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run or step, or it does not wait for that, or this is nobody it asks, or the form
    /// does not fit.
    pub async fn approve(
        &self,
        name: &str,
        answer: ApprovalAnswer,
    ) -> Result<DecidedView, Problem> {
        self.decide(name, true, answer).await
    }

    /// Rejects what a step asks.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub async fn reject(&self, name: &str, answer: ApprovalAnswer) -> Result<DecidedView, Problem> {
        self.decide(name, false, answer).await
    }

    async fn decide(
        &self,
        name: &str,
        approved: bool,
        answer: ApprovalAnswer,
    ) -> Result<DecidedView, Problem> {
        check_names(&answer)?;
        let (run, name) = self.resolve_whole(name).await?;
        let (plan, state) = self.load(run, &name).await?;
        let step = match Self::meant(&plan, &state, &name, answer.step.as_deref()) {
            Ok(step) => step,
            Err(problem) => return Err(self.no_step(run, &plan, answer.step, problem).await?),
        };
        let id = plan.id(step).to_owned();
        let form = form(&plan, step, answer.form, &answer.texts)?;
        let by = show::actor(answer.by);
        let decision = ApprovalDecision {
            of: id.clone(),
            approved,
            by: by.clone(),
            groups: answer.groups,
            note: answer.note,
            form,
        };
        let answer = match self.handle().decide_approval(run, step, decision).await {
            Ok(answer) => answer,
            Err(RequestError::Refused(Refusal::Rejected(Rejection::AlreadyDecided { .. }))) => {
                let how = match self.past(run, &plan, &id).await? {
                    Some(how) => how,
                    None => self.earlier(run, step).await?,
                };
                return Err(problems::decided(&name, &id, &how));
            }
            Err(error) => {
                let problem = problems::request(&error, &name);
                return Err(Problem { step: Some(id), ..problem });
            }
        };
        self.note_driven(run);
        Ok(DecidedView {
            kind: "decided/v1".into(),
            id: name,
            step: id,
            approved,
            by: show::by(&by),
            revision: answer.revision,
        })
    }

    /// The step of this id, or the only one that asks.
    fn meant(plan: &Plan, run: &Run, name: &str, step: Option<&str>) -> Result<StepIndex, Problem> {
        if let Some(step) = step {
            return find_step(plan, name, step);
        }
        let standing = Standing { plan, run, now: Timestamp::default(), driven: true };
        let asking: Vec<StepIndex> = standing.asking().collect();
        match asking.as_slice() {
            [one] => Ok(*one),
            [] => only_approval(plan).ok_or_else(|| problems::nobody_asks(name)),
            several => {
                let ids: Vec<&str> = several.iter().map(|step| plan.id(*step)).collect();
                Err(problems::which_step(name, &ids))
            }
        }
    }

    /// Why a step is not there: what a function asked for is no step of it any more once that is over.
    async fn no_step(
        &self,
        run: RunId,
        plan: &Plan,
        step: Option<String>,
        problem: Problem,
    ) -> Result<Problem, Problem> {
        let Some(step) = step else { return Ok(problem) };
        let how = self.past(run, plan, &step).await?;
        let name = problem.run.clone().unwrap_or_default();
        Ok(how.map_or(problem, |how| problems::decided(&name, &step, &how)))
    }

    /// What became of an approval that a function asked for, if it asked for one with this id.
    async fn past(&self, run: RunId, plan: &Plan, id: &str) -> Result<Option<String>, Problem> {
        if !plan.is_code() {
            return Ok(None);
        }
        let past = self.handle().past_approval(run, id).await;
        let past = past.map_err(|error| problems::load(&error))?;
        let now = self.handle().clock().now();
        Ok(past.map(|past| match past.decided {
            Some((approved, by, at)) => {
                let how = if approved { "approved" } else { "rejected" };
                format!("already {how} by {} {} ago", by.name, show::duration(now.ms_since(at)))
            }
            None => "over before anybody decided".to_owned(),
        }))
    }

    /// Who decided about a step before, and when.
    async fn earlier(&self, run: RunId, step: StepIndex) -> Result<String, Problem> {
        let now = self.handle().clock().now();
        let found = self.read(move |loader| {
            let Some((_, state)) = loader.shown(run)? else { return Ok(None) };
            let mut end = state.revision;
            let oldest = end.saturating_sub(EVENTS_MAX);
            while end > oldest {
                let from = end.saturating_sub(EVENTS).max(oldest);
                let events = loader.history(run, from, (end - from) as usize)?;
                let decision = events.iter().rev().find_map(|recorded| {
                    answered(&recorded.event, step)
                        .map(|(how, by)| (how, by.name.clone(), recorded.time))
                });
                if decision.is_some() {
                    return Ok(decision);
                }
                end = from;
            }
            Ok(None)
        });
        Ok(match found.await? {
            Some((how, who, at)) => {
                format!("already {how} by {who} {} ago", show::duration(now.ms_since(at)))
            }
            None => "already decided".to_owned(),
        })
    }
}

/// The step that asks, if only one of the workflow does; whether it does so now is for the engine to say.
fn only_approval(plan: &Plan) -> Option<StepIndex> {
    let asks = |step: &StepIndex| {
        let step = plan.step_definition(*step);
        step.is_some_and(|step| matches!(step.kind, StepKind::Approve(_)))
    };
    let mut asking = plan.steps().filter(asks);
    asking.next().filter(|_| asking.next().is_none())
}

fn answered(event: &Event, wanted: StepIndex) -> Option<(&'static str, &Actor)> {
    let (step, how, by) = if let Event::ApprovalGranted { step, by, .. } = event {
        (step, "approved", by)
    } else if let Event::ApprovalRejected { step, by, .. } = event {
        (step, "rejected", by)
    } else {
        return None;
    };
    (*step == wanted).then_some((how, by))
}

/// The form with the fields that were given as texts.
fn form(
    plan: &Plan,
    step: StepIndex,
    form: Value,
    texts: &std::collections::BTreeMap<String, String>,
) -> Result<Value, Problem> {
    if texts.is_empty() {
        return Ok(form);
    }
    let mut map = match form {
        Value::Object(map) => map,
        Value::Null => Map::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(problems::bad_request(format!("the form is {other}, not a map")));
        }
    };
    let fields = match plan.step_definition(step).map(|step| &step.kind) {
        Some(StepKind::Approve(approval)) => Some(&approval.form),
        _ => None,
    };
    for (name, text) in texts {
        let spec = fields.and_then(|fields| fields.get(name));
        let kind = spec.map_or(InputKind::Any, |spec| spec.kind);
        map.insert(name.clone(), input::read(kind, text));
    }
    Ok(Value::Object(map))
}

fn check_names(answer: &ApprovalAnswer) -> Result<(), Problem> {
    let fits = |name: &String| {
        let chars = name.chars().count();
        (1..=CHARS_MAX).contains(&chars) && !name.chars().any(char::is_control)
    };
    if std::iter::once(&answer.by.name).chain(&answer.groups).all(fits) {
        return Ok(());
    }
    Err(problems::bad_request(format!(
        "the name of a person or group has 1 to {CHARS_MAX} characters without control characters"
    )))
}
