//! A durable, event-sourced workflow engine.
