//! The verbs, one file each.

mod acting;
pub(crate) mod approve;
pub(crate) mod audit;
pub(crate) mod bench;
pub(crate) mod breaker;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod dead;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod emit;
pub(crate) mod explain;
pub(crate) mod forget;
pub(crate) mod get;
pub(crate) mod graph;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod inbox;
pub(crate) mod limit;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod migrate;
pub(crate) mod new;
pub(crate) mod pause;
pub(crate) mod projection;
pub(crate) mod publish;
mod published;
pub(crate) mod query;
pub(crate) mod replay;
pub(crate) mod result;
pub(crate) mod resume;
pub(crate) mod retry;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod schema;
mod scope;
pub(crate) mod serve;
pub(crate) mod signal;
pub(crate) mod start;
pub(crate) mod starts;
mod targets;
pub(crate) mod test;
pub(crate) mod trigger;
pub(crate) mod update;
pub(crate) mod validate;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod versions;
pub(crate) mod wait;
pub(crate) mod watch;
pub(crate) mod worker;
pub(crate) mod workers;

use crate::args::{Args, Verb};
use crate::context::Context;
use crate::exit::Outcome;
use crate::{descriptors, output};

/// Does what the arguments say.
pub(crate) fn run(args: Args) -> Outcome {
    let context = Context::new(args.global.clone());
    output::configure(&args.global, context.store_flag());
    if !is_words_only(&args.verb) {
        descriptors::check()?;
    }
    match args.verb {
        Verb::Run(args) => run::run(&context, &args),
        Verb::Start(args) => start::run(&context, &args),
        Verb::Demo(args) => demo::run(&context, &args),
        Verb::Starts(args) => starts::run(&context, &args),
        Verb::Breaker(args) => breaker::run(&context, &args),
        Verb::Limit(args) => limit::run(&context, &args),
        Verb::List(args) => list::run(&context, args),
        Verb::Get(args) => get::run(&context, &args),
        Verb::Watch(args) => watch::run(&context, &args),
        Verb::History(args) => history::run(&context, &args),
        Verb::Result(args) => result::run(&context, &args),
        Verb::Wait(args) => wait::run(&context, &args),
        Verb::Pause(args) => pause::run(&context, &args),
        Verb::Resume(args) => resume::run(&context, &args),
        Verb::Cancel(args) => cancel::run(&context, &args),
        Verb::Retry(args) => retry::run(&context, &args),
        Verb::Forget(args) => forget::run(&context, &args),
        Verb::Schedule(args) => schedule::run(&context, &args),
        Verb::Publish(args) => publish::run(&context, &args),
        Verb::Migrate(args) => migrate::run(&context, &args),
        Verb::Versions(args) => versions::run(&context, &args),
        Verb::Diff(args) => diff::run(&context, &args),
        Verb::Rollback(args) => rollback::run(&context, &args),
        Verb::Dead(args) => dead::run(&context, args),
        Verb::Inbox(args) => inbox::run(&context, args),
        Verb::Approve(args) => approve::run(&context, args, true),
        Verb::Reject(args) => approve::run(&context, args, false),
        Verb::Emit(args) => emit::run(&context, &args),
        Verb::Trigger(args) => trigger::run(&context, &args),
        Verb::Update(args) => update::run(&context, &args),
        Verb::Query(args) => query::run(&context, &args),
        Verb::Signal(args) => signal::run(&context, &args),
        Verb::Serve(args) => serve::run(&context, &args),
        Verb::Worker(args) => worker::run(&context, &args),
        Verb::Workers(args) => workers::run(&context, &args),
        Verb::Logs(args) => logs::run(&context, &args),
        Verb::Replay(args) => replay::run(&context, &args),
        Verb::Audit(args) => audit::run(&context, &args),
        Verb::Verify(args) => verify::run(&context, &args),
        Verb::Projection(args) => projection::run(&context, &args),
        Verb::Doctor(args) => Ok(doctor::run(&context, &args)),
        Verb::Bench(args) => bench::run(&context, &args),
        Verb::New(args) => new::run(&args),
        Verb::Validate(args) => validate::run(&args),
        Verb::Test(args) => test::run(&args),
        Verb::Graph(args) => graph::run(&context, &args),
        Verb::Import(args) => import::run(&args),
        Verb::Explain(args) => explain::run(&context, &args),
        Verb::Schema(args) => Ok(schema::run(&args)),
        Verb::Completions(args) => Ok(completions::run(&args)),
        Verb::Version(args) => Ok(version::run(&args)),
        Verb::Help(args) => help::run(&args),
    }
}

/// Verbs that open nothing, and so are there for whoever was told that something is missing.
fn is_words_only(verb: &Verb) -> bool {
    matches!(
        verb,
        Verb::Explain(_)
            | Verb::Schema(_)
            | Verb::Completions(_)
            | Verb::Version(_)
            | Verb::Help(_)
    )
}
