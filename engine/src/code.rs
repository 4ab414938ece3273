//! Code: workflows that are async functions.
//!
//! The function of a run is asked in turns, see [`nexus_model::code`]. It reads what is recorded of its run, in the order in
//! which it is recorded: after a crash as while it runs. So what it does is the same both times, as long as it does only what
//! follows from what it is given.
//!
//! Invariants:
//! * A function gets an outcome only after the event behind it is durable, and one at a time.
//! * What a function says takes effect once it is durable. Until then it has happened in memory only.
//! * A function that does something else than what is recorded gets no further, and nothing is recorded of it.

mod board;
mod cx;
mod differs;
mod ends;
mod functions;
mod machine;
mod outside;
mod past_approval;
mod performer;
mod player;
mod request;
mod said;
#[cfg(test)]
mod tests;
mod trouble;

use std::any::TypeId;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use nexus_log::Revision;
use nexus_model::code::CallMade;
use nexus_model::event::{Event, Failure};
use nexus_model::id::RunId;
use nexus_model::plan::Plan;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::handler::Data;
use crate::loader::{LoadError, Loader, events_of};

pub use cx::{Call, Cx, Each, Wait, Within};
pub(crate) use functions::Functions;
pub use past_approval::PastApproval;
pub(crate) use past_approval::past_approval;
pub(crate) use performer::{Performance, perform};
pub(crate) use player::Player;
pub(crate) use request::Request;
pub use trouble::FunctionTrouble;
pub(crate) use trouble::Trouble;

/// What a round of a repeated function returns: the state with which the next one begins, or what the run brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<State, Out> {
    /// There is another round.
    Again(State),
    /// The run ends.
    Done(Out),
}

/// What a function returns.
#[derive(Clone, Debug)]
pub(crate) struct Returned {
    /// The output, or the state of the next round.
    pub(crate) data: Data,
    pub(crate) again: bool,
}

/// The future of a function.
pub(crate) type FunctionFuture = Pin<Box<dyn Future<Output = Result<Returned, Failure>> + Send>>;

/// A function that runs are carried out by.
pub(crate) trait Function: Send + Sync + 'static {
    /// Which function it is.
    fn identity(&self) -> TypeId {
        TypeId::of::<Self>()
    }

    /// Begins it for a run.
    fn begin(&self, cx: Cx, input: Data) -> FunctionFuture;

    /// Whether it goes through rounds, so that the calls of earlier ones are not made again after a crash.
    fn repeats(&self) -> bool {
        false
    }
}

/// A function that runs are carried out by, of one with types.
pub(crate) fn function<F, Fut, In, Out>(function: F) -> Arc<dyn Function>
where
    F: Fn(Cx, In) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = crate::workflow::Result<Out>> + Send + 'static,
    In: DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    Arc::new(cx::Typed::new(function))
}

/// As [`function`], of one that is repeated.
pub(crate) fn repeated<F, Fut, State, Out>(function: F) -> Arc<dyn Function>
where
    F: Fn(Cx, State) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = crate::workflow::Result<Next<State, Out>>> + Send + 'static,
    State: Serialize + DeserializeOwned + Send + 'static,
    Out: Serialize + Send + 'static,
{
    Arc::new(cx::Repeated::new(function))
}

/// The plan that folds event `revision` of a run: `base`, with the calls that were made up to then.
pub(crate) fn plan_at(
    loader: &Loader,
    run: RunId,
    base: &Arc<Plan>,
    revision: u32,
) -> Result<Arc<Plan>, LoadError> {
    let mut calls: Vec<Arc<CallMade>> = Vec::new();
    loader.each_frame(run, Revision(0), |frame| {
        if frame.revision.0 > revision {
            return Ok(());
        }
        for recorded in events_of(frame)? {
            if recorded.revision > revision {
                break;
            }
            let Event::CallsMade(made) = recorded.event else { continue };
            for call in made.calls {
                match calls.get_mut(call.step.at()) {
                    Some(slot) => *slot = Arc::new(call),
                    None => calls.push(Arc::new(call)),
                }
            }
        }
        Ok(())
    })?;
    let grown = base.of_calls(&calls).map_err(|_| LoadError::Definition(base.hash()))?;
    Ok(Arc::new(grown))
}
