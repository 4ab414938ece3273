//! What starts runs of a workflow, beside people and programs.

use serde::{Deserialize, Serialize};

use super::Definition;
use crate::schedule::{CatchUp, Overlap, Timing};

/// A schedule that comes with a workflow. It is made when the workflow is registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Name of the schedule; `None`: the workflow's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it is due.
    pub timing: Timing,
    /// What becomes of due times at which no engine was there.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub catch_up: CatchUp,
    /// What happens at a due time when a run is open.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub overlap: Overlap,
    /// Input of the runs; `None`: the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
}

impl Trigger {
    /// The name of the schedule of the trigger at this place of a workflow: its own, or the workflow's, numbered from the second on.
    pub fn schedule_name(&self, workflow: &str, at: usize) -> String {
        match (&self.name, at) {
            (Some(name), _) => name.clone(),
            (None, 0) => workflow.to_owned(),
            (None, at) => format!("{workflow}-{}", at + 1),
        }
    }
}

impl Definition {
    /// Which of the triggers for events is the one of this name, for this event; `None`: there is none.
    pub fn event_trigger(&self, event: &str, name: &str) -> Option<usize> {
        let mut triggers = self.event_triggers.iter().enumerate();
        let is_meant = |(at, trigger): &(usize, &EventTrigger)| {
            trigger.event == event && trigger.trigger_name(&self.name, *at) == name
        };
        triggers.find(is_meant).map(|(at, _)| at)
    }
}

/// Events that start runs of a workflow, once it is registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTrigger {
    /// The event's name.
    pub event: String,
    /// Expression (without `${{ }}`) over `event`, what it carries; one for which it is false starts nothing.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// Template of the run's input, over `event`; `None`: what the event carries.
    #[serde(rename = "with", default, skip_serializing_if = "Option::is_none")]
    pub input: Option<serde_json::Value>,
    /// Name of the trigger; `None`: the workflow's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl EventTrigger {
    /// The name of the trigger at this place of a workflow: its own, or the workflow's, numbered from the second on.
    pub fn trigger_name(&self, workflow: &str, at: usize) -> String {
        match (&self.name, at) {
            (Some(name), _) => name.clone(),
            (None, 0) => workflow.to_owned(),
            (None, at) => format!("{workflow}-{}", at + 1),
        }
    }
}
