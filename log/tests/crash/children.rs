//! Child processes: this test binary again, running the test that started it, which does the child's part when it is told where.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const WHERE: &str = "NEXUS_LOG_TEST_CHILD";

/// A command that runs the test `name` in a process of its own, on the store in `path`.
pub(crate) fn command(name: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(WHERE, path);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
    command
}

/// Where this process shall work, if it is a child.
pub(crate) fn told_where() -> Option<PathBuf> {
    std::env::var_os(WHERE).map(PathBuf::from)
}
