//! What the tests need beside cargo: installed where that is possible, named where it is not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::process;

/// The version that the pinned toolchain can compile.
const NEXTEST_VERSION: &str = "0.9.143";

/// Programs that some tests start, and the Debian package that has each of them.
const TOOLS: [Tool; 8] = [
    Tool {
        program: "prometheus",
        package: "prometheus",
        purpose: "a real server scrapes our metrics",
    },
    Tool { program: "promtool", package: "prometheus", purpose: "our metrics page is checked" },
    Tool {
        program: "strace",
        package: "strace",
        purpose: "the order of writes and syncs is checked",
    },
    Tool {
        program: "initdb",
        package: "postgresql",
        purpose: "steps that are transactions run on a real server",
    },
    Tool { program: "faketime", package: "faketime", purpose: "clocks jump" },
    Tool {
        program: "fiu-run",
        package: "fiu-utils",
        purpose: "calls to the system fail by chance",
    },
    Tool { program: "valgrind", package: "valgrind", purpose: "instructions are counted" },
    Tool { program: "python3", package: "python3", purpose: "workers are programs of their own" },
];

/// A program that some tests start.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tool {
    program: &'static str,
    package: &'static str,
    purpose: &'static str,
}

/// `cargo xtask setup`.
pub(crate) fn run() -> Result<ExitCode> {
    let missing = ensure()?;
    if missing.is_empty() {
        println!("everything that the tests need is installed");
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs what is missing; returns the programs that could not be installed, each of them announced.
///
/// # Errors
/// When there is no test runner and it cannot be installed.
pub(crate) fn ensure() -> Result<Vec<&'static str>> {
    ensure_nextest()?;
    let missing = missing();
    if !missing.is_empty()
        && may_install()
        && let Err(error) = install(&packages(&missing))
    {
        println!("could not install: {error:#}");
    }
    let missing = self::missing();
    for tool in &missing {
        println!(
            "skipping tests with {} ({}): install the Debian package {}",
            tool.program, tool.purpose, tool.package
        );
    }
    Ok(missing.iter().map(|tool| tool.program).collect())
}

fn ensure_nextest() -> Result<()> {
    if process::succeeds(&mut process::cargo(&["nextest", "--version"])) {
        return Ok(());
    }
    println!("installing cargo-nextest {NEXTEST_VERSION}");
    let arguments = ["install", "--locked", "cargo-nextest", "--version", NEXTEST_VERSION];
    process::run(&mut process::cargo(&arguments))
        .context("the tests need cargo-nextest: https://nexte.st/docs/installation")
}

fn missing() -> Vec<Tool> {
    TOOLS.into_iter().filter(|tool| !is_installed(tool.program)).collect()
}

/// Whether a program is on the path, or where Debian keeps those of PostgreSQL.
fn is_installed(program: &str) -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    process::installed(program)
        || versions.into_iter().any(|version| version.path().join("bin").join(program).is_file())
}

fn packages(tools: &[Tool]) -> Vec<&'static str> {
    let mut packages: Vec<_> = tools.iter().map(|tool| tool.package).collect();
    packages.dedup();
    packages
}

/// Only root may install packages, and only where no init system runs: there, the package of
/// Prometheus would leave a service behind, which is for the owner of the machine to decide.
fn may_install() -> bool {
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let init_system = Path::new("/run/systemd/system").exists();
    root && !init_system && process::installed("apt-get")
}

fn install(packages: &[&str]) -> Result<()> {
    println!("installing the Debian packages {}", packages.join(", "));
    let _no_services = NoServices::declare(Path::new(POLICY_FILE))?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(packages);
    apt_get(&install).or_else(|_| {
        apt_get(&["update"])?;
        apt_get(&install)
    })
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .args(["-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    process::run(&mut command)
}

/// While this lives, packages do not start the services they bring. See invoke-rc.d(8), "policy-rc.d".
struct NoServices<'a> {
    /// Where the policy was written, unless there was one.
    file: Option<&'a Path>,
}

const POLICY_FILE: &str = "/usr/sbin/policy-rc.d";
const FORBIDDEN: &str = "#!/bin/sh\nexit 101\n";

impl<'a> NoServices<'a> {
    fn declare(file: &'a Path) -> Result<Self> {
        if file.exists() {
            return Ok(Self { file: None });
        }
        fs::write(file, FORBIDDEN)
            .and_then(|()| fs::set_permissions(file, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Self { file: Some(file) })
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.file
            && fs::remove_file(file).is_err()
        {
            println!("please remove {}: it stops services from starting", file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_installed_once() {
        assert_eq!(
            packages(&TOOLS),
            ["prometheus", "strace", "postgresql", "faketime", "fiu-utils", "valgrind", "python3"]
        );
    }

    #[test]
    fn the_policy_goes_and_one_that_was_there_stays() {
        let name = format!("nexus-xtask-policy-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let ours = NoServices::declare(&file).expect("the folder is writable");
        assert_eq!(fs::read_to_string(&file).expect("it was written"), FORBIDDEN);
        drop(NoServices::declare(&file).expect("nothing to write"));
        assert!(file.exists());
        drop(ours);
        assert!(!file.exists());
    }

    #[test]
    fn a_missing_program_is_noticed() {
        assert!(process::installed("sh"));
        assert!(!process::installed("no-such-program"));
    }
}
