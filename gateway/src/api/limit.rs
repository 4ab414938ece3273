//! Limits: what they allow, who holds a slot, who waits for one.

use serde::{Deserialize, Serialize};

use super::By;

/// All limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitPage {
    /// `limits/v1`.
    pub kind: String,
    /// By name.
    pub limits: Vec<LimitView>,
}

/// A limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitView {
    /// `limit/v1`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What counts.
    pub size: LimitSize,
    /// Whether that was set, so that what definitions say does not count.
    pub is_set: bool,
    /// How many hold a slot.
    pub held: u64,
    /// How many wait for one.
    pub waiting: u64,
    /// How many slots were ever granted.
    pub granted: u64,
    /// When the rate lets the next one in; `null` if it does not wait for that.
    pub wakes_at: Option<String>,
    /// Who holds a slot, at most 100.
    pub holders: Vec<LimitHolder>,
    /// Who waits, those first who come first, at most 100.
    pub queue: Vec<LimitHolder>,
}

/// What a limit allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSize {
    /// Slots held at one time; `null`: any number.
    pub slots: Option<u32>,
    /// Slots granted in `rate_per_ms`; `null`: any number.
    pub rate: Option<u32>,
    /// The time of the rate.
    pub rate_per_ms: Option<u64>,
}

/// Who holds a slot or waits for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitHolder {
    /// The run's name.
    pub run: String,
    /// The step's id; `null`: the run as a whole.
    pub step: Option<String>,
    /// The number of the item, if the step has `for_each`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// Since when.
    pub since: String,
    /// Its fairness key, if it waits.
    pub fairness_key: Option<String>,
    /// Its priority, if it waits.
    pub priority: Option<i32>,
    /// How many come first, if it waits.
    pub ahead: Option<u64>,
}

impl LimitHolder {
    /// The part of the run: `a`, `a[3]`, or none.
    pub fn part(&self) -> Option<String> {
        let step = self.step.as_ref()?;
        Some(self.item.map_or_else(|| step.clone(), |item| format!("{step}[{item}]")))
    }
}

/// A request to say what a limit allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetLimit {
    /// What counts from now on; `null`: what definitions say.
    #[serde(default)]
    pub size: Option<LimitSize>,
    /// Who asks.
    pub by: By,
}
