//! Folds events into the state.

use crate::event::Event;
use crate::plan::Plan;
use crate::run::Run;
use crate::time::Timestamp;

/// Folds one recorded event into the state. A recorded event always applies. `at` is the time of its transition.
pub fn evolve(_plan: &Plan, _run: &mut Run, _event: &Event, _at: Timestamp) {}
