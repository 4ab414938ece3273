//! `triggers`: what starts runs by itself.

use nexus_model::definition::Trigger;
use nexus_model::schedule::{CatchUp, Overlap, Timing};

use super::{choice, duration_ms, text};
use crate::yaml::Node;

pub(super) fn triggers(top: &Node) -> Vec<Trigger> {
    let items = top.get("triggers").map(|list| list.value.items()).unwrap_or_default();
    items.iter().map(|item| trigger(&item.value)).collect()
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
