//! What the released binary takes to begin: a server, and a run of one step; and the memory of a server that has nothing to do.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::process;

/// How long a server rests before its memory is looked at.
const REST: Duration = Duration::from_secs(5);
const WORKFLOW: &str = "nexus: v1\nname: one\nsteps:\n  only:\n    uses: simulate\n";

/// Measures in a folder of its own, which is removed afterwards.
pub(super) fn measure(binary: &Path, folder: &Path, rounds: u32) -> Result<Value> {
    let folder = folder.join(format!("startup-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let measured = in_folder(binary, &folder, rounds);
    fs::remove_dir_all(&folder)?;
    measured
}

fn in_folder(binary: &Path, folder: &Path, rounds: u32) -> Result<Value> {
    let workflow = folder.join("one.workflow.yaml");
    fs::write(&workflow, WORKFLOW)?;
    let command = |store: &Path| {
        let mut command = Command::new(binary);
        command.current_dir(folder).arg("--store").arg(store);
        command
    };
    let run = |store: &Path| {
        let began = Instant::now();
        process::capture(command(store).arg("-q").arg("run").arg(&workflow))?;
        Ok::<_, anyhow::Error>(millis(began))
    };
    let store = folder.join("store");
    run(&store)?;
    let (mut run_ms, mut run_new_ms, mut serve_ms, mut idle_mb) = (vec![], vec![], vec![], vec![]);
    for round in 0..rounds {
        run_ms.push(run(&store)?);
        let new = folder.join(format!("new-{round}"));
        run_new_ms.push(run(&new)?);
        fs::remove_dir_all(new)?;
        let (took, memory) = serve(&mut command(&store))?;
        serve_ms.push(took);
        idle_mb.push(memory);
    }
    Ok(json!({
        "run_ms": spread(run_ms), "run_new_ms": spread(run_new_ms),
        "serve_ms": spread(serve_ms), "idle_mb": spread(idle_mb),
    }))
}

/// How long a server takes until it listens, in milliseconds, and its memory after a rest, in megabytes.
fn serve(command: &mut Command) -> Result<(f64, f64)> {
    let began = Instant::now();
    let mut server = command
        .args(["-o", "json", "serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("the server does not start")?;
    let said = listen(&mut server);
    let took = millis(began);
    thread::sleep(REST);
    let memory = resident_mb(server.id());
    let ended = process::run(Command::new("kill").args(["-TERM", &server.id().to_string()]));
    server.wait()?;
    ended?;
    said?;
    Ok((took, memory?))
}

fn listen(server: &mut Child) -> Result<()> {
    let out = server.stdout.as_mut().context("its output is there")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    if !line.contains("listening") {
        bail!("the server said {line}");
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "megabytes are shown with one digit")]
fn resident_mb(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    Ok(kib.context("the system does not say how much memory it has")? as f64 * 1024.0 / 1e6)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// The median, the least and the greatest.
fn spread(mut values: Vec<f64>) -> Value {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied();
    json!({
        "median": at(values.len() / 2),
        "min": at(0),
        "max": at(values.len().saturating_sub(1)),
    })
}
