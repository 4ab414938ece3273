//! What a workflow asks of the world around it: decisions of people, and signals.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use nexus_model::definition::{Approval as Recorded, InputSpec, OnApprovalTimeout};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ms;

/// A decision that a person makes.
///
/// ```
/// use nexus_engine::prelude::*;
///
/// let ask = Approval::by("group:ops").or_by("user:dana").ask("Ship it?").within(hours(24));
/// # let _ = ask;
/// ```
#[derive(Clone, Debug)]
pub struct Approval {
    pub(crate) recorded: Recorded,
    /// Whether the run goes on when it is rejected.
    pub(crate) goes_on: bool,
}

impl Approval {
    /// Who may decide: `user:dana` is a person, `group:ops` a group, a bare word either.
    pub fn by(who: impl Into<String>) -> Self {
        let recorded = Recorded { by: json!([who.into()]), ..Recorded::default() };
        Self { recorded, goes_on: false }
    }

    /// Who else may decide.
    #[must_use]
    pub fn or_by(mut self, who: impl Into<String>) -> Self {
        if let Value::Array(list) = &mut self.recorded.by {
            list.push(who.into().into());
        }
        self
    }

    /// What they are asked. Expressions in `${{ }}` are replaced.
    #[must_use]
    pub fn ask(mut self, message: impl Into<String>) -> Self {
        self.recorded.message = message.into().into();
        self
    }

    /// What they fill in, by name.
    #[must_use]
    pub fn form(mut self, fields: impl IntoIterator<Item = (String, InputSpec)>) -> Self {
        self.recorded.form = fields.into_iter().collect::<BTreeMap<_, _>>();
        self
    }

    /// How long it waits; after that the step fails.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.recorded.timeout_ms = Some(ms(time));
        self
    }

    /// Counts as rejected when the time of [`within`](Self::within) is over.
    #[must_use]
    pub fn or_reject(mut self) -> Self {
        self.recorded.on_timeout = OnApprovalTimeout::Reject;
        self
    }

    /// Goes on when it is rejected; [`Decision::approved`] says how it was decided. Otherwise the step fails.
    #[must_use]
    pub fn or_go_on(mut self) -> Self {
        self.goes_on = true;
        self
    }
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// Yes or no.
    pub approved: bool,
    /// Who decided; empty if time did.
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub by: String,
    /// When, in RFC 3339.
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub at: String,
    /// What they said to it.
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub note: String,
    /// What they filled in.
    #[serde(default)]
    pub form: Value,
}

fn text_or_nothing<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => text,
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            other.to_string()
        }
    })
}

/// The name of a signal and the type of what it carries.
///
/// ```
/// use nexus_engine::prelude::*;
///
/// const PAID: Signal<u64> = Signal::new("paid");
/// assert_eq!(PAID.name(), "paid");
/// ```
pub struct Signal<T> {
    name: &'static str,
    marker: PhantomData<fn() -> T>,
}

impl<T> Signal<T> {
    /// A signal of this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name, marker: PhantomData }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Signal<T> {}

impl<T> fmt::Debug for Signal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal").field(&self.name).finish()
    }
}
