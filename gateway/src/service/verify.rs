//! `verify`: reads the whole store and checks everything against everything else.

use std::collections::BTreeSet;

use nexus_engine::Recorded;
use nexus_engine::log::{Report, Table};
use nexus_engine::model::definition::Definition;
use nexus_engine::model::event::Event;
use nexus_engine::model::id::RunId;
use nexus_engine::tables::{
    DEFINITIONS, MIGRATIONS, NAMES, TIMERS, read_migration_key, read_name_row, read_timer_key,
    stream, timer_key,
};

use super::show::hex;
use super::{PARTITION, Service};
use crate::api::{Problem, VerifyView};
use crate::problems::{self, with_causes};

/// How many problems are listed.
const PROBLEMS_MAX: usize = 1_000;
/// How many rows are read at a time.
const ROWS_MAX: usize = 4_096;

impl Service {
    /// Checks the log (frames, positions, chains, index, payloads, head) and the rows that should follow from it.
    ///
    /// # Errors
    /// A [`Problem`] if there is no store on disk or it cannot be read. What does not check is no error: it is listed.
    pub async fn verify(&self) -> Result<VerifyView, Problem> {
        self.blocking(|service| {
            let log = service.0.setup.log.as_ref().ok_or_else(|| problems::no_store("verify"))?;
            let Report { frames, records, streams, payloads, problems } = log.verify(PARTITION);
            let mut checked = Checked::default();
            checked.problems.extend(problems.iter().map(ToString::to_string));
            service.check_rows(&mut checked)?;
            checked.problems.truncate(PROBLEMS_MAX);
            Ok(VerifyView {
                kind: "verify/v1".into(),
                frames,
                records,
                streams,
                payloads,
                rows: checked.rows,
                head: hex(&log.head().hash),
                problems: checked.problems,
            })
        })
        .await
    }

    fn check_rows(&self, checked: &mut Checked) -> Result<(), Problem> {
        self.each_row(NAMES, |key, value| self.check_name(checked, key, value))?;
        self.each_row(DEFINITIONS, |key, value| check_definition(checked, key, value))?;
        self.each_row(MIGRATIONS, |key, value| self.check_migration(checked, key, value))?;
        self.each_row(TIMERS, |key, _| self.check_timer(checked, key))
    }

    /// The row of a migration stands for an event of its run.
    fn check_migration(&self, checked: &mut Checked, key: &[u8], value: &[u8]) {
        checked.rows += 1;
        let Some((run, revision)) = read_migration_key(key) else {
            return checked.wrong("the row of a migration is damaged".to_owned());
        };
        let found = self.handle().loader().history(run, revision, 1);
        let is_there = matches!(
            found.as_deref(),
            Ok([Recorded { event: Event::RunMigrated(migrated), .. }]) if migrated.definition.0 == value
        );
        if !is_there {
            checked.wrong(format!("run {run} has no migration as event {}", revision + 1));
        }
    }

    /// A name stands for a run that began under it, and each timer of the run has its row.
    fn check_name(&self, checked: &mut Checked, key: &[u8], value: &[u8]) {
        checked.rows += 1;
        let name = String::from_utf8_lossy(key);
        let Some((id, _)) = read_name_row(value) else {
            return checked.wrong(format!("the row of the name {name} is damaged"));
        };
        let (_, run) = match self.handle().loader().run(id) {
            Ok(Some(loaded)) => loaded,
            Ok(None) => return checked.wrong(format!("the name {name} stands for no run")),
            Err(error) => {
                return checked
                    .wrong(format!("the run {name} cannot be read: {}", with_causes(&error)));
            }
        };
        match run.started.as_deref() {
            Some(started) if started.name == name => {}
            Some(started) => {
                checked.wrong(format!(
                    "the name {name} stands for a run that is called {}",
                    started.name
                ));
            }
            None => checked.wrong(format!("the name {name} stands for a run without a beginning")),
        }
        for (timer, set) in &run.timers {
            let key = timer_key(set.due, id, *timer);
            if !matches!(self.handle().log().row(TIMERS, &key), Ok(Some(_)))
                && self.still(id, run.revision)
            {
                checked.wrong(format!("timer {} of {name} is set, but has no row", timer.0));
            }
        }
    }

    /// A row of a timer belongs to a run in which it is set.
    fn check_timer(&self, checked: &mut Checked, key: &[u8]) {
        checked.rows += 1;
        let Some((_, id, timer)) = read_timer_key(key) else {
            return checked.wrong(format!("the row {} of a timer is damaged", hex(key)));
        };
        if checked.unreadable.contains(&id) {
            return;
        }
        let run = match self.handle().loader().run(id) {
            Ok(Some((_, run))) => run,
            Ok(None) => {
                return checked.wrong(format!("timer {} belongs to no run ({id})", timer.0));
            }
            Err(error) => {
                checked.unreadable.insert(id);
                return checked.wrong(format!(
                    "timer {} belongs to a run that cannot be read ({id}): {}",
                    timer.0,
                    with_causes(&error)
                ));
            }
        };
        let is_set = run.timers.get(&timer).is_some_and(|set| timer_key(set.due, id, timer) == key);
        let row_is_there = matches!(self.handle().log().row(TIMERS, key), Ok(Some(_)));
        if !is_set && row_is_there && self.still(id, run.revision) {
            let name = run.started.map(|started| started.name).unwrap_or_default();
            checked.wrong(format!("timer {} of {name} has a row, but is not set", timer.0));
        }
    }

    /// Whether nothing was recorded for a run since it had this revision: a moving run is not judged.
    fn still(&self, id: RunId, revision: u32) -> bool {
        let next = nexus_engine::log::Revision(revision);
        let newer = self.handle().log().read_stream(stream(id), next, 1);
        newer.is_ok_and(|frames| frames.is_empty())
    }

    fn each_row(&self, table: Table, mut visit: impl FnMut(&[u8], &[u8])) -> Result<(), Problem> {
        let mut next = Vec::new();
        loop {
            let rows = self.handle().log().rows(table, &next, &[], ROWS_MAX);
            let rows = rows.map_err(|error| problems::read(&error))?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            next = [last, &[0][..]].concat();
            for (key, value) in &rows {
                visit(key, value);
            }
        }
    }
}

/// What was checked, and what was found.
#[derive(Default)]
struct Checked {
    rows: u64,
    problems: Vec<String>,
    /// Runs that cannot be read; said once for all their timers.
    unreadable: BTreeSet<RunId>,
}

impl Checked {
    fn wrong(&mut self, problem: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// A definition has the hash it is stored under.
fn check_definition(checked: &mut Checked, key: &[u8], value: &[u8]) {
    checked.rows += 1;
    match Definition::from_json(value) {
        Ok(definition) if definition.hash().0 == key => {}
        Ok(_) => checked.wrong(format!("definition {} does not match its hash", hex(key))),
        Err(error) => checked.wrong(format!("definition {} cannot be read: {error}", hex(key))),
    }
}
