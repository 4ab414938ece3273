//! Exact counts, from the view of metrics.

use nexus_engine::projections::{Counters, MetricsRow};

use super::text::{Kind, Text};
use crate::Service;

/// A sample: its outcome (none: without that label), and where it is counted.
type Outcome = (&'static str, fn(&Counters) -> u64);

/// A metric: its name, what it counts, and its samples.
type Count = (&'static str, &'static str, &'static [Outcome]);

const COUNTS: &[Count] = &[
    ("nexus_runs_started_total", "Runs that began.", &[("", |of| of.runs_started)]),
    (
        "nexus_runs_total",
        "Runs that ended, by outcome; a run that was retried may end more than once.",
        &[
            ("completed", |of| of.runs_completed),
            ("failed", |of| of.runs_failed),
            ("cancelled", |of| of.runs_cancelled),
        ],
    ),
    (
        "nexus_runs_retried_total",
        "Runs that were continued after they had ended.",
        &[("", |of| of.runs_retried)],
    ),
    (
        "nexus_steps_total",
        "Steps that settled, by outcome.",
        &[
            ("completed", |of| of.steps_completed),
            ("failed", |of| of.steps_failed),
            ("skipped", |of| of.steps_skipped),
        ],
    ),
    (
        "nexus_attempts_started_total",
        "Attempts that were started.",
        &[("", |of| of.attempts_started)],
    ),
    (
        "nexus_attempts_total",
        "Attempts that brought no result, by outcome.",
        &[("failed", |of| of.attempts_failed), ("interrupted", |of| of.attempts_interrupted)],
    ),
    (
        "nexus_retries_scheduled_total",
        "Attempts that were put off after a failure.",
        &[("", |of| of.retries_scheduled)],
    ),
    ("nexus_timers_fired_total", "Timers that fired.", &[("", |of| of.timers_fired)]),
];

/// Of starts that have a key, for workflows that have had some.
const STARTS: &[Count] = &[
    (
        "nexus_starts_asked_total",
        "Starts with dedupe or debounce that were recorded, by what became of them first.",
        &[
            ("admitted", |of| of.starts_admitted),
            ("kept", |of| of.starts_kept),
            ("joined", |of| of.starts_joined),
        ],
    ),
    (
        "nexus_starts_total",
        "Starts with dedupe or debounce that came to an end, by outcome.",
        &[
            ("started", |of| of.starts_begun),
            ("failed", |of| of.starts_not_begun),
            ("cancelled", |of| of.starts_cancelled),
        ],
    ),
];

/// Writes the counts by workflow, and how many runs are open.
pub(super) fn write(service: &Service, text: &mut Text) {
    let Some(views) = service.views() else { return };
    let counted = match views.metrics() {
        Ok(counted) => counted,
        Err(error) => {
            tracing::warn!(%error, "the counts cannot be read");
            return;
        }
    };
    for (name, help, outcomes) in COUNTS {
        text.metric(Kind::Counter, name, help, samples(&counted, outcomes));
    }
    let has_starts = |of: &Counters| of.starts_admitted + of.starts_kept > 0;
    let workflows = counted.workflows.iter().filter(|(_, of)| has_starts(of));
    let workflows = workflows.map(|(workflow, of)| (workflow.clone(), *of)).collect();
    let with_starts = MetricsRow { total: counted.total, workflows };
    for (name, help, outcomes) in STARTS {
        text.metric(Kind::Counter, name, help, samples(&with_starts, outcomes));
    }
    let kept = |of: &Counters| of.starts_kept.saturating_sub(of.starts_due + of.starts_cancelled);
    let kept = with_starts
        .workflows
        .iter()
        .map(|(workflow, of)| (vec![("workflow", workflow.clone())], number(kept(of))));
    text.metric(Kind::Gauge, "nexus_starts_kept", "Starts that are kept until it is quiet.", kept);
    let open = counted
        .workflows
        .iter()
        .map(|(workflow, counters)| (vec![("workflow", workflow.clone())], number(open(counters))));
    text.metric(Kind::Gauge, "nexus_runs_open", "Runs that have not ended.", open);
}

fn samples<'a>(
    counted: &'a MetricsRow,
    outcomes: &'a [Outcome],
) -> impl Iterator<Item = (Vec<(&'static str, String)>, f64)> + 'a {
    counted.workflows.iter().flat_map(move |(workflow, counters)| {
        outcomes.iter().map(move |(outcome, count)| {
            let mut labels = vec![("workflow", workflow.clone())];
            if !outcome.is_empty() {
                labels.push(("outcome", (*outcome).to_owned()));
            }
            (labels, number(count(counters)))
        })
    })
}

fn open(of: &Counters) -> u64 {
    let began = of.runs_started + of.runs_retried;
    began.saturating_sub(of.runs_completed + of.runs_failed + of.runs_cancelled)
}

#[expect(clippy::cast_precision_loss, reason = "the text format has floats; exact up to 2^53")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}
