//! What keeps a run and its steps from going on, in words.

use nexus_engine::model::id::StepIndex;

use super::Standing;

impl Standing<'_> {
    /// Which pauses keep the run, and what is at work all the same.
    pub(super) fn held(&self) -> String {
        let by_store = self.run.holds.by_store.join(", ");
        let mut others = Vec::new();
        if self.run.parent_paused {
            others.push(format!("together with {}, which called it", self.parent()));
        }
        if !by_store.is_empty() {
            others.push(format!("by the pause of {by_store}"));
        }
        let pauses = match (self.run.paused, others.is_empty()) {
            (true, true) => "paused: nothing new starts until it is resumed".to_owned(),
            (true, false) => format!("paused, and {}", others.join(" and ")),
            (false, _) => format!("paused {}", others.join(" and ")),
        };
        if self.is_still() { pauses } else { format!("{pauses}; {}", self.work()) }
    }

    /// What keeps a step.
    pub(super) fn kept(&self, step: StepIndex) -> String {
        match &self.run.holds {
            holds if holds.steps.contains(&step) => "the step is paused".to_owned(),
            holds if !holds.by_store.is_empty() => {
                format!("kept by the pause of {}", holds.by_store.join(", "))
            }
            _ if self.run.parent_paused && !self.run.paused => {
                format!("the run is paused together with {}", self.parent())
            }
            _ => "the run is paused".to_owned(),
        }
    }

    pub(super) fn and_kept(&self, step: StepIndex) -> String {
        if self.run.holds(step) { format!("; {}", self.kept(step)) } else { String::new() }
    }

    /// The run that called this one, if that is paused and this one with it.
    pub(crate) fn paused_with(&self) -> Option<&str> {
        self.run.parent_paused.then(|| self.parent())
    }

    /// The name of the run that called this one.
    fn parent(&self) -> &str {
        let started = self.run.started.as_ref();
        started.and_then(|started| started.parent.as_ref()).map_or("", |parent| &parent.name)
    }
}
