//! What a file says and a definition cannot say, or only says differently: named, with its place.

use serde::Serialize;
use serde_saphyr::Location;

use super::error::{ImportError, Place};
use super::graph::clean;
use crate::source::{Fault, Source, range_of};

/// Something of the file that is not in the definition as the file means it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The code, for `explain`.
    pub code: &'static str,
    /// Where in the file, if one place says it.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What it is, and what became of it.
    pub message: String,
}

/// The kinds of findings, by their codes.
pub(super) mod code {
    /// A key is not kept.
    pub(in crate::import) const NOT_KEPT: &str = "NX1210";
    /// Nothing built in does what a step does.
    pub(in crate::import) const SIMULATED: &str = "NX1211";
    /// A condition or a template is in a language that was not translated.
    pub(in crate::import) const NOT_TRANSLATED: &str = "NX1212";
    /// A loop has a shape that definitions do not have.
    pub(in crate::import) const LOOP: &str = "NX1213";
    /// A step calls another workflow.
    pub(in crate::import) const OTHER_WORKFLOW: &str = "NX1214";
    /// The file does not say who may approve.
    pub(in crate::import) const APPROVERS: &str = "NX1215";
    /// What starts runs is not imported.
    pub(in crate::import) const TRIGGER: &str = "NX1216";
    /// No step before brings a value.
    pub(in crate::import) const UNKNOWN_NAME: &str = "NX1217";
    /// Nothing leads to a step.
    pub(in crate::import) const NEVER_REACHED: &str = "NX1218";
    /// A call of another workflow lacks something, or is none.
    pub(in crate::import) const CALL: &str = "NX1219";
}

/// Gathers findings of one text.
#[derive(Debug)]
pub(super) struct Findings {
    source: Source,
    found: Vec<Finding>,
}

impl Findings {
    pub(super) fn of(text: &str) -> Self {
        Self { source: Source::new("", text), found: Vec::new() }
    }

    /// Names something at a place of the text.
    pub(super) fn add(&mut self, code: &'static str, at: &Location, message: &str) {
        let place = Some(self.place(at));
        let finding = Finding { code, place, message: clean(message) };
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    /// The place of a value.
    pub(super) fn place(&self, at: &Location) -> Place {
        self.place_of(&Fault::new("", range_of(at, self.source.text()), String::new()))
    }

    /// The damage `reason` at a place of the text.
    pub(super) fn damage(&self, at: &Location, reason: impl Into<String>) -> ImportError {
        let place = Some(self.place(at));
        ImportError::Damaged { format: None, place, reason: reason.into() }
    }

    /// What a reader of the text found wrong.
    pub(super) fn fault(&self, fault: &Fault) -> ImportError {
        let (place, reason) = (Some(self.place_of(fault)), fault.message.clone());
        ImportError::Damaged { format: None, place, reason }
    }

    /// In the order of the text.
    pub(super) fn into_sorted(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|finding| finding.place.map(|place| (place.line, place.column)));
        self.found
    }

    fn place_of(&self, fault: &Fault) -> Place {
        let problem = self.source.problem(fault.clone());
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Place { line: count(problem.line), column: count(problem.column) }
    }
}
