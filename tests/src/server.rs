//! A real `nexus-engine serve`, and ways to ask and to kill it.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nexus_gateway::Client;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

/// The binary: `NEXUS_ENGINE_BIN`, or what `cargo build` left beside the tests.
///
/// # Panics
/// If there is none; `cargo xtask test` builds it first.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("NEXUS_ENGINE_BIN") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps");
    let path = folder.join("nexus-engine");
    assert!(
        path.exists(),
        "{} is missing: run `cargo build -p nexus-cli`, or `cargo xtask test`",
        path.display()
    );
    path
}

/// A call of the binary on a store, with a quiet environment.
pub fn command(store: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("--store").arg(store).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// An address of this machine that nobody listens at. It stays free for who has to say it before it is used, and again after a
/// kill: it is none of those that the system gives to connections.
///
/// # Panics
/// If all are taken.
pub fn free_address() -> SocketAddr {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap_or_default();
    let free = (first..first + 2_000).find_map(|port| {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        TcpListener::bind(address).is_ok().then_some(address)
    });
    free.expect("a port is free")
}

/// A running server on a store.
#[derive(Debug)]
pub struct Server {
    child: Child,
    store: PathBuf,
}

impl Server {
    /// Starts one; does not wait until it answers.
    ///
    /// # Panics
    /// If the binary cannot be started.
    pub fn start(store: &Path, flags: &[&str]) -> Self {
        Self::start_at(store, "127.0.0.1:0", flags)
    }

    /// Starts one that listens at `address`; does not wait until it answers.
    ///
    /// # Panics
    /// If the binary cannot be started.
    pub fn start_at(store: &Path, address: &str, flags: &[&str]) -> Self {
        let mut serve = command(store);
        serve.args(["serve", "--listen", address]).args(flags).stdout(Stdio::null());
        let child = serve.spawn().expect("the binary starts");
        Self { child, store: store.to_owned() }
    }

    /// Asks it; waits until it answers.
    ///
    /// # Panics
    /// If it does not answer in a minute.
    pub async fn client(&self) -> Client {
        let pid = self.child.id();
        until("the server answers", || async {
            let client = Client::find(&self.store).await?;
            let status = client.status().await.ok()?;
            (status.pid == pid).then_some(client)
        })
        .await
    }

    /// Whether the process is still there.
    ///
    /// # Panics
    /// If the system refuses to say.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as a power switch would.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn kill(mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
///
/// # Panics
/// If there is none in a minute.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "waited a minute until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The canonical JSON of a definition in YAML.
///
/// # Panics
/// If it is not a good definition.
pub fn definition_json(yaml: &str) -> serde_json::Value {
    let read = nexus_definitions::read("test.workflow.yaml", yaml)
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    serde_json::from_slice(&read.definition.to_canonical_json()).expect("canonical JSON is JSON")
}
