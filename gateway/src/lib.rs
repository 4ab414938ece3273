//! Control API, health and metrics over HTTP.
