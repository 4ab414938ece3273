//! Embeds the engine in a program.
fn main() {}
