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
