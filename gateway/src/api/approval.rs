//! What people decide: the inbox, and answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::By;
use super::query::{Pairs, number, put, unknown};

/// A request to approve or reject what a step asks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalAnswer {
    /// The step; needed if several steps of the run ask.
    #[serde(default)]
    pub step: Option<String>,
    /// What there is to say to it.
    #[serde(default)]
    pub note: String,
    /// What is filled in, by name; `null`: nothing.
    #[serde(default)]
    pub form: Value,
    /// More of the form, as texts that are read as the fields are declared.
    #[serde(default)]
    pub texts: BTreeMap<String, String>,
    /// The groups of who decides.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Who decides.
    pub by: By,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedView {
    /// `decided/v1`.
    pub kind: String,
    /// The run's name.
    pub id: String,
    /// The step.
    pub step: String,
    /// Yes or no.
    pub approved: bool,
    /// Who.
    pub by: By,
    /// Revision of the run after it.
    pub revision: u32,
}

/// Which open approvals are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxFilter {
    /// Only of this workflow.
    pub workflow: Option<String>,
    /// Only those that this person may decide.
    pub user: Option<String>,
    /// The groups of this person.
    pub groups: Vec<String>,
    /// Of at most this many runs; 0: 50.
    pub limit: u32,
    /// Where the page begins: `next` of the page before.
    pub after: Option<String>,
}

/// Open approvals, those whose time is over first before the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalsPage {
    /// `inbox/v1`.
    pub kind: String,
    /// The approvals.
    pub items: Vec<ApprovalItem>,
    /// Where the next page begins; `null`: there is none.
    pub next: Option<String>,
}

/// An open approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalItem {
    /// The run's name.
    pub id: String,
    /// The workflow.
    pub workflow: String,
    /// The step.
    pub step: String,
    /// Who may decide: `user:…`, `group:…`, or either.
    pub by: Vec<String>,
    /// What they are asked.
    pub message: String,
    /// What they fill in: each field as the workflow declares it.
    pub form: Value,
    /// Since when.
    pub since: String,
    /// Until when; `null`: for ever.
    pub until: Option<String>,
    /// What happens then: `fail`, `reject`, `continue`.
    pub on_timeout: String,
    /// Milliseconds until then.
    pub left_ms: Option<u64>,
}

impl InboxFilter {
    /// As pairs.
    pub fn to_pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        put(&mut pairs, "workflow", self.workflow.as_ref());
        put(&mut pairs, "user", self.user.as_ref());
        self.groups.iter().for_each(|group| put(&mut pairs, "group", Some(group)));
        put(&mut pairs, "limit", Some(self.limit));
        put(&mut pairs, "after", self.after.as_ref());
        pairs
    }

    /// Reads pairs.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_pairs(pairs: Pairs) -> Result<Self, String> {
        let mut filter = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "workflow" => filter.workflow = Some(value),
                "user" => filter.user = Some(value),
                "group" => filter.groups.push(value),
                "limit" => filter.limit = number(&name, &value)?,
                "after" => filter.after = Some(value),
                _ => return Err(unknown(&name)),
            }
        }
        Ok(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_they_were_written() {
        let filter = InboxFilter {
            workflow: Some("order".into()),
            user: Some("dana".into()),
            groups: vec!["ops".into(), "dev".into()],
            limit: 3,
            after: Some("x".into()),
        };
        assert_eq!(InboxFilter::from_pairs(filter.to_pairs()), Ok(filter));
    }
}
