//! An episode: one store from its making, over many lives of its server, to the end of all its runs and to the verdict.

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
use super::disk::Disk;
use super::lives::{Lives, Stage};
use super::workflows;
use crate::{Chance, command};

/// Clients of a store.
const CLIENTS: usize = 6;

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
    wants_disk: bool,
) -> io::Result<Played> {
    let folder = tempfile::Builder::new().prefix("nexus-torture-").tempdir()?;
    let mut chance = Chance::of(seed);
    let disk = if wants_disk { Disk::mount(&folder.path().join("disk")) } else { None };
    let store = folder.path().join(if disk.is_some() { "disk/store" } else { "store" });
    let effects = folder.path().join("effects");
    std::fs::create_dir_all(&effects)?;
    std::fs::write(folder.path().join("told.json"), workflows::told().to_string())?;
    for file in workflows::write(folder.path())? {
        let output = command(&store).arg("publish").arg(folder.path().join(file)).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut stage = Stage::new(folder.path(), store, disk)?;
    let board =
        Arc::new(Board::new(ClientLog::create(&folder.path().join("calls.jsonl"))?, effects));
    let (stop, stopped) = watch::channel(false);
    let mut load = JoinSet::new();
    for number in 0..CLIENTS {
        let chance = Chance::of(chance.draw());
        let server = stage.server.subscribe();
        load.spawn(clients::work(Arc::clone(&board), number, chance, server, stopped.clone()));
    }
    while stage.lives.kills < kills && until.is_none_or(|until| Instant::now() < until) {
        stage.live(&mut chance).await;
    }
    stop.send_replace(true);
    load.join_all().await;
    finish(&mut stage, &board).await?;
    std::fs::write(folder.path().join("seen"), stage.seen.join("\n"))?;
    let evidence = Evidence::read(folder.path())?;
    let verdict = checker::check(&evidence);
    let lives = stage.lives;
    let kept = keep(verdict.findings.is_empty(), folder, stage)?;
    Ok(Played { seed, lives, verdict, evidence, kept })
}

/// Lets all runs end, exports their histories, and has the engine check its store.
async fn finish(stage: &mut Stage, board: &Board) -> io::Result<()> {
    let histories = std::fs::File::create(stage.folder.join("histories.jsonl"))?;
    if let Some((server, client)) = stage.last().await {
        let open = clients::settle(board, &client, CLIENTS).await;
        stage.seen.extend(open.into_iter().map(|run| format!("{run} did not come to its end")));
        if let Err(problem) = export(&client, histories).await {
            stage.seen.push(problem);
        }
        stage.close(server).await;
    }
    for verb in ["verify", "doctor"] {
        let output = command(&stage.store).arg(verb).output()?;
        // Warnings of the doctor are about the machine, such as a disk that is nearly full.
        if !output.status.success() && !(verb == "doctor" && output.status.code() == Some(1)) {
            let said = String::from_utf8_lossy(&output.stdout).replace('\n', " · ");
            stage.seen.push(format!("{verb} ended with {}: {said}", output.status));
        }
    }
    let said = std::fs::read_to_string(stage.folder.join("stderr"))?;
    stage.seen.extend(
        said.lines()
            .filter(|line| line.contains("panicked"))
            .map(|line| format!("a server said: {line}")),
    );
    Ok(())
}

/// Writes the histories of all runs, and has each replayed.
async fn export(client: &Client, mut file: std::fs::File) -> Result<(), String> {
    let mut after = None;
    loop {
        let filter = RunsFilter { limit: 1_000, after, ..RunsFilter::default() };
        let page = client.list(filter).await.map_err(|problem| format!("list: {problem}"))?;
        for run in &page.runs {
            let history = client.history(&run.id, 1, 10_000).await;
            let history = history.map_err(|problem| format!("history of {}: {problem}", run.id))?;
            let events: Vec<Value> = history.events.iter().map(|event| json!(event)).collect();
            let line = format!("{}\n", json!({"run": run.id, "events": events}));
            file.write_all(line.as_bytes()).map_err(|error| error.to_string())?;
            let replayed = client.replay(&run.id, None, false).await;
            let replayed =
                replayed.map_err(|problem| format!("replay of {}: {problem}", run.id))?;
            if !replayed.agrees {
                return Err(format!("replay of {} differs: {:?}", run.id, replayed.differences));
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
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
