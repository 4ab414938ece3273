//! The real binary in narrow places: few file descriptors, little memory, a full disk, random errors, clocks that jump.
//!
//! It ends in time and says why, with a code and the exit code that is documented for it; what it acknowledged is there, and the
//! store opens and goes on once there is room again.

mod clocks;
mod errors;
mod room;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nexus_tests::binary;

/// How long anything may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_mins(1);

const WORKFLOW: &str = "\
nexus: v1
name: narrow
steps:
  a: { run: echo one }
  b: { needs: a, sleep: 10ms }
  c: { needs: b, run: echo three }
outputs: done
";

/// A folder with a workflow, and a store that may be there.
struct Place {
    folder: tempfile::TempDir,
}

/// How a process ended, and what it said.
#[derive(Debug)]
struct Ended {
    status: ExitStatus,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("w.yaml"), WORKFLOW).expect("written");
        Self { folder }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn workflow(&self) -> PathBuf {
        self.folder.path().join("w.yaml")
    }

    /// `nexus-engine run` with an id, after `before` in a shell that becomes it.
    fn run(&self, before: &str, id: &str) -> Ended {
        let mut command = self.shell(before, &self.store());
        command.arg("run").arg(self.workflow()).args(["--id", id]);
        ended(&mut command)
    }

    /// A shell that does `before` and becomes the binary.
    fn shell(&self, before: &str, store: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before}\nexec \"$0\" \"$@\"")]).arg(binary());
        command.arg("--store").arg(store).env("NO_COLOR", "1");
        // A report of a bug is written here, and is a failure.
        command.env("TMPDIR", self.folder.path());
        command
    }

    /// The store opens with room enough, is whole, holds these runs, and takes another.
    fn goes_on(&self, acknowledged: &[String], next: &str) {
        let list = ended(self.shell("", &self.store()).args(["list", "-o", "json"]));
        for id in acknowledged {
            assert!(list.out.contains(&format!("\"{id}\"")), "{id} is there: {list:?}");
        }
        let again = self.run("", next);
        assert_eq!(again.status.code(), Some(0), "it goes on: {again:?}");
        let verified = ended(self.shell("", &self.store()).arg("verify"));
        assert_eq!(verified.status.code(), Some(0), "it is whole: {verified:?}");
    }

    /// Reports of bugs that were written.
    fn reports(&self) -> impl Iterator<Item = PathBuf> {
        let files = std::fs::read_dir(self.folder.path()).expect("readable").flatten();
        files.map(|file| file.path()).filter(|path| path.to_string_lossy().contains("report"))
    }

    /// Deletes the reports of a process that was allowed to break off.
    fn forget_reports(&self) {
        for report in self.reports() {
            std::fs::remove_file(report).expect("removed");
        }
    }

    /// It was no bug that ended it.
    fn no_bug(&self, ended: &Ended) {
        assert_ne!(ended.status.code(), Some(70), "{ended:?}");
        assert!(!ended.err.contains("NX9001") && !ended.err.contains("panicked"), "{ended:?}");
        let report = self.reports().next();
        assert_eq!(report, None, "{ended:?}");
    }
}

/// Runs it to its end.
fn ended(command: &mut Command) -> Ended {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let out = heard(child.stdout.take().expect("piped"));
    let err = heard(child.stderr.take().expect("piped"));
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child can be asked") {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill().expect("a child can be killed");
            let _ = child.wait();
            panic!("{command:?} does not end: {}", err.join().expect("no panic"));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ended { status, out: out.join().expect("no panic"), err: err.join().expect("no panic") }
}

fn heard(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Where a library of the system is, if it is installed.
fn library(name: &str) -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join(name)).find(|path| path.is_file())
}
