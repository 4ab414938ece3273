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
use crate::{Chance, binary};

/// How long a server may take until it answers, or until it ends when it is told to.
const PATIENCE: Duration = Duration::from_mins(1);
/// `SIGTERM` and `SIGKILL`, and how `serve` ends after the first.
const TERMINATE: i32 = 15;
const TERMINATED: i32 = 143;
/// Exit codes that say that the store is damaged, and that there is a bug.
const DAMAGED: i32 = 10;
const BUGS: [i32; 2] = [70, 101];
/// What a server says whose views cannot be written. They are no part of the log, and made again from it.
const VIEWS: &str = "error[NX6011]";
/// The exit code of a server whose store another one has.
const HELD: i32 = 6;

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
    log: File,
    life: u64,
    /// How much the servers of earlier lives said, in bytes.
    said_before: usize,
}

impl Stage {
    pub(super) fn new(folder: &Path, store: PathBuf, disk: Option<Disk>) -> std::io::Result<Self> {
        let log = File::create(folder.join("lives.jsonl"))?;
        let (server, _) = watch::channel(None);
        let folder = folder.to_owned();
        Ok(Self {
            folder,
            store,
            disk,
            server,
            lives: Lives::default(),
            seen: Vec::new(),
            log,
            life: 0,
            said_before: 0,
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
        let mut servers = vec![self.spawn(limit)];
        if fate == Fate::Rival {
            servers.push(self.start(None));
        }
        if fate == Fate::KilledEarly {
            self.wait(&mut servers, Duration::from_millis(chance.between(1, 250)), false).await;
        } else if self.wait(&mut servers, PATIENCE, true).await {
            let work = Duration::from_millis(chance.between(50, 700));
            if let (Fate::DiskFull, Some(disk)) = (fate, &self.disk) {
                disk.leave(chance.between(0, 48 << 10));
            }
            self.rest(&mut servers, work).await;
        } else if fate != Fate::Stunted && servers.iter_mut().any(is_alive) {
            self.seen
                .push(format!("life {}: the server did not answer for {PATIENCE:?}", self.life));
        }
        self.end(fate, servers).await;
    }

    /// The last life: nothing goes wrong in it.
    pub(super) async fn last(&mut self) -> Option<(Child, Client)> {
        let mut servers = vec![self.spawn(None)];
        if self.wait(&mut servers, PATIENCE, true).await {
            let client = self.server.borrow().clone();
            return servers.pop().zip(client);
        }
        self.seen.push("the server does not come back when nothing goes wrong any more".into());
        self.end(Fate::Killed, servers).await;
        None
    }

    /// Tells the server of the last life to end.
    pub(super) async fn close(&mut self, server: Child) {
        self.end(Fate::Told, vec![server]).await;
    }

    /// Begins the next life.
    fn spawn(&mut self, limit: Option<u64>) -> Child {
        self.life += 1;
        let said = std::fs::metadata(self.folder.join("stderr")).map(|data| data.len());
        self.said_before = usize::try_from(said.unwrap_or_default()).unwrap_or(0);
        self.note();
        self.start(limit)
    }

    /// Starts a server; `limit`: the size that its files may have, in KiB.
    fn start(&self, limit: Option<u64>) -> Child {
        let mut serve = if let Some(limit) = limit {
            // Without the signal a write that goes beyond fails, as on a full disk.
            let mut shell = Command::new("sh");
            shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh"]);
            shell.arg((limit * 2).to_string()).arg(binary());
            shell
        } else {
            Command::new(binary())
        };
        serve.arg("--store").arg(&self.store).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--drain",
            "2s",
        ]);
        serve.args(["--interruptions-max", "1000000"]);
        serve.env("NO_COLOR", "1").env("HOME", format!("/life/{}", self.life));
        let said = OpenOptions::new().create(true).append(true).open(self.folder.join("stderr"));
        serve
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said.expect("what servers say can be kept"));
        serve.spawn().expect("the binary starts")
    }

    /// Writes down when a life begins.
    fn note(&mut self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let line = json!({"life": self.life, "began": i64::try_from(now).unwrap_or(i64::MAX)});
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

    /// Ends a life.
    async fn end(&mut self, fate: Fate, mut servers: Vec<Child>) {
        let mut losers = 0;
        for server in &mut servers {
            if let Some(status) = exited(server) {
                losers += 1;
                self.ended_by_itself(fate, status, losers);
            } else if fate == Fate::Told {
                self.lives.stops += 1;
                self.stop(server).await;
            } else {
                self.lives.kills += 1;
                server.kill().expect("a child can be killed");
                server.wait().expect("a child can be waited for");
            }
        }
        self.lives.rivals += u64::from(fate == Fate::Rival);
        self.lives.full += u64::from(matches!(fate, Fate::Stunted | Fate::DiskFull));
        self.server.send_replace(None);
        if let Some(disk) = &self.disk {
            disk.free();
        }
    }

    /// A server that has ended: whether it may have.
    fn ended_by_itself(&mut self, fate: Fate, status: ExitStatus, losers: usize) {
        let code = status.code();
        let may = match fate {
            Fate::Stunted | Fate::DiskFull if code == Some(DAMAGED) => self.said().contains(VIEWS),
            Fate::Stunted | Fate::DiskFull => !code.is_some_and(|code| BUGS.contains(&code)),
            Fate::Rival => code == Some(HELD) && losers == 1,
            Fate::Killed | Fate::KilledEarly | Fate::Told => false,
        };
        self.lives.ended += u64::from(matches!(fate, Fate::Stunted | Fate::DiskFull));
        if !may {
            self.seen.push(format!(
                "life {} ({fate:?}): the server ended by itself: {status}",
                self.life
            ));
        }
    }

    /// What the servers of this life said.
    fn said(&self) -> String {
        let said = std::fs::read(self.folder.join("stderr")).unwrap_or_default();
        String::from_utf8_lossy(said.get(self.said_before..).unwrap_or_default()).into_owned()
    }

    async fn stop(&mut self, server: &mut Child) {
        let pid = server.id().to_string();
        let told = Command::new("kill").args([&format!("-{TERMINATE}"), &pid]).status();
        assert!(told.is_ok_and(|told| told.success()), "a child can be told to end");
        let began = Instant::now();
        let status = loop {
            if let Some(status) = exited(server) {
                break Some(status);
            }
            if began.elapsed() > PATIENCE {
                break None;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        match status {
            // A signal that comes before the server listens for it ends it as any other process.
            Some(status)
                if status.code() == Some(TERMINATED) || status.signal() == Some(TERMINATE) => {}
            Some(status) => {
                self.seen.push(format!("life {}: told to end, it ended with {status}", self.life))
            }
            None => {
                self.seen
                    .push(format!("life {}: told to end, it did not for {PATIENCE:?}", self.life));
                server.kill().expect("a child can be killed");
                server.wait().expect("a child can be waited for");
            }
        }
    }
}

fn exited(server: &mut Child) -> Option<ExitStatus> {
    server.try_wait().expect("a child can be asked")
}

fn is_alive(server: &mut Child) -> bool {
    exited(server).is_none()
}
