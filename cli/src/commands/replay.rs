//! `replay`: reads runs again and derives what was derived, without calling a handler or writing anything.

mod difference;
mod path;

use clap::Args;
use nexus_gateway::Control;
use nexus_gateway::api::{Problem, ReplayView, RunsFilter};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output;
use crate::store::{self, Purpose};
use crate::text::count;

/// Runs that are listed at a time.
const PAGE: u32 = 500;

/// Arguments of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine replay wf-001
  nexus-engine replay wf-001 --to 9 --state steps.charge
  nexus-engine replay --all -o json

Exit code 7 if a run takes another path (NX5001) or comes to another state (NX5002) than recorded.
What replay, retry and start mean: nexus-engine help words")]
pub(crate) struct ReplayArgs {
    /// The runs: names, beginnings of them, @last or @last-failed.
    #[arg(value_name = "RUN", required_unless_present = "all", conflicts_with = "all")]
    runs: Vec<String>,
    /// Stop after event N of each run.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    to: Option<u32>,
    /// Print the state at the end, or what stands in it at PATH, such as steps.charge.output.
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "")]
    state: Option<String>,
    /// Replay every run of the store.
    #[arg(long, conflicts_with_all = ["to", "state"])]
    all: bool,
    /// Stop at the first run that differs.
    #[arg(long)]
    fail_fast: bool,
}

/// Replays runs.
pub(crate) fn run(context: &Context, args: &ReplayArgs) -> Outcome {
    store::ask(context, &Purpose::Look, async |control| {
        if args.all { all(control, args).await } else { named(control, args).await }
    })
}

async fn named(control: &Control, args: &ReplayArgs) -> Outcome {
    let mut code = Code::Done;
    for name in &args.runs {
        let replay = control.replay(name, args.to, args.state.is_some()).await?;
        show(&replay, args)?;
        if !replay.agrees {
            difference::show(&replay);
            code = Code::Differs;
            if args.fail_fast {
                break;
            }
        }
    }
    Ok(code)
}

fn show(replay: &ReplayView, args: &ReplayArgs) -> Result<(), Problem> {
    let state = match (&replay.state, args.state.as_deref()) {
        (Some(state), Some(path)) => {
            Some(path::find(&serde_json::to_value(state).unwrap_or_default(), path)?)
        }
        (_, _) => None,
    };
    if output::format().is_json() {
        let mut document = serde_json::to_value(replay).unwrap_or_default();
        document["state"] = state.unwrap_or(Value::Null);
        output::json(&document);
        return Ok(());
    }
    let which = if args.runs.len() > 1 { format!("{} ", replay.id) } else { String::new() };
    let verdict = format!("{which}{}", verdict(replay));
    match state {
        Some(state) => {
            output::note(verdict);
            output::json(&state);
        }
        None => output::line(verdict),
    }
    Ok(())
}

fn verdict(replay: &ReplayView) -> String {
    let events = count(replay.events as usize, "event");
    let compared = match &replay.recorded_hash {
        Some(recorded) if *recorded == replay.state_hash => " = recorded ✔".to_owned(),
        Some(recorded) => format!(" ≠ recorded {} ✘", short(recorded)),
        None => ", none recorded there".to_owned(),
    };
    let state = short(&replay.state_hash);
    if replay.forgotten {
        return format!(
            "folded {events} · state {state}{compared} · forgotten: no value can be read"
        );
    }
    format!(
        "replayed {events} in {} · state {state}{compared} · {} called",
        took(replay.took_us),
        count(replay.handlers_called as usize, "handler"),
    )
}

/// A hash that can be told from others: its version, beginning and end.
fn short(hash: &str) -> String {
    let (version, hex) = hash.split_once(':').unwrap_or(("", hash));
    match (hex.get(..4), hex.len().checked_sub(2).and_then(|end| hex.get(end..))) {
        (Some(start), Some(end)) if hex.len() > 8 => format!("{version}:{start}…{end}"),
        (_, _) => hash.to_owned(),
    }
}

/// Microseconds: `0.6ms`, `12ms`, `1.2s`.
fn took(us: u64) -> String {
    match us {
        0..10_000 => format!("{}.{}ms", us / 1_000, us % 1_000 / 100),
        _ => crate::text::took(us / 1_000),
    }
}

async fn all(control: &Control, args: &ReplayArgs) -> Outcome {
    let mut total = Total::default();
    let mut filter = RunsFilter { limit: PAGE, ..RunsFilter::default() };
    loop {
        let page = control.list(filter.clone()).await?;
        for run in &page.runs {
            total.add(control.replay(&run.id, None, false).await?);
            if args.fail_fast && !total.differing.is_empty() {
                return Ok(total.show());
            }
        }
        filter.after = page.next;
        if filter.after.is_none() {
            return Ok(total.show());
        }
    }
}

/// What the replay of all runs came to.
#[derive(Default)]
struct Total {
    same: usize,
    events: u64,
    took_us: u64,
    handlers_called: u32,
    differing: Vec<ReplayView>,
}

impl Total {
    fn add(&mut self, replay: ReplayView) {
        self.events += u64::from(replay.events);
        self.took_us += replay.took_us;
        self.handlers_called += replay.handlers_called;
        if replay.agrees {
            self.same += 1;
        } else {
            self.differing.push(replay);
        }
    }

    fn show(&self) -> Code {
        if output::format().is_json() {
            output::json(&json!({
                "kind": "replays/v1",
                "runs": self.same + self.differing.len(),
                "same": self.same,
                "differ": self.differing.len(),
                "events": self.events,
                "took_us": self.took_us,
                "handlers_called": self.handlers_called,
                "differing": self.differing,
            }));
        } else {
            let events = count(usize::try_from(self.events).unwrap_or(usize::MAX), "event");
            let time = took(self.took_us);
            let handlers = count(self.handlers_called as usize, "handler");
            output::line(format!(
                "✔ {} as recorded · {events} in {time} · {handlers} called",
                count(self.same, "run")
            ));
            if !self.differing.is_empty() {
                let verb = if self.differing.len() == 1 { "differs" } else { "differ" };
                output::line(format!("✘ {} {verb}", count(self.differing.len(), "run")));
            }
        }
        self.differing.iter().for_each(difference::show);
        if self.differing.is_empty() { Code::Done } else { Code::Differs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_times_are_short() {
        assert_eq!(short("v1:a91f00000000c2"), "v1:a91f…c2");
        assert_eq!(short("v1:ab"), "v1:ab");
        assert_eq!(
            [0, 640, 9_999, 12_000, 1_250_000].map(took),
            ["0.0ms", "0.6ms", "9.9ms", "12ms", "1.2s"]
        );
    }
}
