//! Leaving runs before they have ended.

use nexus_gateway::Control;
use nexus_gateway::api::{Problem, RunView, StepView};

use super::Signals;
use super::session::Views;
use crate::context::Context;
use crate::exit::Code;
use crate::output;
use crate::store::Access;
use crate::text;

/// How many runs and steps are named.
const NAMED_MAX: usize = 5;

/// A signal came: runs of this process are parked; others go on where they are.
pub(super) async fn interrupted(
    context: &Context,
    access: Option<Access>,
    views: &Views,
    signals: &mut Signals,
    code: Code,
) {
    let (names, flag) = (names(views), context.store_flag());
    let Some(access) = access.filter(Access::is_here) else {
        output::note(format!("{names} goes on in the process that holds the store"));
        output::note(format!("  look:  nexus-engine watch {}{flag}", first(views)));
        return;
    };
    // What was shown last may be older than what is recorded.
    let open = look_up(access.control(), views).await;
    output::note(format!("parking {names} … {}", told_to_stop(&open, code)));
    park_all(access, signals).await;
    for view in &open {
        let (id, last) = (&view.id, last_completed(view));
        let after = last.map(|step| format!(" after {step}")).unwrap_or_default();
        output::note(format!("‖ {id} is parked{after}. Nothing is lost."));
        let resume = format!("nexus-engine resume {id}{flag}");
        let how = view.elsewhere.as_ref().map_or(resume, |code| code.hint.clone());
        output::note(format!("  continue:  {how}"));
    }
}

/// Parks everything that is driven here; a second signal ends the wait for it.
pub(crate) async fn park_all(access: Access, signals: &mut Signals) {
    tokio::select! {
        () = access.close() => {}
        _ = signals.next() => output::note("stopped at once; what was running runs again"),
    }
}

/// The time is over: runs of this process are parked; others go on where they are.
pub(super) async fn timed_out(context: &Context, access: Option<Access>, views: &Views) -> Problem {
    let (names, flag) = (names(views), context.store_flag());
    let message = format!("the time is over, and {names} has not ended");
    let problem = Problem::new("NX7013", Code::StillGoing as u8, message).run(first(views));
    let Some(access) = access.filter(Access::is_here) else {
        return problem
            .hint(format!("it goes on; look: nexus-engine watch {}{flag}", first(views)));
    };
    let open = look_up(access.control(), views).await;
    access.close().await;
    let elsewhere = open.into_iter().next().and_then(|view| view.elsewhere);
    let resume = format!("continue: nexus-engine resume {}{flag}", first(views));
    let how = elsewhere.map_or(resume, |code| code.hint);
    problem.hint(format!("it is parked; {how}"))
}

async fn look_up(control: &Control, views: &Views) -> Vec<RunView> {
    let mut found = Vec::new();
    for name in views.open().take(NAMED_MAX) {
        found.extend(control.get(name).await.ok());
    }
    found
}

fn names(views: &Views) -> String {
    let all: Vec<&str> = views.open().collect();
    match all.len().saturating_sub(NAMED_MAX) {
        0 => all.join(", "),
        more => format!("{} and {more} more", all[..NAMED_MAX].join(", ")),
    }
}

fn first(views: &Views) -> String {
    views.open().next().unwrap_or_default().to_owned()
}

fn told_to_stop(views: &[RunView], code: Code) -> String {
    let steps = views.iter().flat_map(|view| &view.steps);
    let running = steps.filter(|step| step.status == "running").map(|step| step.id.as_str());
    let running: Vec<&str> = running.take(NAMED_MAX).collect();
    let again = if code == Code::Interrupted { ", Ctrl-C again to stop now" } else { "" };
    match running.as_slice() {
        [] => format!("no step is running{again}"),
        [one] => format!("{one} is told to stop (10s grace){again}"),
        some => format!("{} are told to stop (10s grace){again}", some.join(", ")),
    }
}

fn last_completed(view: &RunView) -> Option<&str> {
    let ended = |step: &&StepView| {
        let began = step.started_at.as_deref().and_then(text::time_ms);
        began.zip(step.took_ms).map(|(began, took)| began + took)
    };
    let completed = view.steps.iter().filter(|step| step.status == "completed");
    completed.max_by_key(ended).map(|step| step.id.as_str())
}
