//! Routers: steps that say which of others run.

use serde::{Deserialize, Serialize};

/// Which steps run, by conditions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Switch {
    /// Looked at in this order; the first whose condition holds is taken.
    pub cases: Vec<SwitchCase>,
    /// Ids of the steps that run if no condition holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default: Vec<String>,
}

/// A case of a router.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchCase {
    /// Expression (without `${{ }}`).
    pub when: String,
    /// Ids of the steps that run then.
    pub then: Vec<String>,
}
