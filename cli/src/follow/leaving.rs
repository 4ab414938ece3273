//! Leaving runs before they have ended.

use nexus_gateway::api::Problem;

use super::Signals;
use super::session::Views;
use crate::context::Context;
use crate::exit::Code;
use crate::output;
use crate::progress::Picture;
use crate::store::Access;

/// How many runs are named.
const NAMED_MAX: usize = 5;

/// A signal came: runs of this process are parked; others go on where they are.
pub(super) async fn interrupted(
    context: &Context,
    access: Option<Access>,
    views: &Views,
    signals: &mut Signals,
    code: Code,
) {
    let names = names(views);
    let Some(access) = access.filter(Access::is_here) else {
        output::note(format!("{names} goes on in the process that holds the store"));
        output::note(format!(
            "  look:  nexus-engine watch {}{}",
            first(views),
            context.store_flag()
        ));
        return;
    };
    output::note(format!("parking {names} … {}", told_to_stop(views, code)));
    park_all(access, signals).await;
    for picture in views.open().take(NAMED_MAX) {
        let name = picture.name();
        let after =
            picture.last_completed().map(|step| format!(" after {step}")).unwrap_or_default();
        output::note(format!("‖ {name} is parked{after}. Nothing is lost."));
        output::note(format!("  continue:  nexus-engine resume {name}{}", context.store_flag()));
    }
}

/// Parks everything that is driven here; a second signal ends the wait for it.
pub(crate) async fn park_all(access: Access, signals: &mut Signals) {
    tokio::select! {
        () = access.close() => {}
        _ = signals.next() => output::note("stopped at once; what was running runs again"),
    }
}

/// The time is over: runs of this process are parked; others go on where they are.
pub(super) async fn timed_out(context: &Context, access: Option<Access>, views: &Views) -> Problem {
    let (names, flag) = (names(views), context.store_flag());
    let message = format!("the time is over, and {names} has not ended");
    let problem = Problem::new("NX7013", Code::StillGoing as u8, message).run(first(views));
    let Some(access) = access.filter(Access::is_here) else {
        return problem
            .hint(format!("it goes on; look: nexus-engine watch {}{flag}", first(views)));
    };
    access.close().await;
    problem.hint(format!("it is parked; continue: nexus-engine resume {}{flag}", first(views)))
}

fn names(views: &Views) -> String {
    let all: Vec<&str> = views.open().map(Picture::name).collect();
    match all.len().saturating_sub(NAMED_MAX) {
        0 => all.join(", "),
        more => format!("{} and {more} more", all[..NAMED_MAX].join(", ")),
    }
}

fn first(views: &Views) -> String {
    views.open().next().map(|picture| picture.name().to_owned()).unwrap_or_default()
}

fn told_to_stop(views: &Views, code: Code) -> String {
    let running: Vec<&str> = views.open().flat_map(Picture::running).take(NAMED_MAX).collect();
    let again = if code == Code::Interrupted { ", Ctrl-C again to stop now" } else { "" };
    match running.as_slice() {
        [] => format!("no step is running{again}"),
        [one] => format!("{one} is told to stop (10s grace){again}"),
        some => format!("{} are told to stop (10s grace){again}", some.join(", ")),
    }
}
