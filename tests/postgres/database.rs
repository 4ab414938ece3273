//! A real PostgreSQL in a folder of its own, reached by a socket in it; ended with the test.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nexus_connectors::postgres::deadpool_postgres::{Config, Pool, Runtime};
use nexus_connectors::postgres::tokio_postgres::NoTls;
use tempfile::TempDir;

/// Where Debian keeps the programs that it does not put on the path.
const DEBIAN: &str = "/usr/lib/postgresql";
/// How long it may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Database {
    folder: TempDir,
    server: Child,
}

/// Connections to the server whose socket is in `folder`.
pub(crate) fn pool(folder: &Path) -> Pool {
    let config = Config {
        host: Some(folder.to_string_lossy().into_owned()),
        user: Some("nexus".to_owned()),
        dbname: Some("postgres".to_owned()),
        ..Config::default()
    };
    config.create_pool(Some(Runtime::Tokio1), NoTls).expect("a good configuration")
}

/// Whether the programs are there; the run of all tests names what is missing.
pub(crate) fn is_installed() -> bool {
    let missing = std::env::var("NEXUS_MISSING_TOOLS").unwrap_or_default();
    let found = program("initdb").is_some();
    assert!(found || missing.contains("initdb"), "install PostgreSQL: initdb is not found");
    found
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let mut folders = std::env::split_paths(&path).chain(debian);
    folders.find_map(|folder| {
        let file = folder.join(name);
        file.is_file().then_some(file)
    })
}

/// PostgreSQL does not run as root: then it runs as the user its package has made, and ends with this process.
fn command(name: &str) -> Command {
    let file = program(name).expect("PostgreSQL is installed");
    if !is_root() {
        return Command::new(file);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"]);
    command.arg(file);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("`id` is there");
    id.stdout.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("it can be started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Database {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        if is_root() {
            run(Command::new("chown").arg("postgres:").arg(folder.path()));
        }
        let user: [&OsStr; 5] = ["-U", "nexus", "-A", "trust", "-N"].map(OsStr::new);
        run(command("initdb").current_dir(folder.path()).args(user).arg("-D").arg(&data));
        let mut server = command("postgres");
        server.current_dir(folder.path()).arg("-D").arg(&data).arg("-k").arg(folder.path());
        server.args(["-c", "listen_addresses="]).stdin(Stdio::null());
        let server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let database = Self { folder, server: server.expect("it can be started") };
        let (begun, pool) = (Instant::now(), pool(database.folder()));
        while let Err(error) = pool.get().await {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL does not answer: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        database
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
