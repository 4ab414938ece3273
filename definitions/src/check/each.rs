//! `for_each` and the keys that go with it.

use super::Checker;
use crate::keys::STEP_CONCURRENCY;
use crate::yaml::{Key, Node, Tree};

/// Keys that say how the items of a step are gone through.
const ABOUT_ITEMS: [&str; 3] = ["as", "concurrency", "on_item_error"];

impl Checker<'_> {
    /// A number of items, or the map of a limit.
    pub(super) fn concurrency(&mut self, key: &Key, value: &Tree) {
        if matches!(value.value, Node::Number(_)) {
            self.count(1, key, value);
        } else {
            self.fixed_map(&STEP_CONCURRENCY, key, value);
        }
    }

    /// NX1174: how items are gone through, where there are none.
    pub(super) fn for_each(&mut self, entries: &[(Key, Tree)]) {
        if entries.iter().any(|(key, _)| key.value == "for_each") {
            return;
        }
        let about_items = |(key, value): &&(Key, Tree)| {
            ABOUT_ITEMS.contains(&&*key.value) && !matches!(value.value, Node::Map(_))
        };
        let limits = entries.iter().filter(|(key, _)| key.value == "concurrency");
        let of_limits = limits.flat_map(|(_, limit)| limit.value.entries());
        let items = of_limits.filter(|(key, _)| key.value == "items");
        for (key, _) in entries.iter().filter(about_items).chain(items) {
            let range = self.key_range(key);
            let message = format!("`{}` means nothing without `for_each`", key.value);
            self.fault("NX1174", range, message, "add `for_each: ${{ … }}`, or leave it out");
        }
    }
}
