//! A durable, event-sourced workflow engine.

pub mod handler;
