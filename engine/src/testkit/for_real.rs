//! Handlers that are called for real, where nothing stands in for them.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nexus_model::payload::Payload;

use super::call::Call;
use super::workshop::{Order, Said, Workshop};
use super::world::World;
use crate::handler::{AttemptInfo, Blobs, Handler, StepError};
use crate::workflow::Work;

impl World {
    /// What is called for real: the code of the call of a function, or what stands in for it, or what is registered.
    pub(super) fn handler(&self, call: &Call, work: Option<Work>) -> Option<Arc<dyn Handler>> {
        match work {
            Some(work) => {
                let mock = self.setup.stand_ins.mocks.get(&work.function).cloned();
                Some(mock.unwrap_or(work.handler))
            }
            None => self.setup.registry.get(&call.uses).cloned(),
        }
    }

    /// Calls a handler, once for each attempt.
    pub(super) fn really(
        &mut self,
        call: &Call,
        handler: Option<Arc<dyn Handler>>,
        info: AttemptInfo,
        timeout: Option<Duration>,
        progress: Payload,
    ) -> Said {
        let saying = (call.key.clone(), call.attempt, call.input.bytes.to_vec());
        let said =
            self.setup.said.lock().unwrap_or_else(PoisonError::into_inner).get(&saying).cloned();
        if let Some(said) = said {
            return said;
        }
        let is_real = |real: &BTreeSet<String>| call.names().iter().any(|name| real.contains(name));
        let Some(handler) = handler.filter(|_| self.setup.real.as_ref().is_none_or(is_real)) else {
            self.unanswered.insert((call.step.clone(), call.uses.clone()));
            let message = format!("nothing stands in for `{}` of step `{}`", call.uses, call.step);
            return (Err(StepError::fatal(message).code("NX3004")), progress, Vec::new());
        };
        let workshop = self.setup.workshop.get_or_insert_with(Workshop::open);
        let states = Arc::clone(&self.setup.states);
        let blobs = Blobs::new(self.loader.clone(), self.setup.config.payload_bytes_max);
        let order =
            Order { handler, info, states, input: call.input.clone(), timeout, progress, blobs };
        let said = workshop.call(order);
        let mut sayings = self.setup.said.lock().unwrap_or_else(PoisonError::into_inner);
        sayings.insert(saying, said.clone());
        said
    }
}
