//! Which events are shown.

use nexus_engine::model::codec::kinds;
use nexus_engine::model::suggest::nearest;
use nexus_gateway::api::{EventView, Problem};

use super::HistoryArgs;
use crate::exit::Code;

/// Which events are shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    kinds: Vec<String>,
    not_kinds: Vec<String>,
    step: Option<String>,
    failed: bool,
    to: Option<u32>,
}

impl Filter {
    pub(super) fn new(args: &HistoryArgs) -> Result<Self, Problem> {
        args.kind.iter().chain(&args.not_kind).try_for_each(|kind| check(kind))?;
        Ok(Self {
            kinds: args.kind.clone(),
            not_kinds: args.not_kind.clone(),
            step: args.step.clone(),
            failed: args.failed,
            to: args.to,
        })
    }

    /// Whether an event is shown.
    pub(super) fn wants(&self, event: &EventView) -> bool {
        let is = |kinds: &[String]| kinds.iter().any(|kind| matches(kind, &event.event));
        (self.kinds.is_empty() || is(&self.kinds))
            && !is(&self.not_kinds)
            && self.step.as_ref().is_none_or(|step| event.step.as_ref() == Some(step))
            && (!self.failed || event.event.ends_with(".failed"))
            && self.to.is_none_or(|to| event.n <= to)
    }

    /// Whether no event from number `n` on is shown.
    pub(super) fn is_past(&self, n: u32) -> bool {
        self.to.is_some_and(|to| n > to)
    }
}

/// Refuses a kind that no event has.
fn check(kind: &str) -> Result<(), Problem> {
    if kinds().any(|(_, name)| matches(kind, name)) {
        return Ok(());
    }
    let message = format!("there is no kind of event `{}`", kind.escape_debug());
    let hint = match nearest(kind, kinds().map(|(_, name)| name)) {
        Some(name) => format!("did you mean {name}?"),
        None => "kinds are such as step.completed or timer.*".to_owned(),
    };
    Err(Problem::new("NX1411", Code::Usage as u8, message).hint(hint))
}

/// Whether the name of an event is meant by `kind`, in which `*` stands for anything.
fn matches(kind: &str, name: &str) -> bool {
    match kind.split_once('*') {
        None => kind == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            (0..=tail.len()).any(|at| tail.get(at..).is_some_and(|tail| matches(rest, tail)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches("step.*", "step.started"));
        assert!(matches("*.failed", "step.failed"));
        assert!(matches("*", "run.started"));
        assert!(matches("s*.*d", "step.started"));
        assert!(!matches("step.*", "run.started"));
        assert!(!matches("step", "step.started"));
    }
}
