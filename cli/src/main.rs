//! The `nexus-engine` command line.
fn main() {}
