//! `for_each` and the keys that go with it.

use super::Checker;
use crate::yaml::{Key, Tree};

/// Keys that say how the items of a step are gone through.
const ABOUT_ITEMS: [&str; 3] = ["as", "concurrency", "on_item_error"];

impl Checker<'_> {
    /// NX1174: how items are gone through, where there are none.
    pub(super) fn for_each(&mut self, entries: &[(Key, Tree)]) {
        if entries.iter().any(|(key, _)| key.value == "for_each") {
            return;
        }
        for (key, _) in entries.iter().filter(|(key, _)| ABOUT_ITEMS.contains(&&*key.value)) {
            let range = self.key_range(key);
            let message = format!("`{}` means nothing without `for_each`", key.value);
            self.fault("NX1174", range, message, "add `for_each: ${{ … }}`, or leave it out");
        }
    }
}
