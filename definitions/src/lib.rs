//! Text to definition and back: YAML, checks, schema, importers.

#[cfg(feature = "import")]
pub mod import;
pub mod shapes;
