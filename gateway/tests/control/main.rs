//! The control API from both sides: a service in this process, and a client that asks it over its socket.

#[cfg(test)]
mod approvals;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod held_back;
mod http;
mod kept_starts;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod of_programs;
#[cfg(test)]
mod problems;
#[cfg(test)]
mod references;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod signals;
mod state_queries;
#[cfg(test)]
mod support;
mod updates;
#[cfg(test)]
mod verbs;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod waiting;
#[cfg(test)]
mod worker_causes;
#[cfg(test)]
mod workers;
