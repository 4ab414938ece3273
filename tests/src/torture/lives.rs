//! The lives of a server: each begins on what the one before left, and most end with `SIGKILL`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nexus_gateway::Client;
use serde_json::json;
use tokio::sync::watch;

use super::disk::Disk;
use super::functions::EFFECTS;
use super::workers;
use crate::{Chance, binary};

/// How long a server may take until it answers, or until it ends when it is told to.
const PATIENCE: Duration = Duration::from_mins(1);
/// What the driver sends.
const TERMINATE: i32 = 15;
const KILL: i32 = 9;
/// How much of what the servers of a life said is kept with how they ended, in bytes.
const SAID_BYTES: usize = 4 << 10;

/// What befalls a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is killed while it works.
    Killed,
    /// It is killed while it opens the store, or soon after.
    KilledEarly,
    /// It is told to end.
    Told,
    /// Its files may not grow beyond a size: a write fails in the middle of the log.
    Stunted,
    /// The disk is full, or nearly.
    DiskFull,
    /// Another one wants the same store at the same time.
    Rival,
}

impl Fate {
    /// Its name for the checker.
    fn name(self) -> &'static str {
        match self {
            Self::Killed | Self::KilledEarly => "killed",
            Self::Told => "told",
            Self::Stunted => "stunted",
            Self::DiskFull => "disk-full",
            Self::Rival => "rival",
        }
    }

    fn has_no_room(self) -> bool {
        matches!(self, Self::Stunted | Self::DiskFull)
    }
}

/// How often each was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lives {
    /// `SIGKILL`s.
    pub kills: u64,
    /// `SIGTERM`s.
    pub stops: u64,
    /// Servers whose files could not grow, or whose disk was full.
    pub full: u64,
    /// Servers that ended by themselves then, as they must when a write fails.
    pub ended: u64,
    /// Pairs of servers that wanted one store.
    pub rivals: u64,
}

impl Lives {
    /// Adds those of another store.
    pub fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.stops += other.stops;
        self.full += other.full;
        self.ended += other.ended;
        self.rivals += other.rivals;
    }
}

/// A store, and the lives of its servers.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    pub(super) store: PathBuf,
    pub(super) disk: Option<Disk>,
    pub(super) server: watch::Sender<Option<Client>>,
    pub(super) lives: Lives,
    pub(super) seen: Vec<String>,
    /// The program with functions, in the place of which `serve` stands in some lives.
    program: Option<PathBuf>,
    log: File,
    ends: File,
    life: u64,
}

impl Stage {
    /// `program`: a server that has functions.
    pub(super) fn new(
        folder: &Path,
        store: PathBuf,
        disk: Option<Disk>,
        program: Option<PathBuf>,
    ) -> std::io::Result<Self> {
        let log = File::create(folder.join("lives.jsonl"))?;
        let ends = File::create(folder.join("ends.jsonl"))?;
        std::fs::create_dir_all(folder.join("said"))?;
        let (server, _) = watch::channel(None);
        let folder = folder.to_owned();
        Ok(Self {
            folder,
            store,
            disk,
            server,
            lives: Lives::default(),
            seen: Vec::new(),
            program,
            log,
            ends,
            life: 0,
        })
    }

    /// One life.
    pub(super) async fn live(&mut self, chance: &mut Chance) {
        let fate = match chance.between(0, 100) {
            0..55 => Fate::Killed,
            55..80 => Fate::KilledEarly,
            80..86 => Fate::Told,
            91..95 if self.disk.is_some() => Fate::DiskFull,
            86..95 => Fate::Stunted,
            _ => Fate::Rival,
        };
        let limit = (fate == Fate::Stunted).then(|| chance.between(8, 400));
        let has_functions = chance.between(0, 5) > 0;
        let mut servers = vec![self.spawn(limit, has_functions)];
        if fate == Fate::Rival {
            servers.push(self.start(None, chance.between(0, 2) > 0));
        }
        let answered = if fate == Fate::KilledEarly {
            let patience = Duration::from_millis(chance.between(1, 250));
            self.wait(&mut servers, patience, false).await
        } else {
            self.serves(fate, &mut servers, chance).await
        };
        self.end(fate, answered, servers).await;
    }

    /// Waits for a server, and lets it work. Whether it answered.
    async fn serves(&mut self, fate: Fate, servers: &mut [Child], chance: &mut Chance) -> bool {
        let answered = self.wait(servers, PATIENCE, true).await;
        if answered {
            let work = Duration::from_millis(chance.between(50, 700));
            if let (Fate::DiskFull, Some(disk)) = (fate, &self.disk) {
                disk.leave(chance.between(0, 48 << 10));
            }
            self.rest(servers, work).await;
        } else if servers.iter_mut().any(is_alive) {
            self.seen
                .push(format!("life {}: the server did not answer for {PATIENCE:?}", self.life));
        }
        answered
    }

    /// The last life: nothing goes wrong in it.
    pub(super) async fn last(&mut self) -> Option<(Child, Client)> {
        let mut servers = vec![self.spawn(None, true)];
        if self.wait(&mut servers, PATIENCE, true).await {
            let client = self.server.borrow().clone();
            return servers.pop().zip(client);
        }
        self.seen.push("the server does not come back when nothing goes wrong any more".into());
        self.end(Fate::Killed, false, servers).await;
        None
    }

    /// Tells the server of the last life to end.
    pub(super) async fn close(&mut self, server: Child) {
        self.end(Fate::Told, true, vec![server]).await;
    }

    /// Begins the next life.
    fn spawn(&mut self, limit: Option<u64>, has_functions: bool) -> Child {
        self.life += 1;
        self.note();
        self.start(limit, has_functions)
    }

    /// Starts a server; `limit`: the size that its files may have, in KiB; `has_functions`: the program with functions, if there is one.
    fn start(&self, limit: Option<u64>, has_functions: bool) -> Child {
        let program = self.program.as_ref().filter(|_| has_functions);
        let binary = program.cloned().unwrap_or_else(binary);
        let mut serve = if let Some(limit) = limit {
            // Without the signal a write that goes beyond fails, as on a full disk.
            let mut shell = Command::new("sh");
            shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh"]);
            shell.arg((limit * 2).to_string()).arg(binary);
            shell
        } else {
            Command::new(binary)
        };
        if program.is_some() {
            serve.arg(&self.store).env(EFFECTS, self.folder.join("effects"));
        } else {
            self.arguments(&mut serve);
        }
        serve.env("NO_COLOR", "1").env("HOME", format!("/life/{}", self.life));
        // A file for each life: with a limit it may not grow either.
        let said = OpenOptions::new().create(true).append(true).open(self.said());
        serve
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said.expect("what servers say can be kept"));
        serve.spawn().expect("the binary starts")
    }

    /// What `serve` is told; the program knows it.
    fn arguments(&self, serve: &mut Command) {
        serve.arg("--store").arg(&self.store);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--drain", "2s"]);
        serve.args(["--interruptions-max", "1000000", "--worker-lease"]);
        serve.arg(format!("{}ms", workers::LEASE.as_millis()));
    }

    /// Writes down when a life begins.
    fn note(&mut self) {
        let line = json!({"life": self.life, "began": now_ms()});
        self.log
            .write_all(format!("{line}\n").as_bytes())
            .expect("the log of lives can be written");
    }

    /// Waits until one answers, tells the clients of it, and goes on waiting unless this is enough. Whether one answered.
    async fn wait(&self, servers: &mut [Child], patience: Duration, is_enough: bool) -> bool {
        let began = Instant::now();
        let mut answered = false;
        while began.elapsed() < patience && servers.iter_mut().any(is_alive) {
            if !answered
                && let Some(client) = Client::find(&self.store).await
                && client
                    .status()
                    .await
                    .is_ok_and(|status| servers.iter().any(|server| server.id() == status.pid))
            {
                answered = true;
                self.server.send_replace(Some(client));
                if is_enough {
                    return true;
                }
            }
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        answered
    }

    /// Lets it work, unless it ends before.
    async fn rest(&self, servers: &mut [Child], time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time && servers.iter_mut().any(is_alive) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends a life, and writes down how its servers ended. Whether they may have is for the checker to say.
    async fn end(&mut self, fate: Fate, answered: bool, mut servers: Vec<Child>) {
        for server in &mut servers {
            let (sent, status) = if let Some(status) = exited(server) {
                self.lives.ended += u64::from(fate.has_no_room());
                (None, status)
            } else if fate == Fate::Told {
                self.lives.stops += 1;
                self.stop(server).await
            } else {
                self.lives.kills += 1;
                kill(server)
            };
            self.note_end(fate, answered, sent, status);
        }
        self.lives.rivals += u64::from(fate == Fate::Rival);
        self.lives.full += u64::from(fate.has_no_room());
        self.server.send_replace(None);
        if let Some(disk) = &self.disk {
            disk.free();
        }
    }

    fn note_end(&mut self, fate: Fate, answered: bool, sent: Option<i32>, status: ExitStatus) {
        let said = std::fs::read(self.said()).unwrap_or_default();
        let said = said.get(said.len().saturating_sub(SAID_BYTES)..).unwrap_or_default();
        let line = json!({
            "life": self.life, "fate": fate.name(), "answered": answered, "sent": sent, "code": status.code(), "signal": status.signal(),
            "said": String::from_utf8_lossy(said),
        });
        self.ends
            .write_all(format!("{line}\n").as_bytes())
            .expect("how servers ended can be written");
    }

    /// Where the servers of this life say what they have to say.
    fn said(&self) -> PathBuf {
        self.folder.join("said").join(self.life.to_string())
    }

    /// Tells a server to end: what it was sent in the end, and how it ended.
    async fn stop(&mut self, server: &mut Child) -> (Option<i32>, ExitStatus) {
        let pid = server.id().to_string();
        let told = Command::new("kill").args([&format!("-{TERMINATE}"), &pid]).status();
        assert!(told.is_ok_and(|told| told.success()), "a child can be told to end");
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = exited(server) {
                return (Some(TERMINATE), status);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.seen.push(format!("life {}: told to end, it did not for {PATIENCE:?}", self.life));
        kill(server)
    }
}

fn kill(server: &mut Child) -> (Option<i32>, ExitStatus) {
    server.kill().expect("a child can be killed");
    (Some(KILL), server.wait().expect("a child can be waited for"))
}

/// Milliseconds since the Unix epoch.
pub(super) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(now).unwrap_or(i64::MAX)
}

fn exited(server: &mut Child) -> Option<ExitStatus> {
    server.try_wait().expect("a child can be asked")
}

fn is_alive(server: &mut Child) -> bool {
    exited(server).is_none()
}
