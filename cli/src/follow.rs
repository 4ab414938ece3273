//! Following runs to their end, wherever they are driven: in this process, or in the one that holds the store. If that one
//! ends first, this process takes the store and goes on.
//!
//! Invariants:
//! * A run that is left, by a signal or because the time is over, is parked or goes on elsewhere; the user is told which.

mod leaving;
mod session;
mod signals;
mod verdict;

use nexus_gateway::api::{Problem, RunView};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::store::{Access, Purpose};
use session::{Session, Way};

pub(crate) use leaving::park_all;
pub(crate) use signals::Signals;
pub(crate) use verdict::code_of;

/// Which runs are followed, and how.
#[derive(Clone, Debug)]
pub(crate) struct Following {
    /// The runs.
    pub(crate) names: Vec<String>,
    /// Until one of them has ended.
    pub(crate) any: bool,
    /// Whether what was recorded before is shown as well.
    pub(crate) from_start: bool,
    /// What is shown.
    pub(crate) show: Show,
}

/// What is shown of runs that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// Their steps, as they go on, and their output.
    Progress,
    /// How they ended.
    Verdicts,
    /// Nothing.
    Nothing,
}

/// Runs that were followed.
pub(crate) struct Followed {
    /// Those that have ended.
    pub(crate) views: Vec<RunView>,
    /// The exit code, if they did not all end.
    pub(crate) left: Option<Code>,
}

/// Follows runs to their end and prints what became of them.
pub(crate) async fn to_the_end(
    context: &Context,
    access: Access,
    purpose: Purpose,
    following: Following,
) -> Outcome {
    let show = following.show;
    let (followed, access) = follow(context, access, purpose, following).await?;
    if followed.left.is_none() || show == Show::Verdicts {
        verdict::print(&followed.views, show);
    }
    if let Some(access) = access {
        access.close().await;
    }
    Ok(followed.left.unwrap_or_else(|| verdict::worst(&followed.views)))
}

/// Follows runs to their end.
pub(crate) async fn until_ended(
    context: &Context,
    access: Access,
    purpose: Purpose,
    following: Following,
) -> Result<Followed, Problem> {
    let (followed, access) = follow(context, access, purpose, following).await?;
    if let Some(access) = access {
        access.close().await;
    }
    Ok(followed)
}

async fn follow(
    context: &Context,
    access: Access,
    purpose: Purpose,
    following: Following,
) -> Result<(Followed, Option<Access>), Problem> {
    let mut session = Session::new(context, access, purpose, following);
    let mut signals = Signals::new();
    let way = tokio::select! {
        ended = session.run() => ended.map(|()| Way::Ended),
        signal = signals.next() => Ok(Way::Signal(signal)),
        () = context.expired() => Ok(Way::TimedOut),
    };
    let (access, views) = session.finish();
    match way {
        Ok(Way::Ended) => Ok((Followed { views: views.ended(), left: None }, access)),
        Ok(Way::Signal(code)) => {
            leaving::interrupted(context, access, &views, &mut signals, code).await;
            Ok((Followed { views: views.ended(), left: Some(code) }, None))
        }
        Ok(Way::TimedOut) => Err(leaving::timed_out(context, access, &views).await),
        Err(problem) => {
            if let Some(access) = access {
                access.close().await;
            }
            Err(problem)
        }
    }
}
