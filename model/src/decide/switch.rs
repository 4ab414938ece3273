//! Routers: which steps run, and which are skipped with all that needs only them.

use serde_json::json;

use super::Draft;
use crate::definition::WhenNeeds;
use crate::event::Event;
use crate::id::StepIndex;
use crate::plan::PlanSwitch;
use crate::run::StepState;

impl Draft<'_> {
    /// Takes the first case whose condition holds.
    pub(super) fn switch(&mut self, step: StepIndex, switch: &PlanSwitch) {
        let mut saw = Vec::new();
        let mut taken = None;
        for (case, number) in switch.cases.iter().zip(0u32..) {
            match self.ask(&case.when, step) {
                None => return,
                Some(Err(failure)) => return self.fail(step, failure),
                Some(Ok(verdict)) => {
                    saw.push(verdict.saw);
                    if verdict.holds {
                        taken = Some((number, &case.then));
                        break;
                    }
                }
            }
        }
        let case = taken.map(|(number, _)| number);
        let then = taken.map_or(&switch.default, |(_, then)| then);
        let skipped = switch.targets.iter().copied().filter(|step| !then.contains(step));
        let (skipped, reason) = (skipped.collect(), saw.join("; "));
        self.emit(Event::PathChosen { step, case, reason, skipped });
        let ids: Vec<&str> = then.iter().map(|step| self.plan.id(*step)).collect();
        let output = self.store(&json!({"case": case, "then": ids}));
        self.complete(step, self.next_attempt(step), output, false);
    }

    /// The router because of which `step` is skipped: one that has not chosen at all, or those before all of its needs.
    pub(super) fn bypassed_by(&self, step: StepIndex) -> Option<StepIndex> {
        let plan_step = self.plan.step(step);
        if let Some(router) = plan_step.router.filter(|router| self.chose_nothing(*router)) {
            return Some(router);
        }
        let follows = match plan_step.when_needs {
            WhenNeeds::AllOk | WhenNeeds::AnyOk => self.survives(step),
            WhenNeeds::AllDone | WhenNeeds::AnyFailed => false,
        };
        let mut routers = self.plan.asked(step).iter().map(|need| self.bypassing(*need));
        let first = routers.next().flatten().filter(|_| follows)?;
        routers.all(|router| router.is_some()).then_some(first)
    }

    /// Whether the router came to rest without a choice, and the run goes on.
    fn chose_nothing(&self, router: StepIndex) -> bool {
        let state = self.run.step(router);
        state.is_ok() && !matches!(state, StepState::Completed { .. })
    }

    /// The router that went another way than over `need`.
    fn bypassing(&self, need: StepIndex) -> Option<StepIndex> {
        let StepState::Skipped { router, .. } = self.run.step(need) else { return None };
        *router
    }
}
