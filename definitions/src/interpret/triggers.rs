//! `triggers`: what starts runs by itself.

use nexus_model::definition::{EventTrigger, Trigger};
use nexus_model::schedule::{CatchUp, Overlap, Timing};

use super::{choice, condition, duration_ms, text};
use crate::yaml::Node;

pub(super) fn triggers(top: &Node) -> Vec<Trigger> {
    let items = top.get("triggers").map(|list| list.value.items()).unwrap_or_default();
    let timed = items.iter().filter(|item| item.value.get("event").is_none());
    timed.map(|item| trigger(&item.value)).collect()
}

pub(super) fn event_triggers(top: &Node) -> Vec<EventTrigger> {
    let items = top.get("triggers").map(|list| list.value.items()).unwrap_or_default();
    let trigger = |node: &Node| {
        Some(EventTrigger {
            event: text(node, "event")?,
            matches: node.get("match").and_then(|value| condition(&value.value)),
            input: node.get("with").map(|input| input.value.to_value()),
            name: text(node, "name"),
        })
    };
    items.iter().filter_map(|item| trigger(&item.value)).collect()
}

fn trigger(node: &Node) -> Trigger {
    let timing = match text(node, "cron") {
        Some(expression) => Timing::Cron {
            expression,
            zone: text(node, "timezone").unwrap_or_else(|| "UTC".to_owned()),
        },
        None => Timing::Every { ms: duration_ms(node, "every").unwrap_or_default() },
    };
    Trigger {
        name: text(node, "name"),
        timing,
        catch_up: choice::<CatchUp>(node, "catch_up"),
        overlap: choice::<Overlap>(node, "overlap"),
        input: node.get("with").map(|input| input.value.to_value()),
    }
}
