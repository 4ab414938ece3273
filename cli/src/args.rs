//! Arguments: what can be written after `nexus-engine`.

mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ArgsOf, ColorChoice, Parser, Subcommand};

use crate::commands::{
    approve, audit, bench, breaker, cancel, completions, dead, demo, diff, doctor, emit, explain,
    forget, get, graph, help, history, import, inbox, limit, list, logs, migrate, new, pause,
    projection, publish, query, replay, result, resume, retry, rollback, run, schedule, schema,
    serve, signal, start, starts, test, trigger, update, validate, verify, version, versions, wait,
    watch, worker, workers,
};
use crate::output::Format;

pub(crate) use values::{duration, pair, since};

/// A durable workflow engine: every step is on disk before the next one begins.
#[derive(Debug, Parser)]
#[command(
    name = "nexus-engine",
    version,
    infer_subcommands = true,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Example:\n  nexus-engine run examples/order.workflow.yaml\n\nExit codes: nexus-engine help exit-codes"
)]
pub(crate) struct Args {
    /// What holds for every verb.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The verb.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags of every verb.
#[derive(Clone, Debug, Default, ArgsOf)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Folder of the store [default: ./.nexus].
    #[arg(long, global = true, value_name = "PATH", env = "NEXUS_STORE", hide_env_values = true)]
    pub(crate) store: Option<PathBuf>,
    /// Form of results; json is one document, jsonl one a line, and without a FORM it is value.
    #[arg(short, long, global = true, value_name = "FORM", value_enum, num_args = 0..=1, default_missing_value = "value")]
    pub(crate) output: Option<Format>,
    /// Leave out the heads of tables.
    #[arg(long, global = true)]
    pub(crate) no_header: bool,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Print errors and results only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say why; twice: say more; three times: what the libraries inside say as well.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Do not ask for confirmation.
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Never ask anything; so it is without a terminal.
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Stop waiting after this time with exit code 8, such as 5m; the run goes on. Of a store that another process holds: 6.
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// How often the end of the process may cut off one attempt; after that the step fails with NX3013.
    #[arg(
        long,
        global = true,
        value_name = "N",
        hide_short_help = true,
        env = "NEXUS_INTERRUPTIONS_MAX",
        hide_env_values = true
    )]
    pub(crate) interruptions_max: Option<u32>,
    /// How many runs may be open at one time; another start is refused with NX4168, and can be repeated later.
    #[arg(
        long,
        global = true,
        value_name = "N",
        hide_short_help = true,
        env = "NEXUS_OPEN_RUNS_MAX",
        hide_env_values = true
    )]
    pub(crate) open_runs_max: Option<u64>,
    /// Open a store that ends before what it acknowledged.
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) accept_data_loss: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a workflow to its end, here and now.
    Run(run::RunArgs),
    /// Start a run and return at once.
    Start(start::StartArgs),
    /// Run an order, kill the process in the middle, and see it recover.
    Demo(demo::DemoArgs),
    /// List runs.
    #[command(visible_alias = "ls")]
    List(list::ListArgs),
    /// Show one run on one page.
    Get(get::GetArgs),
    /// Watch runs until they end.
    Watch(watch::WatchArgs),
    /// List what was recorded about a run.
    History(history::HistoryArgs),
    /// Print the output of a run.
    Result(result::ResultArgs),
    /// Wait until runs have ended.
    Wait(wait::WaitArgs),
    /// Tell a run something that a step of it waits for.
    Signal(signal::SignalArgs),
    /// Send a run a request that a step of it checks, takes and answers.
    Update(update::UpdateArgs),
    /// Ask what a workflow tells of a run, such as how far it is.
    Query(query::QueryArgs),
    /// Emit an event for all runs that wait for it, and for workflows it starts.
    Emit(emit::EmitArgs),
    /// Have workflows started by events.
    #[command(visible_alias = "triggers")]
    Trigger(trigger::TriggerArgs),
    /// List what waits for the decision of a person.
    Inbox(inbox::InboxArgs),
    /// Approve what a step of a run asks.
    Approve(approve::AnswerArgs),
    /// Reject what a step of a run asks.
    Reject(approve::AnswerArgs),
    /// How many may run at one time: list limits, look at one, set one.
    Limit(limit::LimitArgs),
    /// Whether targets may be called: list circuit breakers, look at one, close one.
    Breaker(breaker::BreakerArgs),
    /// What is kept and has not led to a run yet: list it, look at a start, cancel it.
    Starts(starts::StartsArgs),
    /// Start nothing new in a run until it is resumed.
    Pause(pause::PauseArgs),
    /// Go on with a run: drive it here, and end its pause.
    Resume(resume::ResumeArgs),
    /// End a run: what runs is stopped, nothing new begins.
    Cancel(cancel::CancelArgs),
    /// Continue a failed or cancelled run with the steps that did not complete.
    Retry(retry::RetryArgs),
    /// Delete the keys of encrypted runs that have ended: their values are gone.
    Forget(forget::ForgetArgs),
    /// Have runs started by the clock.
    #[command(visible_alias = "schedules")]
    Schedule(schedule::ScheduleArgs),
    /// Make a workflow file the current version of its workflow.
    Publish(publish::PublishArgs),
    /// Have the open runs of a workflow go on with another version.
    Migrate(migrate::MigrateArgs),
    /// List the workflows that are published, or the versions of one.
    Versions(versions::VersionsArgs),
    /// Say what differs between two versions or files of a workflow, by meaning.
    Diff(diff::DiffArgs),
    /// Make a version current that was published before.
    Rollback(rollback::RollbackArgs),
    /// List the runs that failed for good and wait for a person, or continue them.
    Dead(dead::DeadArgs),
    /// Run the engine on the store, with metrics and health over HTTP.
    Serve(serve::ServeArgs),
    /// Carry out steps with `uses: worker/NAME` by calling a command for each.
    Worker(worker::WorkerArgs),
    /// List the handlers that workers offer, and those that steps wait for.
    Workers(workers::WorkersArgs),
    /// Print what the steps of a run printed.
    Logs(logs::LogsArgs),
    /// Read runs again and check that the same follows; no handler is called.
    Replay(replay::ReplayArgs),
    /// List who did what, when, and from where.
    Audit(audit::AuditArgs),
    /// Check the whole store against itself.
    Verify(verify::VerifyArgs),
    /// List the views of the log, or rebuild them and compare.
    #[command(visible_alias = "projections")]
    Projection(projection::ProjectionArgs),
    /// Look over the program, the store and the machine.
    Doctor(doctor::DoctorArgs),
    /// Measure the engine on this disk, beside the raw disk.
    Bench(bench::BenchArgs),
    /// Write a workflow to begin with.
    New(new::NewArgs),
    /// Check workflow files; nothing is started.
    Validate(validate::ValidateArgs),
    /// Play workflows in simulated time, with mocks and crashes, as test files say.
    Test(test::TestArgs),
    /// Draw the steps of a workflow or run.
    Graph(graph::GraphArgs),
    /// Turn a graph or a workflow of another program into a workflow.
    Import(import::ImportArgs),
    /// Explain an error code, or why a run stands where it stands.
    Explain(explain::ExplainArgs),
    /// Print the JSON Schema of workflow files.
    Schema(schema::SchemaArgs),
    /// Print what a shell needs to complete command lines.
    Completions(completions::CompletionsArgs),
    /// Print versions.
    Version(version::VersionArgs),
    /// Explain a verb, or a topic: exit-codes, words.
    Help(help::HelpArgs),
}
