//! The torture: real servers under load that are killed several times a second, told to end, deprived of room, and made to fight for
//! their store; and at the end a checker that believes none of them.
//!
//! `workflows` and `functions` say what runs, `program` is a server that has the functions, `calls` and `clients` who asks for it, `workers` who does it elsewhere, `lives` and `disk` what befalls the servers, `episode` plays all of
//! it on one store, and `checker` gives the verdict.

mod calls;
pub mod checker;
mod clients;
mod disk;
mod episode;
mod functions;
mod lives;
mod program;
mod workers;
mod workflows;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

pub use episode::{Played, play};
pub use lives::Lives;
pub use program::serve;

use checker::Verdict;

/// How much of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The seed of the first episode; each further one has the next.
    pub seed: u64,
    /// `SIGKILL`s in all.
    pub kills: u64,
    /// `SIGKILL`s of an episode.
    pub kills_each: u64,
    /// How long it may take; what runs then is brought to its end.
    pub time: Duration,
    /// Episodes beside each other.
    pub beside: usize,
    /// Whether every second episode may have a disk of its own, which root can mount and fill.
    pub disks: bool,
    /// The server that has functions. Every second episode has it, and runs of them.
    pub program: PathBuf,
}

impl Plan {
    /// What the episode of this seed is played with: of four that follow each other no two have the same.
    fn setting(&self, seed: u64) -> Setting {
        Setting {
            disk: self.disks && (seed / 2).is_multiple_of(2),
            program: (seed % 2 == 1).then(|| self.program.clone()),
        }
    }
}

/// What an episode is played with.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// A disk of its own, if one can be had.
    pub disk: bool,
    /// A server that has functions, in the place of `serve`.
    pub program: Option<PathBuf>,
}

/// What a torture came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Episodes.
    pub episodes: u64,
    /// What befell the servers.
    pub lives: Lives,
    /// What the checker said of all of them.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// Plays episodes, and hands on each as it ends. After one in which something is wrong no further one begins.
///
/// # Panics
/// If files cannot be read or written.
pub async fn run(plan: Plan, mut tell: impl FnMut(&Played)) -> Outcome {
    let began = Instant::now();
    let until = began + plan.time;
    let (mut outcome, mut playing, mut begun, mut promised) =
        (Outcome::default(), JoinSet::new(), 0, 0);
    loop {
        let is_right = outcome.verdict.findings.is_empty();
        while is_right
            && playing.len() < plan.beside
            && promised < plan.kills
            && Instant::now() < until
        {
            let kills = plan.kills_each.min(plan.kills - promised);
            let seed = plan.seed + begun;
            let setting = plan.setting(seed);
            playing.spawn(async move { play(seed, kills, Some(until), &setting).await });
            begun += 1;
            promised += kills;
        }
        let Some(played) = playing.join_next().await else { break };
        let played = played.expect("an episode ends").expect("files can be read and written");
        tell(&played);
        outcome.episodes += 1;
        outcome.lives.add(played.lives);
        outcome.verdict.add(played.verdict);
    }
    outcome.took = began.elapsed();
    outcome
}
