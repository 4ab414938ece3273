//! Console blocks: commands behind `$ `, and below each what it prints.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use nexus_tests::binary;
use tempfile::TempDir;

use crate::blocks::{Block, root};

/// The words with which a command begins that makes a block one to be executed.
const EXECUTED: [&str; 2] = ["nexus-engine ", "cargo run --release -- "];

/// A command, and what it should print.
pub(crate) struct Step {
    pub(crate) command: String,
    pub(crate) output: String,
}

/// The commands of a block, if it is one that is executed: a block in which `nexus-engine` is called.
pub(crate) fn steps(block: &Block) -> Option<Vec<Step>> {
    if block.language != "console" {
        return None;
    }
    let mut steps: Vec<Step> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => {
                steps.push(Step { command: command.to_owned(), output: String::new() });
            }
            (None, Some(step)) if step.command.ends_with('\\') => {
                step.command.push('\n');
                step.command.push_str(line);
            }
            (None, Some(step)) => {
                step.output.push_str(line);
                step.output.push('\n');
            }
            (None, None) => {}
        }
    }
    let executed = steps.iter().any(|step| EXECUTED.iter().any(|word| step.command.contains(word)));
    executed.then_some(steps)
}

/// A folder in which the commands of a page are executed, with `examples/` in it.
pub(crate) struct Shell {
    folder: TempDir,
    exit_code: i32,
}

impl Shell {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let bin = folder.path().join(".bin");
        std::fs::create_dir_all(&bin).expect("a folder can be made");
        symlink(binary(), bin.join("nexus-engine")).expect("a link can be made");
        copy(&root().join("examples"), &folder.path().join("examples"));
        Self { folder, exit_code: 0 }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Executes a command as a shell does; what it printed, on both streams.
    pub(crate) fn execute(&mut self, command: &str) -> String {
        let command = command.replace("cargo run --release -- ", "nexus-engine ");
        // Something follows the command, so that the shell stays and says when it was killed.
        let script = format!("exec 2>&1; (exit {}); {command}\nexit $?", self.exit_code);
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(self.folder())
            .env("PATH", format!("{}:{path}", self.folder().join(".bin").display()))
            .env("NO_COLOR", "1")
            .env("USER", "dana")
            .env_remove("NEXUS_STORE")
            .stdin(Stdio::null())
            .output()
            .expect("there is a shell");
        self.exit_code = output.status.code().unwrap_or(137);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let name = path.file_name().expect("an entry has a name");
        if path.is_file() {
            std::fs::copy(&path, to.join(name)).expect("a file can be copied");
        }
    }
}
