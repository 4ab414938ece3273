//! What keeps a run whose steps are the calls of a function.
//!
//! Why a function gets no further is recorded nowhere, because it is said of the code of a program and not of the run. So the program that has
//! the store open knows it; any other knows from the log that the function is asked, and has said nothing.

use nexus_engine::code::FunctionTrouble;
use nexus_engine::model::run::Run;

use crate::api::{Cause, ExplainView};

/// Adds what keeps the function of a run, if something does: that it gets no further, that no program works on it that could have it,
/// or that it was not asked yet.
pub(super) fn explain(
    view: &mut ExplainView,
    run: &Run,
    trouble: Option<FunctionTrouble>,
    driven: bool,
) {
    if run.code.is_none() || run.status.is_terminal() {
        return;
    }
    if let Some(FunctionTrouble { code, message, details }) = trouble {
        let why = format!("{code}: {message}");
        view.why.clone_from(&why);
        let why = if details.is_empty() { why } else { format!("{why}\n{details}") };
        let release = format!("open the store with fitting code; nexus-engine explain {code}");
        view.causes.insert(0, Cause { cause: "function".into(), why, release, ..Cause::default() });
    } else if !driven {
        from_outside(view, run);
    } else if view.causes.is_empty() && run.asks_function() {
        let why = "its function is about to say what it does next".to_owned();
        view.why.clone_from(&why);
        let release = "nothing: it goes on by itself".to_owned();
        view.causes.push(Cause { cause: "function".into(), why, release, ..Cause::default() });
    }
}

/// What the log says of a function that is in another program, or in none.
fn from_outside(view: &mut ExplainView, run: &Run) {
    let release = format!("a program that has the function `{}` opens the store", view.workflow);
    for orphaned in view.causes.iter_mut().filter(|cause| cause.cause == "orphaned") {
        orphaned.release.clone_from(&release);
    }
    // No verb has the function, so it would get no further with one.
    view.commands.retain(|command| run.paused || !command.starts_with("nexus-engine resume "));
    let is_asked = view.causes.iter().all(|cause| cause.cause == "orphaned") && run.asks_function();
    if !is_asked {
        return;
    }
    let why = format!(
        "it is the turn of its function, which has said nothing since event {} at {}",
        run.revision, view.recorded_at
    );
    view.why = format!("no engine works on it; {why}");
    // Whether it had no time for it or got no further is known to the program that had the store open, which is gone.
    let release = format!(
        "{release}; if the function gets no further there, that program says why in its log and by RunHandle::trouble"
    );
    let since = Some(view.recorded_at.clone());
    view.causes.push(Cause { cause: "function".into(), why, release, since, ..Cause::default() });
}
