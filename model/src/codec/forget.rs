//! The end of an encrypted run's values as bytes.

use serde::{Deserialize, Serialize};

use super::decode::Wire;
use super::wire::ActorV1;
use crate::event::Event;
use crate::id::StateHash;

#[derive(Serialize, Deserialize)]
pub(super) struct RunForgottenV1<'a> {
    #[serde(borrow)]
    pub(super) by: ActorV1<'a>,
    pub(super) state: [u8; 32],
}

impl<'a> Wire<'a> for RunForgottenV1<'a> {
    fn event(self) -> Option<Event> {
        Some(Event::RunForgotten { by: self.by.actor(), state: StateHash(self.state) })
    }
}
