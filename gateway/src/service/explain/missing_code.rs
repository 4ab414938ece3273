//! Steps whose handlers the program that has the store open does not have.

use nexus_engine::MissingCode;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::Run;

use crate::api::{Cause, ExplainView, RunView};
use crate::service::Service;
use crate::service::code_elsewhere::Elsewhere;

impl Service {
    /// Says of the steps that wait for their handlers that they do. Of a run that no engine works on, which program carries it on, if
    /// no command can.
    pub(super) async fn explain_missing_code(
        &self,
        view: &mut ExplainView,
        (plan, run): (&Plan, &Run),
        driven: bool,
    ) {
        let missing = self.handle().missing_code(plan, run);
        let missing = missing.into_iter().map(|it| (plan.id(it.step).to_owned(), it.handler));
        let missing: Vec<(String, String)> = missing.collect();
        let last = explain(view, &missing);
        let code = self.code_elsewhere(plan, run).await;
        if driven {
            let is_said = last.is_some() || view.why.starts_with("NX");
            view.why = last.unwrap_or_else(|| std::mem::take(&mut view.why));
            let Some(code) = code else { return };
            if !is_said {
                view.why =
                    format!("{}; it goes on once {} opens the store", view.why, code.program());
            }
            // Who waits is refused.
            view.commands.retain(|command| !command.starts_with("nexus-engine wait "));
            if let Elsewhere::Function(_) | Elsewhere::Fitting(..) = code {
                let is_turn = |cause: &&mut Cause| cause.cause == "limited" && cause.on.is_none();
                for cause in view.causes.iter_mut().filter(is_turn) {
                    cause.cause = "function".into();
                    cause.release = format!("{} opens the store", code.program());
                }
            }
            return;
        }
        match code {
            Some(code @ (Elsewhere::Handlers(_) | Elsewhere::OfCalled { .. })) => {
                from_outside(view, &code, run.paused);
            }
            Some(Elsewhere::Function(_) | Elsewhere::Fitting(..)) | None => {}
        }
    }

    /// Says on the page of a run of the steps that wait for their handlers that they do.
    pub(in crate::service) fn tell_of_missing_code(
        &self,
        view: &mut RunView,
        (plan, run): (&Plan, &Run),
        driven: bool,
    ) {
        let missing = self.handle().missing_code(plan, run);
        for MissingCode { step, handler } in &missing {
            let id = plan.id(*step);
            if let Some(step) = view.steps.iter_mut().find(|step| step.id == id) {
                step.note = Some(format!("NX3004: nobody offers the handler `{handler}`"));
            }
        }
        if let Some(trouble) = self.trouble(plan, run) {
            view.why = format!("{}: {}", trouble.code, trouble.message);
            return;
        }
        let at_work = run.running().chain(run.iterating()).count();
        if let Some(MissingCode { step, handler }) = missing.first()
            && driven
            && !run.is_held()
            && missing.len() == at_work
        {
            let id = plan.id(*step);
            view.why = format!("NX3004: nobody offers the handler `{handler}` of {id}");
        }
    }
}

/// Says of each step that nobody offers its handler. The last of these lines.
fn explain(view: &mut ExplainView, missing: &[(String, String)]) -> Option<String> {
    let mut last = None;
    for (step, handler) in missing {
        let why = format!("NX3004: nobody offers the handler `{handler}` of {step}");
        // What a limit or a breaker keeps back does not ask for its handler yet.
        let is_its = |cause: &&mut Cause| cause.step.as_ref() == Some(step) && cause.on.is_none();
        for cause in view.causes.iter_mut().filter(is_its) {
            cause.cause = "handler".into();
            cause.why.clone_from(&why);
            cause.release = format!("open the store with a program that offers `{handler}`");
        }
        for reason in view.steps.iter_mut().filter(|reason| reason.step == *step) {
            reason.why.clone_from(&why);
        }
        last = Some(why);
    }
    last
}

/// Says of a run that no engine works on, and that no command could carry on, which program can.
fn from_outside(view: &mut ExplainView, code: &Elsewhere, paused: bool) {
    if let Elsewhere::Handlers(missing) = code {
        explain(view, missing);
    }
    let program = code.program();
    for cause in view.causes.iter_mut().filter(|cause| cause.cause == "orphaned") {
        cause.release = format!("{program} opens the store");
    }
    view.commands.retain(|command| paused || !command.starts_with("nexus-engine resume "));
    view.why = format!("no engine works on it; it waits for {program}");
}
