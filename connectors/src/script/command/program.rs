//! Whether the program of a command is one that can be started.

use std::env::split_paths;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Why the program of a command cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoProgram {
    /// No folder of `PATH` has it.
    #[error("no folder of PATH has a program `{name}`")]
    NotInPath {
        /// Its name.
        name: String,
        /// Whether there is one in the folder of this process, where a name alone is not looked for.
        is_here: bool,
    },
    /// There is no such file.
    #[error("there is no program {}", path.display())]
    NotThere {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is a folder, or something else that cannot be run.
    #[error("{} is no file", path.display())]
    NoFile {
        /// What it is.
        path: PathBuf,
    },
    /// This user may not execute it.
    #[error("{} is not executable", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
    },
}

/// Looks for a program as the shell will that starts it: by its path, or by its name in `path`, the value of `PATH`. Without one a shell
/// looks where it likes, so nothing is said about a name.
pub(super) fn find(name: &OsStr, path: Option<&OsStr>) -> Result<(), NoProgram> {
    if name.as_bytes().contains(&b'/') {
        return runs(Path::new(name));
    }
    let not_found = || NoProgram::NotInPath {
        name: name.to_string_lossy().into_owned(),
        is_here: !name.is_empty() && Path::new(name).is_file(),
    };
    let Some(path) = path else { return Ok(()) };
    if name.is_empty() {
        return Err(not_found());
    }
    let mut wrong = None;
    for folder in split_paths(path) {
        match runs(&folder.join(name)) {
            Ok(()) => return Ok(()),
            Err(NoProgram::NotExecutable { path }) => {
                wrong = wrong.or(Some(NoProgram::NotExecutable { path }));
            }
            Err(_) => {}
        }
    }
    Err(wrong.unwrap_or_else(not_found))
}

fn runs(path: &Path) -> Result<(), NoProgram> {
    let here = || path.to_owned();
    match path.metadata() {
        Err(_) => Err(NoProgram::NotThere { path: here() }),
        Ok(about) if !about.is_file() => Err(NoProgram::NoFile { path: here() }),
        Ok(_) if access(path, Access::EXEC_OK).is_err() => {
            Err(NoProgram::NotExecutable { path: here() })
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_is_found_as_a_shell_finds_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::write(&path, "#!/bin/sh\n").expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
                .expect("it is ours");
            path
        };
        let (good, bad) = (file("good", 0o755), file("bad", 0o644));
        let other = folder.path().join("other");
        std::fs::create_dir_all(other.join("good")).expect("a folder");
        let path = std::env::join_paths([&other, folder.path()]).expect("no colon in it");
        let found = |name: &OsStr| find(name, Some(&path));
        for name in [OsStr::new("good"), good.as_os_str()] {
            assert_eq!(found(name), Ok(()), "{}", name.display());
        }
        let not_executable = Err(NoProgram::NotExecutable { path: bad.clone() });
        for name in [OsStr::new("bad"), bad.as_os_str()] {
            assert_eq!(found(name), not_executable, "{}", name.display());
        }
        assert_eq!(found(other.as_os_str()), Err(NoProgram::NoFile { path: other.clone() }));
        let missing = folder.path().join("missing");
        assert_eq!(found(missing.as_os_str()), Err(NoProgram::NotThere { path: missing.clone() }));
        for (name, is_here) in [("missing", false), ("", false), ("Cargo.toml", true)] {
            let expected = NoProgram::NotInPath { name: name.to_owned(), is_here };
            assert_eq!(found(OsStr::new(name)), Err(expected), "{name}");
        }
        assert_eq!(find(OsStr::new("missing"), None), Ok(()), "a shell may know where it is");
    }
}
