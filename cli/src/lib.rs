//! What the command line shares with the benchmarks: workloads that are measured against the raw disk.

pub mod workload;
