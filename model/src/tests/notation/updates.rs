//! Updates in the notation.

use super::super::bench::Bench;
use super::{ms, payload, value};
use crate::command::{Command, UpdateRequest};
use crate::definition::{OnSignalTimeout, StepKind, Update};
use crate::event::Actor;

/// `qty within=5s go_on accepts=update.n>0 message=too_few reply=${{update.n*2}} form={"n":{"type":"integer"}}`.
pub(super) fn takes(argument: &str) -> StepKind {
    let mut words = argument.split_whitespace();
    let name = words.next().unwrap().to_owned();
    let mut update = Update { name, ..Update::default() };
    for word in words {
        match word.split_once('=') {
            Some(("within", time)) => update.timeout_ms = Some(ms(time)),
            Some(("accepts", expression)) => update.accepts = Some(expression.to_owned()),
            Some(("message", text)) => update.message = text.into(),
            Some(("reply", template)) => update.reply = value(template),
            Some(("form", form)) => update.form = serde_json::from_str(form).unwrap(),
            Some(_) | None => {
                assert_eq!(word, "go_on");
                update.on_timeout = OnSignalTimeout::Continue;
            }
        }
    }
    StepKind::Update(Box::new(update))
}

/// `update qty#id {"n":3}`.
pub(super) fn command(bench: &mut Bench, named: &str, data: &str, by: Actor) -> Command {
    let (name, id) = named.split_once('#').unwrap_or((named, ""));
    let (name, id) = (name.to_owned(), id.to_owned());
    Command::Update(Box::new(UpdateRequest { name, id, data: payload(bench, data), by }))
}
