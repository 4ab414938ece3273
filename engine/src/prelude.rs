//! What programs that embed the engine need most: `use nexus_engine::prelude::*`.

pub use crate::code::{Cx, Next};
pub use crate::engine::Engine;
pub use crate::handler::{StepCx, StepError, StepResult};
pub use crate::workflow::{
    Approval, Args, Dag, Decision, Error, IntoStep, Node, OnFailure, Result, Retry, RunHandle,
    Signal, Step, Workflow, days, hours, minutes, secs,
};
