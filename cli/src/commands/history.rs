//! `history`: what was recorded about a run.

mod filter;

use std::time::{Duration, Instant};

use nexus_gateway::Control;
use nexus_gateway::api::{EventView, HistoryPage, Problem};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{self, Access, Purpose};
use crate::text;
use filter::Filter;

/// Events that are read at a time.
const PAGE: u32 = 5_000;
/// How much of an event's detail a line shows.
const DETAIL_CHARS_MAX: usize = 120;
/// Names of events are shorter than this.
const EVENT_WIDTH: usize = 20;

/// Arguments of `history`.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[command(after_help = "Examples:
  nexus-engine history wf-001 --not-kind step.started
  nexus-engine history wf-001 -f -o jsonl")]
pub(crate) struct HistoryArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Go on with what is recorded, until the run ends.
    #[arg(short, long, conflicts_with = "reverse")]
    pub(crate) follow: bool,
    /// Only events of these kinds, such as step.*,timer.fired.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
    /// No events of these kinds.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',')]
    pub(crate) not_kind: Vec<String>,
    /// Only events about this step.
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
    /// Only failures.
    #[arg(long)]
    pub(crate) failed: bool,
    /// From this number on.
    #[arg(long, value_name = "N")]
    pub(crate) from: Option<u32>,
    /// Up to this number.
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u32>,
    /// Newest first.
    #[arg(long)]
    pub(crate) reverse: bool,
    /// Show every field of every event.
    #[arg(long)]
    pub(crate) full: bool,
}

/// The exit code of problems that end with the process that was asked.
const UNREACHABLE: u8 = 6;

/// How long the process that held the store may take to let go of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to leave a process alone that is about to end.
const PAUSE: Duration = Duration::from_millis(40);

/// Shows the history of a run.
pub(crate) fn run(context: &Context, args: &HistoryArgs) -> Outcome {
    let filter = Filter::new(args)?;
    context.block_on(context.in_time(&args.run, async {
        let mut seen = Seen { next: args.from.unwrap_or(1).max(1), has_ended: false };
        let mut told_at: Option<Instant> = None;
        loop {
            let access = match Access::get(context, &Purpose::Look).await {
                // Whoever held the store is letting go of it, and may first have steps to stop.
                Err(_) if told_at.is_some_and(|at| at.elapsed() < PATIENCE) => continue,
                access => access?,
            };
            let is_here = access.is_here();
            let shown = part(&access, args, &filter, &mut seen).await;
            told_at = Some(Instant::now());
            let is_left = is_here && args.follow && shown.is_ok() && !seen.has_ended;
            if is_left {
                store::note_parked(context, &access, &[&args.run]).await;
            }
            access.close().await;
            match shown {
                // The process that held the store has ended, perhaps without telling everything: the log has it.
                Err(problem) if args.follow && !is_here && problem.exit_code == UNREACHABLE => {}
                Err(problem) => return Err(problem),
                // Nobody drives the run while this process only looks: there is nothing to follow.
                Ok(()) if is_left || !args.follow || seen.has_ended => return Ok(Code::Done),
                Ok(()) => {}
            }
            tokio::time::sleep(PAUSE).await;
        }
    }))
}

/// How much was shown.
struct Seen {
    /// Number of the next event.
    next: u32,
    /// Whether nothing more is wanted: the run has ended, or the filter is past.
    has_ended: bool,
}

/// Shows what one access to the store has to tell.
async fn part(
    access: &Access,
    args: &HistoryArgs,
    filter: &Filter,
    seen: &mut Seen,
) -> Result<(), Problem> {
    let control = access.control();
    show(control, args, filter, seen).await?;
    if args.follow {
        if !access.is_here() {
            follow(control, args, filter, seen).await?;
        }
        let view = control.get(&args.run).await;
        seen.has_ended |=
            view.is_ok_and(|view| view.finished_at.is_some() && view.events < seen.next);
    }
    Ok(())
}

/// Shows what is there.
async fn show(
    control: &Control,
    args: &HistoryArgs,
    filter: &Filter,
    seen: &mut Seen,
) -> Result<(), Problem> {
    let mut from = seen.next;
    let is_first = from == args.from.unwrap_or(1).max(1);
    let mut kept = Vec::new();
    let mut id = String::new();
    let is_whole = matches!(output::format(), Format::Json) && !args.follow || args.reverse;
    loop {
        let page = control.history(&args.run, from, PAGE).await?;
        if is_first && id.is_empty() {
            head(args, is_whole);
        }
        id = page.id;
        from = page.events.last().map_or(from, |last| last.n + 1);
        seen.next = from;
        let wanted = page.events.into_iter().filter(|event| filter.wants(event));
        if is_whole {
            kept.extend(wanted);
        } else {
            wanted.for_each(|event| line(args, &event));
        }
        if page.next.is_none() || filter.is_past(from) {
            break;
        }
    }
    if args.reverse {
        kept.reverse();
    }
    if matches!(output::format(), Format::Json) && is_whole {
        output::json(&HistoryPage { kind: "history/v1".into(), id, events: kept, next: None });
    } else {
        for event in &kept {
            line(args, event);
        }
    }
    seen.has_ended |= filter.is_past(from);
    Ok(())
}

async fn follow(
    control: &Control,
    args: &HistoryArgs,
    filter: &Filter,
    seen: &mut Seen,
) -> Result<(), Problem> {
    let mut events = control.follow(&args.run, seen.next).await?;
    while let Some(event) = events.next().await {
        let event = event?;
        seen.next = event.n + 1;
        if filter.is_past(event.n) {
            seen.has_ended = true;
            break;
        }
        if filter.wants(&event) {
            line(args, &event);
        }
    }
    Ok(())
}

fn head(args: &HistoryArgs, is_whole: bool) {
    let is_table = matches!(output::format(), Format::Table | Format::Wide);
    if is_table && output::has_header() && (!is_whole || args.reverse) {
        output::line(format!(
            "{:>4}  {:<8}  {:<EVENT_WIDTH$}  {:<14}  DETAIL",
            "#", "+TIME", "EVENT", "STEP"
        ));
    }
}

fn line(args: &HistoryArgs, event: &EventView) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json_line(event),
        Format::Name | Format::Value => output::line(&event.event),
        Format::None => {}
        Format::Table | Format::Wide => {
            let after = match event.after_ms {
                0 => "0".to_owned(),
                ms => format!("+{}", text::took(ms)),
            };
            let detail = text::one_line(&event.detail, DETAIL_CHARS_MAX);
            let step = text::pad(event.step.as_deref().unwrap_or_default(), 14);
            let line = format!(
                "{:>4}  {after:<8}  {:<EVENT_WIDTH$}  {step}  {detail}",
                event.n, event.event
            );
            output::line(line.trim_end());
            if args.full {
                output::line(format!("      {}", event.data));
            }
        }
    }
}
