//! What the program needs of the system: descriptors, for the files of its store.

use nexus_gateway::api::Problem;

use crate::exit::Code;

/// So many files are open when a store is open, a server answers and a step runs; and some more.
const FILES_MIN: u64 = 64;

/// Checks that the process may open files enough. With fewer, anything may fail at any time.
pub(crate) fn check() -> Result<(), Problem> {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match files {
        Some(files) if files < FILES_MIN => Err(Problem::new(
            "NX6009",
            Code::Unreachable as u8,
            format!("this process may open only {files} files, and needs {FILES_MIN}"),
        )
        .hint("raise the limit of the shell or of the service: ulimit -n 1024")),
        _ => Ok(()),
    }
}
