//! Text to definition and back: YAML, checks, schema, importers.
