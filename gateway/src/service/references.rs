//! Which run is meant: an exact name, `@last` or `@last-failed`; who only looks may also say the beginning of a name.

use nexus_engine::Loader;
use nexus_engine::model::id::RunId;
use nexus_engine::model::suggest::nearest;
use nexus_engine::tables::{NAMES, read_name_row};

use super::Service;
use crate::api::Problem;
use crate::problems;

/// How many names an ambiguous reference lists.
const LISTED_MAX: usize = 10;
/// How many names that begin as the reference are offered.
const NEAR_LISTED: usize = 3;
/// How many names are looked at for one that may be meant.
const NEAR_MAX: usize = 2_000;
/// How many rows are read at a time.
const ROWS_MAX: usize = 4_096;

type Named = (RunId, String);

impl Service {
    /// The run that is meant, and its name.
    ///
    /// # Errors
    /// A [`Problem`] if there is none, or the reference is the beginning of several names.
    pub(crate) async fn resolve(&self, reference: &str) -> Result<(RunId, String), Problem> {
        let reference = reference.to_owned();
        match reference.as_str() {
            "@last" | "@last-failed" => self.last(reference == "@last-failed").await,
            _ => {
                let name = reference.clone();
                let found =
                    self.blocking(move |service| by_name(service.handle().loader(), &name)).await;
                match found {
                    Ok(found) => Ok(found),
                    Err(problem) => Err(self.no_run_but_a_start(&reference, problem).await),
                }
            }
        }
    }

    /// The run that is meant, and its name, for a request that changes something: the beginning of a name is none then, because the
    /// run that was meant may not be there.
    ///
    /// # Errors
    /// A [`Problem`] if there is none. It names those that may be meant.
    pub(crate) async fn resolve_whole(&self, reference: &str) -> Result<(RunId, String), Problem> {
        if reference.starts_with('@') {
            return self.resolve(reference).await;
        }
        let name = reference.to_owned();
        let found = self.blocking(move |service| by_whole_name(service.handle().loader(), &name));
        match found.await {
            Ok(found) => Ok(found),
            Err(problem) => Err(self.no_run_but_a_start(reference, problem).await),
        }
    }

    /// The run that was started last.
    async fn last(&self, failed: bool) -> Result<Named, Problem> {
        let found = self.blocking(move |service| service.newest(failed)).await?;
        found.ok_or_else(|| {
            let which = if failed { "failed" } else { "started" };
            problems::no_such_run(if failed { "@last-failed" } else { "@last" }, None)
                .hint(format!("no run was {which} yet"))
        })
    }
}

/// The run of exactly this name.
pub(super) fn exact(loader: &Loader, name: &str) -> Result<Option<Named>, Problem> {
    let row = loader.log().row(NAMES, name.as_bytes()).map_err(|error| problems::read(&error))?;
    let found = row.and_then(|value| read_name_row(&value));
    Ok(found.map(|(run, _)| (run, name.to_owned())))
}

/// Runs whose names begin so. A called run is meant only by its whole name, or by the beginning of the part behind `/`.
fn beginning_with(loader: &Loader, reference: &str) -> Result<Vec<Named>, Problem> {
    let key = reference.as_bytes();
    let Some((last, head)) = key.split_last() else { return Ok(Vec::new()) };
    let end = [head, &[last.saturating_add(1)]].concat();
    let mut found = names(loader, key, &end, LISTED_MAX + 1)?;
    if !reference.contains('/') {
        found.retain(|(_, name)| !name.contains('/'));
    }
    Ok(found)
}

fn not_there(loader: &Loader, reference: &str) -> Result<Problem, Problem> {
    let all = names(loader, &[], &[], NEAR_MAX)?;
    let near = nearest(reference, all.iter().map(|(_, name)| name.as_str()));
    Ok(problems::no_such_run(reference, near))
}

fn by_whole_name(loader: &Loader, reference: &str) -> Result<Named, Problem> {
    if let Some(found) = exact(loader, reference)? {
        return Ok(found);
    }
    let begin_so = beginning_with(loader, reference)?;
    if begin_so.is_empty() {
        return Err(not_there(loader, reference)?);
    }
    let some: Vec<String> = begin_so.into_iter().take(NEAR_LISTED).map(|(_, name)| name).collect();
    Err(problems::not_whole(reference, &some))
}

fn by_name(loader: &Loader, reference: &str) -> Result<Named, Problem> {
    if let Some(found) = exact(loader, reference)? {
        return Ok(found);
    }
    let mut found = beginning_with(loader, reference)?;
    match found.len() {
        0 => Err(not_there(loader, reference)?),
        1 => Ok(found.remove(0)),
        count => {
            let some: Vec<String> =
                found.into_iter().take(LISTED_MAX).map(|(_, name)| name).collect();
            Err(problems::ambiguous(reference, &some, count > LISTED_MAX))
        }
    }
}

/// Runs by name, in order of names, from `from` to before `to` (empty: to the end).
pub(super) fn names(
    loader: &Loader,
    from: &[u8],
    to: &[u8],
    names_max: usize,
) -> Result<Vec<Named>, Problem> {
    let mut found = Vec::new();
    let mut next = from.to_vec();
    while found.len() < names_max {
        let count = ROWS_MAX.min(names_max - found.len());
        let rows =
            loader.log().rows(NAMES, &next, to, count).map_err(|error| problems::read(&error))?;
        let Some((last, _)) = rows.last() else { break };
        next = [last, &[0][..]].concat();
        found.extend(rows.into_iter().filter_map(|(key, value)| {
            Some((read_name_row(&value)?.0, String::from_utf8(key).ok()?))
        }));
    }
    Ok(found)
}
