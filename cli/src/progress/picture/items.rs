//! Items of a step in a picture: how many, and how far they are.

use nexus_gateway::api::EventView;

use super::{Status, Step};
use crate::text;

/// How far the items of a step are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Items {
    count: u64,
    done: u64,
    failed: u64,
}

impl Items {
    /// What there is to say about them in the end.
    pub(super) fn summary(&self) -> Option<String> {
        let Self { count, failed, .. } = self;
        (*count > 0).then(|| match failed {
            0 => format!("{count} items"),
            failed => format!("{count} items, {failed} failed"),
        })
    }

    fn progress(&self) -> String {
        let Self { count, done, failed } = self;
        match failed {
            0 => format!("{done} of {count} items"),
            failed => format!("{done} of {count} items, {failed} failed"),
        }
    }
}

impl Step {
    /// Takes up an event about items; `false` if it is about none.
    pub(super) fn fold_items(&mut self, event: &EventView) -> bool {
        match event.event.as_str() {
            "items.started" => {
                let count = event.data["count"].as_u64().unwrap_or(0);
                // A run that was retried goes on with the same list.
                if self.items.count != count {
                    self.items = Items { count, ..Items::default() };
                }
                self.status = Status::Running;
                self.began.get_or_insert_with(|| (event.after_ms, text::now_ms()));
            }
            "item.completed" => self.items.done += 1,
            "item.failed" => {
                self.items.done += 1;
                self.items.failed += 1;
            }
            kind if kind.starts_with("item.") => {}
            _ => return false,
        }
        self.note = self.items.progress();
        true
    }
}
