//! Built-in step actions and scripts.
