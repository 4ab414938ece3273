//! Child processes: how this tool runs cargo and its neighbours.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

/// The folder with the workspace manifest.
pub(crate) fn workspace() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().map_or_else(|| package.clone(), Path::to_path_buf)
}

/// A call of the cargo that runs this tool, in the workspace folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(workspace());
    command
}

/// Runs `command` with its output shown; an exit code other than zero is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = describe(command);
    let status = command.status().with_context(|| format!("cannot start `{name}`"))?;
    if !status.success() {
        bail!("`{name}` failed: {status}");
    }
    Ok(())
}

/// Runs `command` and returns what it wrote to standard output; its errors are shown.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let name = describe(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{name}` did not write UTF-8"))
}

/// Whether `command` starts and ends with exit code zero; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Ends a child and all that it has started, also what is in other groups of processes: they are stopped until no new ones are found.
pub(crate) fn end_with_all_below(child: &mut Child) -> Result<()> {
    let mut found = BTreeSet::from([child.id()]);
    loop {
        signal("STOP", &found);
        let before = found.len();
        let parents = parents();
        // A process may be younger than its own children, by number.
        while let Some((below, _)) =
            parents.iter().find(|(id, parent)| found.contains(parent) && !found.contains(id))
        {
            found.insert(*below);
        }
        if found.len() == before {
            break;
        }
    }
    signal("KILL", &found);
    child.wait()?;
    Ok(())
}

fn signal(name: &str, processes: &BTreeSet<u32>) {
    let ids = processes.iter().map(u32::to_string);
    // One that has ended meanwhile is no error.
    succeeds(Command::new("kill").arg(format!("-{name}")).args(ids));
}

/// All processes, with that which started each.
fn parents() -> Vec<(u32, u32)> {
    let listed = fs::read_dir("/proc").into_iter().flatten().flatten();
    let parent = |entry: fs::DirEntry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // The name before may have any characters.
        let (_, rest) = stat.rsplit_once(") ")?;
        Some((id, rest.split(' ').nth(1)?.parse().ok()?))
    };
    listed.filter_map(parent).collect()
}

/// Whether an executable file called `program` is on the search path.
pub(crate) fn installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| executable(&folder.join(program)))
}

fn executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words: Vec<_> =
        std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}
