//! Control API, health and metrics over HTTP. Translates, never decides.
//!
//! [`Service`](service::Service) carries out requests on an engine in this process; the routes offer the same over HTTP, and
//! [`Client`](client::Client) asks them of another process.

pub mod api;
