//! Control API, health and metrics over HTTP. Translates, never decides.
//!
//! [`Service`] carries out requests on an engine in this process; a [`Server`] offers the same over HTTP, and a [`Client`]
//! asks them of another process. [`Control`] is either, so that each verb of the command line is written once.

#![expect(
    clippy::result_large_err,
    reason = "a problem holds what its reader needs, and a request makes at most one"
)]

pub mod api;
mod client;
mod control;
mod follow;
mod metrics;
mod place;
mod problems;
mod routes;
mod selection;
mod server;
mod service;

pub use client::Client;
pub use control::Control;
pub use follow::Follow;
pub use metrics::install as install_metrics;
pub use place::{Address, Draining, Ending, ending};
pub use problems::{not_whole, open_problem, start_problem};
pub use server::{Server, listen_address};
pub use service::{Service, Setup, diff, graph};
