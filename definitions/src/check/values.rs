//! Values: texts, numbers, durations, conditions and lists of them.

use nexus_model::expression::duration_ms;
use serde_json::Value;

use super::Checker;
use crate::keys::FOREIGN_TYPES;
use crate::suggest::{any_of, nearest};
use crate::yaml::{Key, Node, Tree};

impl Checker<'_> {
    pub(super) fn text(&mut self, key: &Key, value: &Tree) {
        match &value.value {
            Node::Text(text) if text.trim().is_empty() => {
                let range = self.place(key, value);
                self.fault(
                    "NX1204",
                    range,
                    format!("`{}` is empty", key.value),
                    "write something, or leave the key out",
                );
            }
            Node::Text(_) => {}
            Node::Null => {
                let range = self.key_range(key);
                self.fault(
                    "NX1204",
                    range,
                    format!("`{}` has no value", key.value),
                    "write a text after the colon, or leave the key out",
                );
            }
            Node::Bool(_) | Node::Number(_) | Node::List(_) | Node::Map(_) => {
                self.no_text(key, value);
            }
        }
    }

    fn no_text(&mut self, key: &Key, value: &Tree) {
        let hint = match value.value {
            Node::Bool(_) | Node::Number(_) => {
                let raw = self.text.get(self.range(value)).unwrap_or("…");
                format!("put it in quotes: \"{raw}\"")
            }
            Node::Null | Node::Text(_) | Node::List(_) | Node::Map(_) => {
                "write one text".to_owned()
            }
        };
        self.wrong_type(key, value, "text", hint);
    }

    pub(super) fn count(&mut self, least: u32, key: &Key, value: &Tree) {
        let Node::Number(number) = &value.value else {
            self.wrong_type(
                key,
                value,
                "a whole number",
                format!("write a number such as {}", least.max(3)),
            );
            return;
        };
        if number
            .as_u64()
            .and_then(|count| u32::try_from(count).ok())
            .is_none_or(|count| count < least)
        {
            let range = self.place(key, value);
            let message = format!(
                "`{}` is {number}, it must be a whole number from {least} to {}",
                key.value,
                u32::MAX
            );
            let hint = if least == 1 {
                "attempts are counted in total: 1 means no second try"
            } else {
                "write a whole number"
            };
            self.fault("NX1207", range, message, hint);
        }
    }

    pub(super) fn number(&mut self, key: &Key, value: &Tree) {
        if !matches!(value.value, Node::Number(_)) {
            self.wrong_type(key, value, "a number", "write a number without quotes");
        }
    }

    pub(super) fn boolean(&mut self, key: &Key, value: &Tree) {
        if !matches!(value.value, Node::Bool(_)) {
            self.wrong_type(
                key,
                value,
                "true or false",
                "only the words true and false are booleans",
            );
        }
    }

    pub(super) fn any_list(&mut self, key: &Key, value: &Tree) {
        match &value.value {
            Node::List(items) if items.is_empty() => {
                let range = self.key_range(key);
                self.fault(
                    "NX1204",
                    range,
                    format!("`{}` is empty", key.value),
                    "name at least one value, or leave the key out",
                );
            }
            Node::List(_) => {}
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Text(_) | Node::Map(_) => {
                self.wrong_type(key, value, "a list", format!("write `{}: [a, b]`", key.value));
            }
        }
    }

    pub(super) fn template_map(&mut self, key: &Key, value: &Tree) {
        if !matches!(value.value, Node::Map(_)) {
            self.wrong_type(
                key,
                value,
                "a map of names and values",
                format!("write `{}: {{ total: \"${{{{ … }}}}\" }}`", key.value),
            );
        }
    }

    pub(super) fn environment(&mut self, key: &Key, value: &Tree) {
        let Node::Map(entries) = &value.value else {
            self.wrong_type(key, value, "a map of variables", "write `NAME: value` below it");
            return;
        };
        for (name, value) in entries {
            if !is_variable(&name.value) {
                let range = self.key_range(name);
                let message = format!("`{}` cannot name an environment variable", name.value);
                self.fault(
                    "NX1106",
                    range,
                    message,
                    "use letters, digits and _, not a digit first",
                );
            }
            if matches!(value.value, Node::List(_) | Node::Map(_)) {
                self.wrong_type(
                    name,
                    value,
                    "text, a number or a boolean",
                    "turn it into text with `${{ … | tojson }}`",
                );
            }
        }
    }

    pub(super) fn text_map(&mut self, key: &Key, value: &Tree) {
        let Node::Map(entries) = &value.value else {
            self.wrong_type(key, value, "a map of texts", "write `name: text` below it");
            return;
        };
        for (name, value) in entries {
            if !matches!(value.value, Node::Text(_)) {
                self.no_text(name, value);
            }
        }
    }

    pub(super) fn condition(&mut self, key: &Key, value: &Tree) {
        match &value.value {
            Node::Bool(_) => {}
            Node::Text(text) if condition_of(text).is_some() => {}
            Node::Text(text) => {
                let range = self.range(value);
                let hint = if text.contains("${{") {
                    "put the whole condition into one pair of braces: ${{ a and b }}".to_owned()
                } else {
                    format!("write `{}: ${{{{ {text} }}}}`", key.value)
                };
                self.fault(
                    "NX1204",
                    range,
                    format!("`{}` takes one expression in ${{{{ }}}}", key.value),
                    hint,
                );
            }
            Node::Null | Node::Number(_) | Node::List(_) | Node::Map(_) => {
                self.wrong_type(
                    key,
                    value,
                    "an expression",
                    format!("write `{}: ${{{{ … }}}}`", key.value),
                );
            }
        }
    }

    pub(super) fn duration(&mut self, zero: bool, key: &Key, value: &Tree) {
        let hint = "write one such as 500ms, 30s, 15m, 1h30m or 2d";
        match &value.value {
            Node::Text(text) => {
                let range = self.range(value);
                match duration(text) {
                    None => {
                        let hint = if text.contains("${{") {
                            "an expression cannot stand here; write one such as 30s"
                        } else {
                            hint
                        };
                        self.fault("NX1201", range, format!("`{text}` is not a duration"), hint);
                    }
                    Some(0) if !zero => self.fault(
                        "NX1201",
                        range,
                        format!("`{}` is zero", key.value),
                        "leave the key out for no limit",
                    ),
                    Some(_) => {}
                }
            }
            Node::Number(number) => {
                let range = self.range(value);
                self.fault(
                    "NX1201",
                    range,
                    format!("`{}` has no unit", key.value),
                    format!("write `{number}s` or `{number}ms`"),
                );
            }
            Node::Null | Node::Bool(_) | Node::List(_) | Node::Map(_) => {
                self.wrong_type(key, value, "a duration", hint);
            }
        }
    }

    pub(super) fn duration_template(&mut self, key: &Key, value: &Tree) {
        if !value.value.text().is_some_and(|text| text.contains("${{")) {
            self.duration(true, key, value);
        }
    }

    pub(super) fn text_or_list(&mut self, key: &Key, value: &Tree) {
        match &value.value {
            Node::Text(_) => {}
            Node::List(items) => {
                for item in items.iter().filter(|item| !matches!(item.value, Node::Text(_))) {
                    let range = match item.value {
                        Node::List(_) | Node::Map(_) | Node::Null => self.key_range(key),
                        Node::Bool(_) | Node::Number(_) | Node::Text(_) => self.range(item),
                    };
                    let message = format!("`{}` takes texts, not {}", key.value, item.value.noun());
                    self.fault(
                        "NX1204",
                        range,
                        message,
                        format!("write `{}: [a, b]`; numbers need quotes", key.value),
                    );
                }
            }
            Node::Null | Node::Bool(_) | Node::Number(_) | Node::Map(_) => {
                self.wrong_type(
                    key,
                    value,
                    "text or a list of texts",
                    format!("write `{0}: a` or `{0}: [a, b]`", key.value),
                );
            }
        }
    }

    pub(super) fn choice(&mut self, words: &[&str], key: &Key, value: &Tree) {
        let Some(text) = value.value.text() else {
            self.wrong_type(key, value, "a word", format!("write {}", any_of(words)));
            return;
        };
        if !words.contains(&text) {
            let foreign = FOREIGN_TYPES
                .iter()
                .find(|(word, meant)| *word == text && words.contains(meant))
                .map(|(_, meant)| *meant);
            let hint = match foreign.or_else(|| nearest(text, words.iter().copied())) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write {}", any_of(words)),
            };
            let range = self.range(value);
            self.fault(
                "NX1209",
                range,
                format!("`{}` cannot be `{text}`; it is one of {}", key.value, words.join(", ")),
                hint,
            );
        }
    }
}

/// Milliseconds of a duration with a unit.
pub(crate) fn duration(text: &str) -> Option<u64> {
    let unit = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    unit.then(|| duration_ms(&Value::String(text.to_owned())).ok()).flatten()
}

/// The expression of a condition and the byte where it begins, if `text` is one `${{ }}` and nothing else.
pub(crate) fn condition_of(text: &str) -> Option<(usize, &str)> {
    let inner = text.trim().strip_prefix("${{")?.strip_suffix("}}")?;
    let lead = text.len() - text.trim_start().len() + 3 + inner.len() - inner.trim_start().len();
    let single = !inner.contains("${{") && !inner.trim().is_empty();
    single.then(|| (lead, inner.trim()))
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
