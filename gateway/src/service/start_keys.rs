//! `starts`: what is kept and has not led to a run yet.

mod start_pages;

use nexus_engine::Loader;
use nexus_engine::model::aggregate::{AggregateId, Kind, State};
use nexus_engine::model::start_key::{
    Kept, RunToStart, StartKey, aggregate_name, is_hashed, run_name_of,
};
use nexus_engine::model::time::Timestamp;
use nexus_engine::tables::{TIMERS, read_timer_key};
use serde_json::Value;

use super::{Service, show, start_ids};
use crate::api::{Act, Cause, ExplainView, Problem, StartActed, StartPage, StartView};
use crate::problems;

use start_pages::{Open, Place, open_behind};

/// Rows of timers that are read at one time.
const ROWS_MAX: usize = 4_096;
/// Starts that a list holds if nothing else is said, and at most.
const LISTED: (u32, u32) = (50, 1_000);
/// The code of the problem that there is no run of a name, but a start.
const KEPT: &str = "NX4186";

impl Service {
    /// The starts that have not led to a run yet: those that are being started, and those that are kept, by the time they are
    /// due. At most `limit` (0: 50), and never more than 1,000, from the page `after` on; without their inputs.
    ///
    /// # Errors
    /// A [`Problem`] if they cannot be read, or `after` begins no page.
    pub async fn starts(&self, limit: u32, after: Option<String>) -> Result<StartPage, Problem> {
        let now = self.handle().clock().now();
        let (default, max) = LISTED;
        let limit = if limit == 0 { default } else { limit.min(max) } as usize;
        let after = after.as_deref().map(Place::read).transpose()?;
        let found = self.blocking(move |service| open_behind(service, after.as_ref(), limit + 1));
        let mut found = found.await?;
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| last.place.text());
        let view = |Open { key, number, .. }: &Open| {
            let view = view(key, *number, &name_of(key, *number), now);
            StartView { input: Value::Null, ..view }
        };
        let starts = found.iter().map(view).collect();
        Ok(StartPage { kind: "starts/v1".into(), starts, next })
    }

    /// A start that has a key, by the name that its run has or will have.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such start.
    pub async fn start_of(&self, id: &str) -> Result<StartView, Problem> {
        let now = self.handle().clock().now();
        let (key, number) = self.find_start(id).await?;
        let view = view(&key, number, id, now);
        if view.status != "gone" {
            return Ok(view);
        }
        let name = key.name;
        match self.read(move |loader| start_ids::cancelled(loader, &name, number)).await? {
            Some(why) => Ok(StartView { status: "cancelled".into(), why, ..view }),
            None => Ok(view),
        }
    }

    /// Has a start that is kept not happen.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such start, or it is kept no longer.
    pub async fn cancel_start(&self, id: &str, act: Act) -> Result<StartActed, Problem> {
        let (key, number) = self.find_start(id).await?;
        if key.kept.as_ref().is_none_or(|kept| kept.number != number) {
            return Err(problems::not_kept(id, &self.start_of(id).await?.why));
        }
        let answer =
            self.handle().cancel_kept(&key.name, number, show::actor(act.by), act.reason).await;
        answer.map_err(|error| problems::request(&error, id))?;
        let action = "cancelled".into();
        Ok(StartActed { kind: "start-acted/v1".into(), id: id.into(), action })
    }

    /// The start of a name, and its number.
    async fn find_start(&self, id: &str) -> Result<(StartKey, u32), Problem> {
        if let Some((base, number)) = id.rsplit_once('+')
            && let (Some((workflow, key)), Ok(number)) = (base.split_once('@'), number.parse())
        {
            let name = aggregate_name(workflow, key);
            let key = self.handle().start_key(&name).await;
            let key = key.map_err(|error| problems::load(&error))?;
            if let Some(key) = key.filter(|key| number > 0 && number <= key.number) {
                return Ok((key, number));
            }
        }
        // The names of some do not show what they are of: a hash stands in them, or, while they are being started, one that
        // somebody chose.
        let keys = if is_hashed(id) {
            self.blocking(|service| open(service, usize::MAX)).await?
        } else {
            self.blocking(|service| read(service, starting(service, usize::MAX)?)).await?
        };
        for key in keys {
            let kept = key.kept.iter().map(|kept| kept.number);
            let mut numbers = kept.chain(key.starting.keys().copied());
            if let Some(number) = numbers.find(|number| name_of(&key, *number) == id) {
                return Ok((key, number));
            }
        }
        Err(problems::no_such_start(id))
    }

    /// Why a run is not there yet: `Err` is the problem, if no start of this name is kept.
    pub(super) async fn explain_start(
        &self,
        id: &str,
        problem: Problem,
    ) -> Result<ExplainView, Problem> {
        if problem.code != KEPT {
            return Err(problem);
        }
        let now = self.handle().clock().now();
        let Ok((key, number)) = self.find_start(id).await else { return Err(problem) };
        let start = view(&key, number, id, now);
        let latest = key.kept.as_ref().map(|kept| kept.latest);
        let since = latest.or_else(|| key.last.as_ref().map(|last| last.at)).unwrap_or(now);
        if !matches!(start.status.as_str(), "kept" | "starting") {
            return Err(problem);
        }
        let is_kept = start.status == "kept";
        let release = match start.due.as_deref().filter(|_| is_kept) {
            Some(due) => format!("it is started at {due}, unless another start puts it off"),
            None => "an engine that has the store open starts it when there is room".to_owned(),
        };
        let cause = if is_kept { "kept" } else { "starting" };
        let cancel = format!("nexus-engine starts cancel {id}");
        Ok(ExplainView {
            kind: "explain/v1".into(),
            id: start.id,
            workflow: start.workflow,
            status: start.status,
            forgotten: false,
            why: start.why.clone(),
            since: show::time(since),
            for_ms: now.ms_since(since),
            recorded_at: show::time(since),
            waiting: None,
            causes: vec![Cause {
                cause: cause.into(),
                why: start.why,
                release,
                since: Some(show::time(since)),
                for_ms: Some(now.ms_since(since)),
                until: start.due.filter(|_| is_kept),
                ..Cause::default()
            }],
            steps: Vec::new(),
            limits: Vec::new(),
            then: Vec::new(),
            commands: [format!("nexus-engine starts get {id}")]
                .into_iter()
                .chain(is_kept.then_some(cancel))
                .collect(),
        })
    }
}

/// The keys under which something is kept or being started: at most `max` of each, those that are due first.
fn open(service: &Service, max: usize) -> Result<Vec<StartKey>, Problem> {
    let mut ids = starting(service, max)?;
    ids.extend(kept(service.handle().loader(), max)?);
    read(service, ids)
}

/// The keys under which something is being started: they are not parked.
fn starting(service: &Service, max: usize) -> Result<Vec<AggregateId>, Problem> {
    let Some(views) = service.views() else { return Ok(Vec::new()) };
    service.views_now()?;
    let (_, unparked) = views.resume_all().map_err(|error| problems::views(&error))?;
    Ok(unparked.into_iter().filter(|id| id.kind() == Kind::StartKey).take(max).collect())
}

fn read(service: &Service, ids: Vec<AggregateId>) -> Result<Vec<StartKey>, Problem> {
    let loader = service.handle().loader();
    let mut found = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for id in ids.into_iter().filter(|id| seen.insert(*id)) {
        let entity = loader.aggregate(id).map_err(|error| problems::load(&error))?;
        if let Some(State::StartKey(key)) = entity.map(|entity| entity.state) {
            found.push(key);
        }
    }
    Ok(found)
}

/// The keys under which something is kept: they have a timer. By the time it is due.
fn kept(loader: &Loader, max: usize) -> Result<Vec<AggregateId>, Problem> {
    let (mut next, end) = (Vec::new(), [u8::MAX; 9]);
    let mut found = Vec::new();
    loop {
        let rows = loader.log().rows(TIMERS, &next, &end, ROWS_MAX);
        let rows = rows.map_err(|error| problems::read(&error))?;
        let Some((last, _)) = rows.last() else { return Ok(found) };
        next = [last, &[0][..]].concat();
        let streams = rows.iter().filter_map(|(key, _)| Some(read_timer_key(key)?.1.0));
        let keys = streams.filter_map(AggregateId::of).filter(|id| id.kind() == Kind::StartKey);
        found.extend(keys.take(max.saturating_sub(found.len())));
        if found.len() >= max {
            return Ok(found);
        }
    }
}

/// The name of the run of this number.
fn name_of(key: &StartKey, number: u32) -> String {
    match key.starting.get(&number) {
        Some(run) => run.name.clone(),
        None => run_name_of(&key.name, number),
    }
}

fn view(key: &StartKey, number: u32, id: &str, now: Timestamp) -> StartView {
    let (workflow, of) = key.parts();
    let view = StartView {
        kind: "start/v1".into(),
        id: id.to_owned(),
        workflow: workflow.to_owned(),
        key: of.to_owned(),
        ..StartView::default()
    };
    if let Some(kept) = key.kept.as_ref().filter(|kept| kept.number == number) {
        return kept_view(kept, view, now);
    }
    if let Some(RunToStart { request, .. }) = key.starting.get(&number) {
        return StartView {
            status: "starting".into(),
            why: "it is due, and its run is about to be started".into(),
            input: serde_json::from_str(&request.input).unwrap_or_default(),
            by: Some(show::by(&request.by)),
            ..view
        };
    }
    let failure = key.failure.as_ref().filter(|failure| failure.name == id);
    let (status, why) = match failure {
        Some(failure) => {
            ("failed", format!("it could not be started: {} {}", failure.code, failure.message))
        }
        None if key.last.as_ref().is_some_and(|last| last.number == number) => {
            ("started", "its run was started".to_owned())
        }
        None => ("gone", "it was started, and others came after it".to_owned()),
    };
    StartView { status: status.into(), why, ..view }
}

fn kept_view(kept: &Kept, view: StartView, now: Timestamp) -> StartView {
    let asked = if kept.starts == 1 { "once".into() } else { format!("{} times", kept.starts) };
    let why = if kept.due <= now {
        format!("it was asked for {asked} and is due, but no engine works on it")
    } else {
        format!("it was asked for {asked}, and is kept until {}", show::time(kept.due))
    };
    StartView {
        status: "kept".into(),
        why,
        first: Some(show::time(kept.first)),
        latest: Some(show::time(kept.latest)),
        starts: kept.starts,
        due: Some(show::time(kept.due)),
        at_most: kept.at_most.map(show::time),
        input: serde_json::from_str(&kept.request.input).unwrap_or_default(),
        by: Some(show::by(&kept.request.by)),
        ..view
    }
}
