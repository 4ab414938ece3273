//! The server of the torture that has functions.

use std::process::ExitCode;

fn main() -> ExitCode {
    nexus_tests::torture::serve()
}
