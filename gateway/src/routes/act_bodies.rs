//! The bodies of requests that act: each address takes the keys that mean something there, and refuses others.

use serde::Deserialize;
use serde_json::Value;

use crate::api::{Act, By};

/// Of most of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActBody {
    #[serde(default)]
    reason: String,
    by: By,
}

/// Of `cancel`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelBody {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    no_undo: bool,
    by: By,
}

/// Of `retry`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetryBody {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    definition: Value,
    #[serde(default)]
    callees: Vec<Value>,
    by: By,
}

impl From<ActBody> for Act {
    fn from(ActBody { reason, by }: ActBody) -> Self {
        Self { reason, by, ..Self::default() }
    }
}

impl From<CancelBody> for Act {
    fn from(CancelBody { reason, no_undo, by }: CancelBody) -> Self {
        Self { reason, no_undo, by, ..Self::default() }
    }
}

impl From<RetryBody> for Act {
    fn from(RetryBody { reason, definition, callees, by }: RetryBody) -> Self {
        Self { reason, definition, callees, by, ..Self::default() }
    }
}
