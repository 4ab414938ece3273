//! The control API from both sides: a service in this process, and a client that asks it over its socket.

mod http;
mod metrics;
mod problems;
mod references;
mod serving;
mod support;
mod verbs;
mod waiting;
