//! `for_each`, compiled.

use std::collections::BTreeSet;

use super::compile::Problems;
use super::names::{Names, Place};
use super::step::Shape;
use crate::definition::{ForEach, OnItemError, Step, StepKind};
use crate::expression::{ItemNames, Template, is_known_name};
use crate::id::StepIndex;

/// What a step is done for, once for each item.
#[derive(Debug)]
pub(crate) struct Each {
    /// The list.
    pub(crate) items: Template,
    /// How many items are under way at a time.
    pub(crate) concurrency: u32,
    /// Whether failures are part of the output.
    pub(crate) collects: bool,
}

/// What items of `step` are called in its expressions.
pub(super) fn item_names(step: &Step) -> Option<ItemNames> {
    step.for_each.as_ref().map(|each| ItemNames::new(&each.name))
}

pub(super) fn compile_each(
    shape: &Shape<'_>,
    names: &Names<'_>,
    needs: &mut BTreeSet<StepIndex>,
    problems: &mut Problems,
) -> Option<Each> {
    let step = shape.step;
    let each = step.for_each.as_ref()?;
    check_kind(step, problems);
    check_name(&step.id, &each.name, problems);
    check_concurrency(&step.id, each.concurrency, problems);
    let place = Place::step(&step.id, shape.index, "for_each");
    let items = problems.take(place.path(), Template::compile(&each.items))?;
    needs.extend(names.check(&items.references(), &place, problems));
    if items.literal().is_some_and(|list| !list.is_array()) {
        let message = "`for_each` takes a list, or an expression that gives one";
        problems.error("NX1170", place.path(), message).hint =
            Some("write `for_each: ${{ inputs.items }}` or `for_each: [a, b]`".to_owned());
    }
    Some(Each {
        items,
        concurrency: each.concurrency,
        collects: each.on_item_error == OnItemError::Collect,
    })
}

/// Only what a handler does can be done for each item.
fn check_kind(step: &Step, problems: &mut Problems) {
    match step.kind {
        StepKind::Action { .. } | StepKind::Script { .. } => {}
        StepKind::Set { .. }
        | StepKind::Sleep { .. }
        | StepKind::SleepUntil { .. }
        | StepKind::Switch(_)
        | StepKind::Race { .. }
        | StepKind::Repeat(_)
        | StepKind::WaitFor { .. }
        | StepKind::Call { .. }
        | StepKind::Update(_)
        | StepKind::Approve(_) => {
            let message = format!("step `{}` calls no handler, so `for_each` cannot", step.id);
            problems.error("NX1109", &["steps", &step.id, "for_each"], message).hint =
                Some("`for_each` goes with `uses` and `run`".to_owned());
        }
    }
}

fn check_name(id: &str, name: &str, problems: &mut Problems) {
    let mut chars = name.chars();
    let is_name = name.len() <= 64
        && chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    let path = ["steps", id, "as"];
    if !is_name {
        let message = format!("`{}` cannot be the name of an item", name.escape_debug());
        problems.error("NX1172", &path, message).hint =
            Some("write a letter or `_`, then letters, digits and `_`".to_owned());
    } else if let Some(known) =
        [name.to_owned(), format!("{name}_index")].iter().find(|name| is_known_name(name))
    {
        let message = format!("`{known}` means something else in expressions");
        problems.error("NX1172", &path, message).hint = Some("choose another name".to_owned());
    }
}

fn check_concurrency(id: &str, concurrency: u32, problems: &mut Problems) {
    let max = ForEach::CONCURRENCY_MAX;
    if !(1..=max).contains(&concurrency) {
        let message = format!("`concurrency` is {concurrency}, it must be from 1 to {max}");
        problems.error("NX1173", &["steps", id, "concurrency"], message).hint = Some(
            "the engine runs as many at a time as it has room for, whatever stands here".to_owned(),
        );
    }
}
