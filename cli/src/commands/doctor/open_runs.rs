//! The runs that have not ended: whether something could go on and does not, and which need another program.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_gateway::Control;
use nexus_gateway::api::{CodeElsewhere, Problem, RunsFilter};
use serde_json::json;

use super::finding::{Finding, Level};
use crate::text::{count, took};

/// How long something may wait that could go on.
const PENDING_S_MAX: f64 = 60.0;
/// Statuses of runs that have not ended and are not paused.
const OPEN: [&str; 7] =
    ["queued", "running", "waiting", "retrying", "compensating", "failing", "cancelling"];
/// What a list says of a run that no engine works on.
const FOR_AN_ENGINE: &str = "an engine";
/// How many runs that need another program are told of, each by itself.
const TOLD_MAX: usize = 5;

/// Looks at them.
pub(super) async fn all(control: &Control, numbers: &BTreeMap<String, f64>) -> Vec<Finding> {
    let stuck = match Stuck::look(control).await {
        Ok(stuck) => stuck,
        Err(problem) => return vec![Finding::broken("pending", &problem)],
    };
    let mut findings = vec![pending(&stuck, numbers)];
    // Where nobody has the store open, their programs come when they come.
    let is_held = matches!(control, Control::There(_));
    let level = if is_held { Level::Warning } else { Level::Fine };
    findings.extend(stuck.elsewhere(level));
    findings
}

/// The open runs that do not go on, as lists say.
#[derive(Default)]
struct Stuck {
    /// How many wait for an engine.
    orphans: usize,
    /// Those that need another program, some of them.
    elsewhere: Vec<(String, CodeElsewhere)>,
    /// How many do.
    elsewhere_count: usize,
}

impl Stuck {
    async fn look(control: &Control) -> Result<Self, Problem> {
        let statuses = OPEN.map(str::to_owned).into();
        let mut filter = RunsFilter { statuses, limit: 1_000, ..RunsFilter::default() };
        let mut stuck = Self::default();
        loop {
            let page = control.list(filter.clone()).await?;
            for run in page.runs {
                if let Some(code) = run.elsewhere {
                    stuck.elsewhere_count += 1;
                    if stuck.elsewhere.len() < TOLD_MAX {
                        stuck.elsewhere.push((run.id, code));
                    }
                } else if run.waiting_on.as_deref() == Some(FOR_AN_ENGINE) {
                    stuck.orphans += 1;
                }
            }
            if page.next.is_none() {
                return Ok(stuck);
            }
            filter.after = page.next;
        }
    }

    /// What there is to say of those that need another program.
    fn elsewhere(&self, level: Level) -> Vec<Finding> {
        let told = |(run, code): &(String, CodeElsewhere)| {
            let data = json!({ "run": run, "elsewhere": code });
            let CodeElsewhere { code, message, hint, .. } = code;
            let finding = Finding::new(level, "programs", message).hint(hint).data(data);
            Finding { code: Some(code.clone()), ..finding }
        };
        let mut findings: Vec<Finding> = self.elsewhere.iter().map(told).collect();
        let more = self.elsewhere_count.saturating_sub(self.elsewhere.len());
        if more > 0 {
            let verb = if more == 1 { "needs" } else { "need" };
            let text = format!("{} more {verb} other programs", count(more, "run"));
            let hint = "see which: nexus-engine list";
            let data = json!({ "runs": more });
            findings.push(Finding::new(level, "programs", text).hint(hint).data(data));
        }
        findings
    }
}

/// Whether something could go on and does not.
fn pending(stuck: &Stuck, numbers: &BTreeMap<String, f64>) -> Finding {
    let oldest = numbers.get("nexus_oldest_pending_seconds").copied().unwrap_or_default();
    let due = numbers.get("nexus_timers_due").copied().unwrap_or_default();
    let data = json!({
        "oldest_pending_s": oldest, "timers_due": due,
        "waiting_for_an_engine": stuck.orphans, "waiting_for_programs": stuck.elsewhere_count,
    });
    let words = took(milliseconds(oldest));
    if stuck.orphans > 0 {
        let verb = if stuck.orphans == 1 { "waits" } else { "wait" };
        let text = format!("{} {verb} for an engine", count(stuck.orphans, "run"));
        return Finding::new(Level::Fine, "pending", text)
            .hint("nexus-engine serve, or nexus-engine resume RUN")
            .data(data);
    }
    // What waits for another program is told apart, and may be what waits for so long.
    if oldest > PENDING_S_MAX && stuck.elsewhere_count == 0 {
        let text = format!("something has waited for {words} although it could go on");
        return Finding::new(Level::Warning, "pending", text)
            .hint("is every slot taken? see nexus-engine list")
            .data(data);
    }
    Finding::new(Level::Fine, "pending", "nothing waits that could go on").data(data)
}

fn milliseconds(seconds: f64) -> u64 {
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
