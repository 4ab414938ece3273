//! `demo`: an order whose process is killed in the middle, and which ends all the same.

mod child;
mod shop;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use nexus_gateway::api::{EventView, Problem, ReplayView};

use super::start::{self, StartArgs};
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output;
use crate::store::{Access, Purpose, ask};
use child::Child;
use shop::Shop;

/// The process is killed once this step has begun.
const KILLED_AT: &str = "charge";
/// How long a part of the demo may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Arguments of `demo`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  nexus-engine demo --keep")]
pub(crate) struct DemoArgs {
    /// Keep the folder demo/ with its store.
    #[arg(long)]
    pub(crate) keep: bool,
}

/// Plays the demo.
pub(crate) fn run(context: &Context, args: &DemoArgs) -> Outcome {
    let shop = Shop::open()?;
    let context = context.with_store(shop.store());
    let played = play(&context, &shop);
    if !args.keep {
        shop.clean_up();
    }
    let story = played?;
    tell_the_end(&story, &shop, args.keep);
    Ok(if story.is_good() { Code::Done } else { Code::Differs })
}

/// What happened.
#[derive(serde::Serialize)]
struct Story {
    kind: &'static str,
    id: String,
    killed_after_event: u32,
    /// Steps that had finished before, and how often each of them ran.
    finished_before: BTreeMap<String, usize>,
    payments: usize,
    parcels: usize,
    outputs: serde_json::Value,
    replay: ReplayView,
}

impl Story {
    /// Whether nothing was lost and nothing was done twice.
    fn is_good(&self) -> bool {
        let once = self.finished_before.values().all(|times| *times == 1);
        once && self.payments == 1 && self.parcels == 1 && self.replay.agrees
    }
}

fn play(context: &Context, shop: &Shop) -> Result<Story, Problem> {
    let id = begin(context, shop)?;
    let before = context.block_on(first_half(context, shop, &id))?;
    output::note("  starting again … nothing is lost: the history is on disk");
    context.block_on(second_half(context, shop, &id, before.len()))?;
    let (view, replay) = ask(context, &Purpose::Look, async |control| {
        Ok((control.get(&id).await?, control.replay(&id, None, false).await?))
    })?;
    let finished = before.iter().filter(|event| event.event == "step.completed");
    let steps = finished.filter_map(|event| event.step.clone());
    Ok(Story {
        kind: "demo/v1",
        id,
        killed_after_event: before.last().map_or(0, |event| event.n),
        finished_before: steps.map(|step| (step.clone(), shop.times_ran(&step))).collect(),
        payments: shop.payments(),
        parcels: shop.times_ran("ship"),
        outputs: view.outputs,
        replay,
    })
}

/// Records the run.
fn begin(context: &Context, shop: &Shop) -> Result<String, Problem> {
    let arguments = StartArgs { file: shop.workflow(), ..StartArgs::default() };
    let prepared = start::prepare(context, &arguments)?;
    let prepared = prepared.expect("the demo's workflow is valid");
    context.block_on(async {
        let access = Access::get(context, &Purpose::Begin).await?;
        let started = access.control().start(prepared.request).await;
        access.close().await;
        Ok(started?.id)
    })
}

/// Runs the order in another process, and kills that one in the middle; the events that were recorded.
async fn first_half(context: &Context, shop: &Shop, id: &str) -> Result<Vec<EventView>, Problem> {
    let mut child = Child::start(shop, id)?;
    output::note(format!(
        "▸ order-processing · {id}, in a process of its own (pid {})",
        child.pid()
    ));
    let mut steps = Steps::default();
    let seen = child.events(shop, id, 1, |event| {
        steps.show(event);
        event.event == "step.started" && event.step.as_deref() == Some(KILLED_AT)
    });
    let seen = in_time(seen).await;
    child.kill();
    steps.end();
    let seen = seen?;
    let last = seen.last().map_or(0, |event| event.n);
    output::note(format!("✘ process killed on purpose (pid {}, after event {last})", child.pid()));
    // What it recorded before it was gone counts, also if nobody saw it.
    recorded(context, id, 1).await
}

/// Runs the order to its end in yet another process.
async fn second_half(
    context: &Context,
    shop: &Shop,
    id: &str,
    known: usize,
) -> Result<(), Problem> {
    let mut child = Child::start(shop, id)?;
    let mut steps = Steps::default();
    let next = u32::try_from(known).unwrap_or(0) + 1;
    let seen = child.events(shop, id, next, |event| {
        steps.show(event);
        event.event == "run.completed"
    });
    let seen = match in_time(seen).await {
        Ok(seen) => seen,
        Err(problem) => {
            child.kill();
            return Err(problem);
        }
    };
    child.end().await?;
    let next = seen.last().map_or(next, |last| last.n + 1);
    recorded(context, id, next).await?.iter().for_each(|event| steps.show(event));
    steps.end();
    Ok(())
}

/// The events of the run from number `from` on, when nobody holds the store any more.
async fn recorded(context: &Context, id: &str, from: u32) -> Result<Vec<EventView>, Problem> {
    let access = Access::get(context, &Purpose::Look).await?;
    let page = access.control().history(id, from, 0).await;
    access.close().await;
    Ok(page?.events)
}

async fn in_time<T>(part: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    match tokio::time::timeout(PATIENCE, part).await {
        Ok(done) => done,
        Err(_) => Err(Problem::new(
            "NX7023",
            Code::Bug as u8,
            "the demo takes too long; something hangs",
        )
        .hint("see what: nexus-engine demo --keep, then nexus-engine doctor --store demo/.nexus")),
    }
}

/// Steps as they are shown, side by side.
#[derive(Default)]
struct Steps {
    shown: HashSet<String>,
    line: String,
}

impl Steps {
    fn show(&mut self, event: &EventView) {
        let Some(step) = &event.step else { return };
        match event.event.as_str() {
            "step.started" if step == KILLED_AT && self.shown.insert(step.clone()) => {
                let _ = write!(self.line, "  ◐ {step} …");
            }
            "step.completed" => {
                let _ = write!(self.line, "  ✔ {step}");
            }
            _ => {}
        }
    }

    fn end(&mut self) {
        output::note(std::mem::take(&mut self.line));
    }
}

fn tell_the_end(story: &Story, shop: &Shop, kept: bool) {
    let finished: Vec<String> =
        story.finished_before.iter().map(|(step, times)| format!("{step} {times}×")).collect();
    let mark = |good: bool| if good { "✔" } else { "✘" };
    let once = story.finished_before.values().all(|times| *times == 1);
    output::note(format!("{} no finished step ran again: {}", mark(once), finished.join(", ")));
    let (payments, parcels) = (story.payments, story.parcels);
    let good = payments == 1 && parcels == 1;
    output::note(format!("{} payments: {payments}, parcels: {parcels}", mark(good)));
    let ReplayView { events, took_us, agrees, state_hash, handlers_called, .. } = &story.replay;
    let same = if *agrees { "= recorded" } else { "is not what was recorded" };
    output::note(format!(
        "{} replayed {events} events in {}.{}ms · state {} {same} · {handlers_called} handlers called",
        mark(*agrees),
        took_us / 1_000,
        took_us % 1_000 / 100,
        state_hash.get(..12).unwrap_or(state_hash),
    ));
    if output::format().is_json() {
        output::json(story);
    } else {
        output::value(&story.outputs);
    }
    if kept {
        let store = shop.store();
        output::note(format!(
            "see it: nexus-engine history {} --store {}",
            story.id,
            store.display()
        ));
    } else {
        output::note("see it yourself: nexus-engine demo --keep");
    }
}
