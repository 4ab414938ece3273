//! What can be asked of lists, and how it stands in an address.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which runs a list holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunsFilter {
    /// Only of this workflow.
    pub workflow: Option<String>,
    /// Only in one of these statuses; empty: any.
    pub statuses: Vec<String>,
    /// Only those with a step that waits for this: `signal`, `approval`.
    pub waiting: Option<String>,
    /// Only with these labels.
    pub labels: BTreeMap<String, String>,
    /// Only those that began at or after this time, milliseconds since the Unix epoch.
    pub since_ms: Option<u64>,
    /// Only those that this selection means, such as `status = failed and age < 1d`.
    #[serde(default, rename = "where")]
    pub selection: Option<String>,
    /// At most this many; 0: 50.
    pub limit: u32,
    /// Where the page begins: `next` of the page before.
    pub after: Option<String>,
}

/// Which entries of the audit are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFilter {
    /// Only of this run.
    pub run: Option<String>,
    /// Only by this user or program.
    pub by: Option<String>,
    /// Only at or after this time, milliseconds since the Unix epoch.
    pub since_ms: Option<u64>,
    /// At most this many, the newest; 0: 100.
    pub limit: u32,
    /// Where the page begins: `next` of the page before.
    pub after: Option<u64>,
}

/// Names and values of an address's query, in order; a name may stand there more than once.
pub type Pairs = Vec<(String, String)>;

impl RunsFilter {
    /// As pairs.
    pub fn to_pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        put(&mut pairs, "workflow", self.workflow.as_ref());
        self.statuses.iter().for_each(|status| put(&mut pairs, "status", Some(status)));
        put(&mut pairs, "waiting", self.waiting.as_ref());
        self.labels.iter().for_each(|(key, value)| {
            put(&mut pairs, "label", Some(format!("{key}={value}")));
        });
        put(&mut pairs, "since_ms", self.since_ms);
        put(&mut pairs, "where", self.selection.as_ref());
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
                "status" => filter.statuses.extend(value.split(',').map(str::to_owned)),
                "waiting" => filter.waiting = Some(value),
                "label" => {
                    let (key, value) =
                        value.split_once('=').ok_or("`label` is written KEY=VALUE")?;
                    filter.labels.insert(key.to_owned(), value.to_owned());
                }
                "since_ms" => filter.since_ms = Some(number(&name, &value)?),
                "where" => filter.selection = Some(value),
                "limit" => filter.limit = number(&name, &value)?,
                "after" => filter.after = Some(value),
                _ => return Err(unknown(&name)),
            }
        }
        Ok(filter)
    }
}

impl AuditFilter {
    /// As pairs.
    pub fn to_pairs(&self) -> Pairs {
        let mut pairs = Pairs::new();
        put(&mut pairs, "run", self.run.as_ref());
        put(&mut pairs, "by", self.by.as_ref());
        put(&mut pairs, "since_ms", self.since_ms);
        put(&mut pairs, "limit", Some(self.limit));
        put(&mut pairs, "after", self.after);
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
                "run" => filter.run = Some(value),
                "by" => filter.by = Some(value),
                "since_ms" => filter.since_ms = Some(number(&name, &value)?),
                "limit" => filter.limit = number(&name, &value)?,
                "after" => filter.after = Some(number(&name, &value)?),
                _ => return Err(unknown(&name)),
            }
        }
        Ok(filter)
    }
}

pub(super) fn put(pairs: &mut Pairs, name: &str, value: Option<impl ToString>) {
    pairs.extend(value.map(|value| (name.to_owned(), value.to_string())));
}

pub(super) fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("`{name}` is a number, not `{value}`"))
}

pub(super) fn unknown(name: &str) -> String {
    format!("there is no parameter `{name}` here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_as_they_were_written() {
        let filter = RunsFilter {
            workflow: Some("order".into()),
            statuses: vec!["failed".into(), "running".into()],
            waiting: Some("signal".into()),
            labels: [("team".into(), "a=b".into())].into(),
            since_ms: Some(7),
            selection: Some("age < 1d".into()),
            limit: 3,
            after: Some("x".into()),
        };
        assert_eq!(RunsFilter::from_pairs(filter.to_pairs()), Ok(filter));
        let filter = AuditFilter { run: Some("wf-001".into()), limit: 9, ..AuditFilter::default() };
        assert_eq!(AuditFilter::from_pairs(filter.to_pairs()), Ok(filter));
        let wrong = vec![("statsu".to_owned(), "failed".to_owned())];
        assert_eq!(RunsFilter::from_pairs(wrong).unwrap_err(), unknown("statsu"));
    }
}
