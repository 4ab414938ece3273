//! `wait_for`: a signal, an event or an update.

use super::Checker;
use crate::yaml::{Key, Node, Tree};

/// What a step can wait for.
const KINDS: [&str; 3] = ["signal", "event", "update"];
/// Keys that go with an update only.
const OF_UPDATE: [&str; 4] = ["form", "accepts", "message", "reply"];

impl Checker<'_> {
    pub(super) fn wait_for(&mut self, key: &Key, value: &Tree) {
        let Node::Map(entries) = &value.value else { return };
        let kinds: Vec<_> =
            entries.iter().filter(|(key, _)| KINDS.contains(&key.value.as_str())).collect();
        match kinds.as_slice() {
            [_] => self.keys_of_wait(entries, value.value.get("update").is_some()),
            [] => {
                let range = self.key_range(key);
                let message = "`wait_for` does not say for what".to_owned();
                let hint = "add `signal:`, `event:` or `update:` and a name";
                self.fault("NX1187", range, message, hint);
            }
            [(first, _), .., (_, last)] => {
                let range = self.range(last);
                let names: Vec<&str> = kinds.iter().map(|(key, _)| key.value.as_str()).collect();
                let last = names.last().copied().unwrap_or_default();
                let message = format!("`wait_for` has both `{}` and `{last}`", first.value);
                self.fault("NX1187", range, message, "a step waits for one thing: make two of it");
            }
        }
    }

    /// An update is refused or answered, and nothing of it is left for others.
    fn keys_of_wait(&mut self, entries: &[(Key, Tree)], is_update: bool) {
        for (key, _) in entries {
            let name = key.value.as_str();
            if is_update && name == "match" {
                let message =
                    "an update is not left for others, so `match` says nothing".to_owned();
                let hint = "write `accepts:`; one for which it is false is refused";
                self.fault("NX1114", self.key_range(key), message, hint);
            }
            if !is_update && OF_UPDATE.contains(&name) {
                let message = format!("`{name}` goes with `update`");
                let hint = "a signal and an event are not answered: write `update:` and a name";
                self.fault("NX1114", self.key_range(key), message, hint);
            }
        }
    }
}
