//! Child processes: this test binary again, running the test that started it, which does the child's part when it is told where.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::until::answer_within;

const WHERE: &str = "NEXUS_LOG_TEST_CHILD";

/// A command that runs the test `name` in a process of its own, on what is in `path`.
pub(crate) fn command(name: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(WHERE, path);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null());
    command
}

/// How a process ends; `None` if it does not in a minute: then it is killed.
pub(crate) fn ends_in_time(child: &mut Child) -> Option<ExitStatus> {
    let ended = || child.try_wait().expect("it can be waited for");
    let status = answer_within(Duration::from_mins(1), ended);
    if status.is_none() {
        child.kill().expect("killed");
        child.wait().expect("ended");
    }
    status
}

/// Where this process shall work, if it is a child.
pub(crate) fn told_where() -> Option<PathBuf> {
    std::env::var_os(WHERE).map(PathBuf::from)
}
