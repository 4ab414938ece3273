//! An episode: one store from its making, over many lives of its server, to the end of all its runs and to the verdict.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use nexus_gateway::Client;
use nexus_gateway::api::RunsFilter;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::calls::ClientLog;
use super::checker::{self, Evidence, Verdict};
use super::clients::{self, Board};
use super::disk::{self, Disk};
use super::functions::Functions;
use super::lives::{Lives, Stage};
use super::workers::{self, WorkLog};
use super::{Setting, workflows};
use crate::{Chance, command};

/// Clients of a store, and remote workers.
const CLIENTS: usize = 6;
const WORKERS: usize = 3;

/// What a program says of a function that gets no further.
const STUCK: &str = "code=\"NX50";

/// What an episode came to.
#[derive(Debug)]
pub struct Played {
    /// Its seed.
    pub seed: u64,
    /// What befell its servers.
    pub lives: Lives,
    /// What the checker says.
    pub verdict: Verdict,
    /// What there was to look at.
    pub evidence: Evidence,
    /// Where the store and the logs are kept, if something is wrong.
    pub kept: Option<PathBuf>,
}

/// Plays an episode until its server was killed so often, or the time is over.
///
/// # Errors
/// Of the file system.
///
/// # Panics
/// If the workflows cannot be published.
pub async fn play(
    seed: u64,
    kills: u64,
    until: Option<Instant>,
    setting: &Setting,
) -> io::Result<Played> {
    let folder = tempfile::Builder::new().prefix("nexus-torture-").tempdir()?;
    let mut chance = Chance::of(seed);
    let disk = if setting.disk { Disk::mount(&folder.path().join("disk")) } else { None };
    let store = folder.path().join(if disk.is_some() { "disk/store" } else { "store" });
    let effects = folder.path().join("effects");
    std::fs::create_dir_all(&effects)?;
    std::fs::write(folder.path().join("told.json"), workflows::told().to_string())?;
    for file in workflows::write(folder.path())? {
        let output = command(&store).arg("publish").arg(folder.path().join(file)).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let (every, file) = (format!("{}s", workflows::EVERY_S), format!("file={}", effects.display()));
    let mut schedule = command(&store);
    schedule.args(["schedule", "create", workflows::TICK, "--every", &every, "--set", &file]);
    let output = schedule.args(["--catch-up", "all", "--overlap", "allow"]).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut stage = Stage::new(folder.path(), store, disk, setting.program.clone())?;
    let log = ClientLog::create(&folder.path().join("calls.jsonl"))?;
    let functions = setting.program.is_some().then(|| Functions::new().expect("good names"));
    let board = Arc::new(Board::new(log, effects, functions));
    let (stop, stopped) = watch::channel(false);
    let mut load = JoinSet::new();
    for number in 0..CLIENTS {
        let chance = Chance::of(chance.draw());
        let server = stage.server.subscribe();
        load.spawn(clients::work(Arc::clone(&board), number, chance, server, stopped.clone()));
    }
    let works = Arc::new(WorkLog::create(&folder.path().join("works.jsonl"))?);
    let (leave, left) = watch::channel(false);
    let mut hands = JoinSet::new();
    for place in 0..WORKERS {
        let chance = Chance::of(chance.draw());
        let server = stage.server.subscribe();
        hands.spawn(workers::work(Arc::clone(&works), place, chance, server, left.clone()));
    }
    while stage.lives.kills < kills && until.is_none_or(|until| Instant::now() < until) {
        stage.live(&mut chance).await;
    }
    stop.send_replace(true);
    load.join_all().await;
    finish(&mut stage, &board).await?;
    leave.send_replace(true);
    hands.join_all().await;
    std::fs::write(folder.path().join("seen"), stage.seen.join("\n"))?;
    let evidence = Evidence::read(folder.path())?;
    let verdict = checker::check(&evidence);
    let lives = stage.lives;
    let kept = keep(verdict.findings.is_empty(), folder, stage)?;
    Ok(Played { seed, lives, verdict, evidence, kept })
}

/// Lets all runs end, exports their histories, and has the engine check its store.
async fn finish(stage: &mut Stage, board: &Board) -> io::Result<()> {
    let mut exported = Exported::create(&stage.folder)?;
    if let Some((server, client)) = stage.last().await {
        let open = clients::settle(board, &client, CLIENTS).await;
        stage.seen.extend(open.into_iter().map(|run| format!("{run} did not come to its end")));
        match clients::settle_schedule(&client).await {
            Ok(true) => {}
            Ok(false) => stage.seen.push("what was scheduled does not come to its end".into()),
            Err(problem) => stage.seen.push(format!("the schedule cannot be paused: {problem}")),
        }
        stage.seen.extend(export(&client, &mut exported).await?);
        stage.close(server).await;
    }
    let mut looks = File::create(stage.folder.join("looks.jsonl"))?;
    for verb in ["verify", "doctor"] {
        let output = command(&stage.store).args(["-o", "json", verb]).output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = serde_json::from_str(&said).unwrap_or(Value::String(said));
        let free = disk::free_mib(&stage.store);
        let look =
            json!({"verb": verb, "code": output.status.code(), "said": said, "free_mib": free});
        writeln!(looks, "{look}")?;
    }
    for file in std::fs::read_dir(stage.folder.join("said"))? {
        let said = std::fs::read(file?.path())?;
        let said = String::from_utf8_lossy(&said);
        let bad = said.lines().filter(|line| line.contains("panicked") || line.contains(STUCK));
        stage.seen.extend(bad.map(|line| format!("a server said: {line}")));
    }
    Ok(())
}

/// Where histories are written, and what came of replaying them.
struct Exported {
    histories: File,
    replays: File,
}

impl Exported {
    fn create(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            histories: File::create(folder.join("histories.jsonl"))?,
            replays: File::create(folder.join("replays.jsonl"))?,
        })
    }
}

/// Writes the histories of all runs, and has each replayed. What could not be read; the others are exported all the same.
async fn export(client: &Client, exported: &mut Exported) -> io::Result<Vec<String>> {
    let (mut problems, mut after) = (Vec::new(), None);
    loop {
        let filter = RunsFilter { limit: 1_000, after, ..RunsFilter::default() };
        let page = match client.list(filter).await {
            Ok(page) => page,
            Err(problem) => {
                problems.push(format!("list: {problem}"));
                return Ok(problems);
            }
        };
        for run in &page.runs {
            match client.history(&run.id, 1, 10_000).await {
                Ok(history) => {
                    let events: Vec<Value> =
                        history.events.iter().map(|event| json!(event)).collect();
                    writeln!(exported.histories, "{}", json!({"run": run.id, "events": events}))?;
                }
                Err(problem) => problems.push(format!("history of {}: {problem}", run.id)),
            }
            match client.replay(&run.id, None, false).await {
                Ok(replay) => {
                    let (agrees, differences) = (replay.agrees, replay.differences);
                    let replay =
                        json!({"run": run.id, "agrees": agrees, "differences": differences});
                    writeln!(exported.replays, "{replay}")?;
                }
                Err(problem) => problems.push(format!("replay of {}: {problem}", run.id)),
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(problems);
        }
    }
}

/// Keeps the store and the logs where something is wrong.
fn keep(is_right: bool, folder: tempfile::TempDir, stage: Stage) -> io::Result<Option<PathBuf>> {
    if is_right {
        drop(stage);
        return Ok(None);
    }
    if stage.disk.is_some() {
        copy(&stage.store, &folder.path().join("store"))?;
    }
    drop(stage);
    Ok(Some(folder.keep()))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().map(|_| ())
}
