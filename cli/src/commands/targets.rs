//! Which runs a verb is about: named ones, or all that a selection means. Several are shown before anything is done.

use std::collections::BTreeMap;

use nexus_gateway::Control;
use nexus_gateway::api::{Problem, RunSummary, RunsFilter};

use super::acting;
use crate::context::Context;
use crate::output::{self, Format};
use crate::store::{Purpose, ask};

/// Runs of one page of the control API.
const PAGE: u32 = 1_000;
/// How many examples are named.
const NAMED_MAX: usize = 10;
/// Statuses of runs that have not ended.
pub(crate) const OPEN: [&str; 8] =
    ["queued", "running", "waiting", "retrying", "compensating", "paused", "failing", "cancelling"];

/// How runs are meant by what they are.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Selecting {
    /// All runs that this means, such as 'status = failed and workflow = order and age < 1d'.
    #[arg(long = "where", value_name = "SELECTION")]
    pub(crate) selection: Option<String>,
    /// Show which runs are meant, and do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// The names of the runs that are meant, after the user has agreed; `None`: there is nothing to do.
///
/// `statuses` are those in which the verb has something to do.
///
/// # Errors
/// A [`Problem`] if one is not there, the selection is not understood, or nobody agrees.
pub(crate) fn agreed(
    context: &Context,
    runs: &[String],
    selecting: &Selecting,
    statuses: &[&str],
    verb: &str,
) -> Result<Option<Vec<String>>, Problem> {
    let Some(selection) = &selecting.selection else {
        let names = acting::found(context, runs)?;
        if selecting.dry_run {
            names.iter().for_each(output::line);
            return Ok(None);
        }
        acting::confirm(context, &names, verb)?;
        return Ok(Some(names));
    };
    let statuses = statuses.iter().map(|status| (*status).to_owned()).collect();
    let filter = RunsFilter {
        statuses,
        selection: Some(selection.clone()),
        limit: PAGE,
        ..RunsFilter::default()
    };
    let mut found = ask(context, &Purpose::Look, async |control| all(control, filter).await)?;
    // Nothing can be done with those of which nobody can read a value.
    found.retain(|run| !run.forgotten);
    if selecting.dry_run {
        show(&found);
        return Ok(None);
    }
    if found.is_empty() {
        output::note("no run is meant; nothing was done");
        return Ok(None);
    }
    acting::agree(context, &question(&found, verb))?;
    Ok(Some(found.into_iter().map(|run| run.id).collect()))
}

async fn all(control: &Control, mut filter: RunsFilter) -> Result<Vec<RunSummary>, Problem> {
    let mut found = Vec::new();
    loop {
        let page = control.list(filter.clone()).await?;
        found.extend(page.runs);
        if page.next.is_none() {
            return Ok(found);
        }
        filter.after = page.next;
    }
}

/// `12 runs: wf-1 wf-2 … at charge (9), ship (3) — retry them?`
fn question(runs: &[RunSummary], verb: &str) -> String {
    let named: Vec<&str> = runs.iter().take(NAMED_MAX).map(|run| run.id.as_str()).collect();
    let more = if runs.len() > NAMED_MAX { " …" } else { "" };
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for step in runs.iter().flat_map(|run| &run.at) {
        *places.entry(step).or_default() += 1;
    }
    let mut places: Vec<(&str, usize)> = places.into_iter().collect();
    places.sort_by_key(|(step, count)| (std::cmp::Reverse(*count), *step));
    let shown = places.iter().take(NAMED_MAX).map(|(step, count)| format!("{step} ({count})"));
    let shown: Vec<String> = shown.collect();
    let at = if shown.is_empty() { String::new() } else { format!(" at {}", shown.join(", ")) };
    let (count, them) = match runs.len() {
        1 => ("1 run".to_owned(), "it"),
        count => (format!("{count} runs"), "them"),
    };
    format!("{count}: {}{more}{at} — {verb} {them}?", named.join(" "))
}

fn show(runs: &[RunSummary]) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(&serde_json::json!({
            "kind": "selected/v1",
            "runs": runs.iter().map(|run| &run.id).collect::<Vec<_>>(),
        })),
        Format::None => {}
        Format::Table | Format::Wide | Format::Value | Format::Name => {
            for run in runs {
                output::line(&run.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use nexus_engine::projections::RunWord;

    use super::OPEN;

    #[test]
    fn open_are_all_that_have_not_ended() {
        let open = RunWord::ALL.into_iter().filter(|word| !word.is_terminal());
        assert!(open.map(RunWord::word).eq(OPEN));
    }
}
