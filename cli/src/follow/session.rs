//! A session: runs that are followed, and the access to the store that is needed for it.

use std::time::Duration;

use nexus_gateway::Control;
use nexus_gateway::api::{EventView, Problem, RunView};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Following, Show};
use crate::context::Context;
use crate::exit::Code;
use crate::output;
use crate::progress::{Display, Picture};
use crate::store::{self, Access, Purpose};

/// The exit code of problems that end with the process that was asked.
const UNREACHABLE: u8 = 6;
/// How often a picture is drawn again although nothing happened: times grow.
const TICK: Duration = Duration::from_millis(120);
/// How long nothing is heard before it is looked whether the runs wait for another program; twice as long each time.
const QUIET: Duration = Duration::from_secs(1);
/// The longest such time.
const QUIET_MAX: Duration = Duration::from_mins(1);
/// Events that wait to be shown.
const NEWS_MAX: usize = 256;

/// How following comes to an end.
pub(super) enum Way {
    /// The runs have ended.
    Ended,
    /// A signal came.
    Signal(Code),
    /// The time is over.
    TimedOut,
}

/// Runs that are followed.
pub(super) struct Session<'c> {
    context: &'c Context,
    access: Option<Access>,
    purpose: Purpose,
    any: bool,
    from_start: bool,
    runs: Vec<Followed>,
    display: Display,
}

/// A run that is followed.
struct Followed {
    name: String,
    /// Number of the next event; 0 before the run was looked up.
    next: u32,
    view: Option<RunView>,
    picture: Picture,
}

/// What the followers of runs say.
enum News {
    Event(Box<EventView>),
    Ended(Box<RunView>),
    /// The engine ended before the run did.
    Lost,
    Failed(Box<Problem>),
}

/// How a round ends.
#[derive(PartialEq, Eq)]
enum Round {
    Ended,
    Lost,
}

/// What is left of a session.
pub(super) struct Views {
    runs: Vec<(String, Option<RunView>)>,
}

impl Views {
    /// The runs that have ended.
    pub(super) fn ended(self) -> Vec<RunView> {
        self.runs.into_iter().filter_map(|(_, view)| view).collect()
    }

    /// The names of the runs that have not.
    pub(super) fn open(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().filter(|(_, view)| view.is_none()).map(|(name, _)| name.as_str())
    }
}

impl<'c> Session<'c> {
    pub(super) fn new(
        context: &'c Context,
        access: Access,
        purpose: Purpose,
        following: Following,
    ) -> Self {
        let Following { names, any, from_start, show } = following;
        let display = match show {
            Show::Progress => Display::for_user(),
            Show::Verdicts | Show::Nothing => Display::Silent,
        };
        let run = |name| Followed { name, next: 0, view: None, picture: Picture::default() };
        let runs = names.into_iter().map(run).collect();
        Self { context, access: Some(access), purpose, any, from_start, runs, display }
    }

    /// Follows until the runs have ended.
    pub(super) async fn run(&mut self) -> Result<(), Problem> {
        while self.round().await? == Round::Lost {
            tracing::info!("the process that held the store has ended");
            if let Some(access) = self.access.take() {
                access.close().await;
            }
        }
        Ok(())
    }

    /// What is left.
    pub(super) fn finish(mut self) -> (Option<Access>, Views) {
        self.display.end();
        let runs = self.runs.into_iter().map(|run| (run.name, run.view)).collect();
        (self.access, Views { runs })
    }

    /// Follows through one access to the store.
    async fn round(&mut self) -> Result<Round, Problem> {
        let access = match self.access.take() {
            Some(access) => access,
            None => Access::get(self.context, &self.purpose).await?,
        };
        let control = access.control().clone();
        self.access = Some(access);
        if let Err(problem) = self.look_up(&control).await {
            return lost_or(problem, &control);
        }
        let (sender, mut news) = mpsc::channel(NEWS_MAX);
        let mut followers = JoinSet::new();
        for (at, run) in self.runs.iter().enumerate().filter(|(_, run)| run.view.is_none()) {
            let from = (self.display != Display::Silent).then_some(run.next);
            followers.spawn(tell(control.clone(), run.name.clone(), from, at, sender.clone()));
        }
        drop(sender);
        let mut tick = tokio::time::interval(TICK);
        let (mut quiet, mut heard) = (QUIET, Instant::now());
        loop {
            tokio::select! {
                told = news.recv() => match told {
                    Some((at, told)) => match self.take(at, told) {
                        Ok(Some(round)) => return Ok(round),
                        Ok(None) => (quiet, heard) = (QUIET, Instant::now()),
                        Err(problem) => return lost_or(problem, &control),
                    },
                    None => return Ok(Round::Ended),
                },
                () = tokio::time::sleep_until(heard + quiet) => {
                    if let Some(problem) = self.waits_for_a_program(&control).await {
                        return Err(problem);
                    }
                    (quiet, heard) = ((quiet * 2).min(QUIET_MAX), Instant::now());
                }
                _ = tick.tick() => self.display.draw(self.runs.iter().map(|run| &run.picture)),
            }
        }
    }

    /// Finds the runs, and has them driven.
    async fn look_up(&mut self, control: &Control) -> Result<(), Problem> {
        for run in self.runs.iter_mut().filter(|run| run.view.is_none()) {
            if run.next == 0 {
                let view = control.get(&run.name).await?;
                run.name.clone_from(&view.id);
                let old = if self.from_start { 0 } else { view.events };
                run.picture = Picture::new(&view, old);
                run.next = 1;
            }
            control.drive(&run.name).await?;
        }
        Ok(())
    }

    /// Why the runs that have not ended get no further, if none of them does without another program.
    async fn waits_for_a_program(&self, control: &Control) -> Option<Problem> {
        let mut first = None;
        for run in self.runs.iter().filter(|run| run.view.is_none()) {
            let refused = control.drive(&run.name).await.err();
            first.get_or_insert(refused.filter(store::is_in_a_program)?);
        }
        first
    }

    fn take(&mut self, at: usize, news: News) -> Result<Option<Round>, Problem> {
        let Some(run) = self.runs.get_mut(at) else { return Ok(None) };
        match news {
            News::Event(event) => {
                run.next = event.n + 1;
                let line = run.picture.apply(&event);
                self.display.event(&run.picture, line);
            }
            News::Ended(view) => {
                run.picture.end(&view);
                self.display.draw(self.runs.iter().map(|run| &run.picture));
                self.runs[at].view = Some(*view);
                let is_over = self.any || self.runs.iter().all(|run| run.view.is_some());
                return Ok(is_over.then_some(Round::Ended));
            }
            News::Lost => return Ok(Some(Round::Lost)),
            News::Failed(problem) => return Err(*problem),
        }
        Ok(None)
    }
}

/// Problems of a process that is gone are none: another may take its place.
fn lost_or(problem: Problem, control: &Control) -> Result<Round, Problem> {
    let is_there = matches!(control, Control::There(_));
    if is_there && problem.exit_code == UNREACHABLE {
        output::note("note: the process that held the store ends or has ended");
        return Ok(Round::Lost);
    }
    Err(problem)
}

/// Tells what happens to a run: its events from number `from` on, or only its end.
async fn tell(
    control: Control,
    name: String,
    from: Option<u32>,
    at: usize,
    news: mpsc::Sender<(usize, News)>,
) {
    let end = match from {
        Some(from) => events(&control, &name, from, at, &news).await,
        None => control.wait(&name, None).await.map(Some),
    };
    let last = match end {
        Ok(Some(view)) => News::Ended(Box::new(view)),
        Ok(None) => News::Lost,
        Err(problem) => News::Failed(Box::new(problem)),
    };
    let _ = news.send((at, last)).await;
}

/// Tells the events of a run; then the run, unless the engine ended first.
async fn events(
    control: &Control,
    name: &str,
    from: u32,
    at: usize,
    news: &mpsc::Sender<(usize, News)>,
) -> Result<Option<RunView>, Problem> {
    let mut events = control.follow(name, from).await?;
    while let Some(event) = events.next().await {
        if news.send((at, News::Event(Box::new(event?)))).await.is_err() {
            return Ok(None);
        }
    }
    let view = control.get(name).await?;
    Ok(view.finished_at.is_some().then_some(view))
}
