//! What keeps a run whose steps are the calls of a function.

use nexus_engine::code::FunctionTrouble;
use nexus_engine::model::run::Run;

use crate::api::{Cause, ExplainView};

/// Adds what keeps the function of a run, if something does: that it gets no further, or that it was not asked yet.
pub(super) fn explain(view: &mut ExplainView, run: &Run, trouble: Option<FunctionTrouble>) {
    if run.code.is_none() || run.status.is_terminal() {
        return;
    }
    if let Some(FunctionTrouble { code, message, details }) = trouble {
        let why = format!("{code}: {message}");
        view.why.clone_from(&why);
        let why = if details.is_empty() { why } else { format!("{why}\n{details}") };
        let release = format!("open the store with fitting code; nexus-engine explain {code}");
        view.causes.insert(0, Cause { cause: "function".into(), why, release, ..Cause::default() });
    } else if view.causes.is_empty() && run.asks_function() {
        let why = "its function is about to say what it does next".to_owned();
        view.why.clone_from(&why);
        let release = "nothing: it goes on by itself".to_owned();
        view.causes.push(Cause { cause: "function".into(), why, release, ..Cause::default() });
    }
}
