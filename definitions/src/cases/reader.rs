//! The reader of test files: the top of the file, and what all levels have in common.

use std::ops::Range;

use super::{Case, Named, Real};
use crate::check::duration;
use crate::source::{Fault, range_of};
use crate::suggest::{any_of, nearest};
use crate::yaml::{Key, Node, Tree};

/// What a file says, before its names are looked up.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) workflow: Option<String>,
    pub(super) workflow_range: Range<usize>,
    pub(super) workflows: Vec<String>,
    pub(super) cases: Vec<Case>,
    pub(super) crash_everywhere: bool,
}

/// Walks the document and gathers what it says and what is wrong.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) faults: Vec<Fault>,
    pub(super) named: Vec<Named>,
}

const TOP: &[&str] = &["workflow", "workflows", "real", "cases", "crash_everywhere"];

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, faults: Vec::new(), named: Vec::new() }
    }

    pub(super) fn done(self) -> (Vec<Fault>, Vec<Named>) {
        (self.faults, self.named)
    }

    pub(super) fn file(&mut self, tree: &Tree) -> File {
        let mut file = File::default();
        let Node::Map(entries) = &tree.value else {
            let message = format!("a test file is a map, this one holds {}", tree.value.noun());
            let hint = "begin with `workflow: ./NAME.workflow.yaml` and `cases:`";
            self.fault("NX1120", range_of(&tree.defined, self.text), message, hint);
            return file;
        };
        let mut real = Real::default();
        for (key, value) in entries {
            match key.value.as_str() {
                "workflow" => {
                    file.workflow = self.text_of(key, value);
                    file.workflow_range = self.place(key, value);
                }
                "workflows" => file.workflows = self.texts(key, value),
                "real" => real = self.real(key, value),
                "crash_everywhere" => file.crash_everywhere = self.boolean(key, value),
                "cases" => {}
                _ => self.unknown(key, "a test file", TOP),
            }
        }
        match entries.iter().find(|(key, _)| key.value == "cases") {
            None => {
                let hint = "add `cases:` with a name and what is expected";
                self.fault("NX1120", 0..0, "the file has no cases".to_owned(), hint);
            }
            Some((key, cases)) => file.cases = self.cases(key, cases, &real),
        }
        file
    }

    fn cases(&mut self, key: &Key, cases: &Tree, real: &Real) -> Vec<Case> {
        let entries = self.entries(key, cases, "a map of names and cases");
        if entries.is_empty() {
            let range = self.key_range(key);
            let hint = "write the name of a case and what is expected below it";
            self.fault("NX1120", range, "`cases` is empty".to_owned(), hint);
        }
        self.resolved(entries, real)
    }

    pub(super) fn real(&mut self, key: &Key, value: &Tree) -> Real {
        match &value.value {
            Node::Bool(true) => Real::All,
            Node::Bool(false) => Real::default(),
            Node::Null | Node::Number(_) | Node::Text(_) | Node::List(_) | Node::Map(_) => {
                for item in value.value.items() {
                    self.mentions(item.value.text(), &range_of(&item.defined, self.text), true);
                }
                Real::Named(self.texts(key, value))
            }
        }
    }

    /// Takes note of a name that the workflow must have.
    pub(super) fn mentions(&mut self, name: Option<&str>, range: &Range<usize>, is_mock: bool) {
        if let Some(name) = name {
            self.named.push(Named { name: name.to_owned(), range: range.clone(), is_mock });
        }
    }

    pub(super) fn fault(
        &mut self,
        code: &'static str,
        range: Range<usize>,
        message: String,
        hint: impl Into<String>,
    ) {
        self.faults.push(Fault::new(code, range, message).hint(hint));
    }

    pub(super) fn key_range(&self, key: &Key) -> Range<usize> {
        range_of(&key.defined, self.text)
    }

    /// Where to point for a value: itself if it is a scalar, else its key.
    pub(super) fn place(&self, key: &Key, value: &Tree) -> Range<usize> {
        match value.value {
            Node::Null | Node::List(_) | Node::Map(_) => self.key_range(key),
            Node::Bool(_) | Node::Number(_) | Node::Text(_) => range_of(&value.defined, self.text),
        }
    }

    /// NX1121: the key means nothing here.
    pub(super) fn unknown(&mut self, key: &Key, noun: &str, known: &[&str]) {
        let hint = match nearest(&key.value, known.iter().copied()) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let range = self.key_range(key);
        self.fault("NX1121", range, format!("unknown key `{}` in {noun}", key.value), hint);
    }

    /// NX1122: the value is of another kind than the key takes.
    pub(super) fn wrong(&mut self, key: &Key, value: &Tree, wanted: &str) {
        let range = self.place(key, value);
        let message = format!("`{}` takes {wanted}, not {}", key.value, value.value.noun());
        self.fault("NX1122", range, message, format!("write {wanted}"));
    }

    pub(super) fn entries<'n>(
        &mut self,
        key: &Key,
        value: &'n Tree,
        wanted: &str,
    ) -> &'n [(Key, Tree)] {
        if !matches!(value.value, Node::Map(_)) {
            self.wrong(key, value, wanted);
        }
        value.value.entries()
    }

    pub(super) fn text_of(&mut self, key: &Key, value: &Tree) -> Option<String> {
        let text = value.value.text().filter(|text| !text.is_empty());
        if text.is_none() {
            self.wrong(key, value, "text");
        }
        text.map(str::to_owned)
    }

    pub(super) fn texts(&mut self, key: &Key, value: &Tree) -> Vec<String> {
        let is_good = matches!(value.value, Node::List(_))
            && value.value.items().iter().all(|item| item.value.text().is_some());
        if !is_good {
            self.wrong(key, value, "a list of texts");
        }
        value.value.items().iter().filter_map(|item| item.value.text().map(str::to_owned)).collect()
    }

    pub(super) fn boolean(&mut self, key: &Key, value: &Tree) -> bool {
        let Node::Bool(flag) = value.value else {
            self.wrong(key, value, "true or false");
            return false;
        };
        flag
    }

    pub(super) fn count(&mut self, key: &Key, value: &Tree) -> Option<u64> {
        let count = match &value.value {
            Node::Number(number) => number.as_u64(),
            Node::Null | Node::Bool(_) | Node::Text(_) | Node::List(_) | Node::Map(_) => None,
        };
        if count.is_none() {
            self.wrong(key, value, "a whole number");
        }
        count
    }

    /// NX1123 if it is no duration.
    pub(super) fn duration(&mut self, key: &Key, value: &Tree) -> u64 {
        let ms = value.value.text().and_then(duration);
        if ms.is_none() {
            let range = self.place(key, value);
            let message = format!("`{}` takes a duration", key.value);
            self.fault("NX1123", range, message, "write one such as 500ms, 30s, 15m, 1h30m or 2d");
        }
        ms.unwrap_or(0)
    }

    /// One of these words, or NX1129.
    pub(super) fn word(&mut self, key: &Key, value: &Tree, words: &[&str]) -> Option<String> {
        let text = self.text_of(key, value)?;
        if !words.contains(&text.as_str()) {
            let hint = match nearest(&text, words.iter().copied()) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write {}", any_of(words)),
            };
            let range = self.place(key, value);
            self.fault("NX1129", range, format!("`{text}` is no status"), hint);
            return None;
        }
        Some(text)
    }
}
