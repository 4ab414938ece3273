//! What a verb knows beside its own arguments: the global flags, the store, who asks.

use std::future::Future;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use nexus_gateway::api::{By, Problem};
use rustix::process::getuid;
use tokio::runtime::Builder;

use crate::args::Global;
use crate::exit::{self, Code, Outcome};

/// The store's folder unless another is named.
const STORE: &str = ".nexus";
/// Threads of a verb that works on runs.
const WORKERS: usize = 2;

/// What a verb knows beside its own arguments.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    global: Global,
}

impl Context {
    /// Makes a context of the global flags.
    pub(crate) fn new(global: Global) -> Self {
        Self { global }
    }

    /// Folder of the store: `--store`, `NEXUS_STORE`, or `./.nexus`.
    pub(crate) fn store(&self) -> PathBuf {
        self.global.store.clone().unwrap_or_else(|| PathBuf::from(STORE))
    }

    /// The same, with another store.
    pub(crate) fn with_store(&self, store: PathBuf) -> Self {
        Self { global: Global { store: Some(store), ..self.global.clone() } }
    }

    /// The flags that repeat this choice of a store in a command line, with a space before them.
    pub(crate) fn store_flag(&self) -> String {
        match &self.global.store {
            Some(store)
                if std::env::var_os("NEXUS_STORE").as_deref() != Some(store.as_os_str()) =>
            {
                format!(" --store {}", quoted(&store.display().to_string()))
            }
            Some(_) | None => String::new(),
        }
    }

    /// How long to wait at most.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.global.timeout
    }

    /// Ends when the user wants to wait no longer.
    pub(crate) async fn expired(&self) {
        match self.global.timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    }

    /// Follows a run as long as the user wants to wait.
    ///
    /// # Errors
    /// NX7013 when the time is over.
    pub(crate) async fn in_time(
        &self,
        run: &str,
        following: impl Future<Output = Outcome>,
    ) -> Outcome {
        tokio::select! {
            outcome = following => outcome,
            () = self.expired() => {
                let message = format!("the time is over, and {run} has not ended");
                Err(Problem::new("NX7013", Code::StillGoing as u8, message).run(run).hint(format!(
                    "see how it stands: nexus-engine get {run}{}",
                    self.store_flag()
                )))
            }
        }
    }

    /// Whether a store that ends before what it acknowledged may be opened.
    pub(crate) fn accepts_data_loss(&self) -> bool {
        self.global.accept_data_loss
    }

    /// How often an attempt may be cut off, if the user said so.
    pub(crate) fn interruptions_max(&self) -> Option<u32> {
        self.global.interruptions_max
    }

    /// How many runs may be open, if the user said so.
    pub(crate) fn open_runs_max(&self) -> Option<u64> {
        self.global.open_runs_max
    }

    /// Whether the user can be asked something.
    pub(crate) fn may_ask(&self) -> bool {
        !self.global.no_input && !self.global.yes && io::stdin().is_terminal()
    }

    /// Whether the user agreed to everything beforehand.
    pub(crate) fn yes(&self) -> bool {
        self.global.yes
    }

    /// Who asks: the user of the system, by the command line.
    #[expect(clippy::unused_self, reason = "verbs have what they need from their context")]
    pub(crate) fn by(&self) -> By {
        let said = |name| std::env::var(name).ok().filter(|user| !user.is_empty());
        let user = said("USER").or_else(|| said("LOGNAME"));
        let name = user.unwrap_or_else(|| format!("uid {}", getuid().as_raw()));
        By { name, via: "cli".into() }
    }

    /// Runs a verb that asks something and ends, on this thread.
    #[expect(clippy::unused_self, reason = "verbs have what they need from their context")]
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        block_on(&mut Builder::new_current_thread(), work)
    }

    /// Runs a verb that works on runs, on two threads.
    #[expect(clippy::unused_self, reason = "verbs have what they need from their context")]
    pub(crate) fn block_on_two<T>(&self, work: impl Future<Output = T>) -> T {
        // A runtime that cannot begin all of its threads waits for ever for those that it has begun.
        threads_can_begin(WORKERS + 1).expect(exit::NO_RUNTIME);
        block_on(Builder::new_multi_thread().worker_threads(WORKERS), work)
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "-_./+:@%,=".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Begins so many threads, which end again.
fn threads_can_begin(count: usize) -> io::Result<()> {
    let door = Arc::new(RwLock::new(()));
    let closed = door.write().unwrap_or_else(PoisonError::into_inner);
    let begin = |_| {
        let door = Arc::clone(&door);
        thread::Builder::new().spawn(move || drop(door.read()))
    };
    let begun: io::Result<Vec<_>> = (0..count).map(begin).collect();
    drop(closed);
    for thread in begun? {
        let _ = thread.join();
    }
    Ok(())
}

/// Runs `work`, and ends without waiting for what is left: after a second Ctrl-C that is reads and writes of the store.
fn block_on<T>(builder: &mut Builder, work: impl Future<Output = T>) -> T {
    let runtime = builder.enable_all().build().expect(exit::NO_RUNTIME);
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}
