//! `call`: a file, or what is published under a name.

use nexus_model::definition::is_file;

use super::Checker;
use crate::yaml::{Key, Node, Tree};

impl Checker<'_> {
    /// A file is pinned by its content, and the version of a name stands in `version`.
    pub(super) fn called(&mut self, entries: &[(Key, Tree)]) {
        let entry = |name: &str| entries.iter().find(|(key, _)| key.value == name);
        let Some((_, call)) = entry("call") else { return };
        let Node::Text(called) = &call.value else { return };
        if is_file(called) {
            if let Some((key, _)) = entry("version") {
                let message =
                    format!("`version` means nothing beside a file, and `{called}` is one");
                let hint = "leave it out, or publish the file and call it by its name";
                self.fault("NX1109", self.key_range(key), message, hint);
            }
        } else if let Some((name, number)) = called.rsplit_once('@')
            && is_number(number)
        {
            let number = number.trim_start_matches('v');
            let message = format!("`{called}` is no name of a workflow");
            let hint = format!("write `call: {name}`, and `version: {number}` below it");
            self.fault("NX1106", self.range(call), message, hint);
        }
    }

    /// The number of a published version: `2`, or `v2`.
    pub(super) fn version(&mut self, key: &Key, value: &Tree) {
        let number = match &value.value {
            Node::Number(number) => number.to_string(),
            Node::Text(text) if !text.trim().is_empty() => text.clone(),
            Node::Null | Node::Bool(_) | Node::Text(_) | Node::List(_) | Node::Map(_) => {
                return self.text(key, value);
            }
        };
        if !is_number(&number) {
            let range = self.place(key, value);
            let message = format!("`version` is {number}, not the number of a version");
            let hint = "versions are counted from 1; without `version` the current one is meant";
            self.fault("NX1207", range, message, hint);
        }
    }
}

/// Whether it is the number of a version.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('v').unwrap_or(text);
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain && digits.parse::<u32>().is_ok_and(|number| number > 0)
}
