//! The log alone: groups of 1, 8, 64 and 512 transitions, beside the raw disk with the same bytes.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nexus_benches::folder;
use nexus_cli::workload::{Raw, append_group, open_log};

fn groups(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    group.sample_size(20);
    for size in [1usize, 8, 64, 512] {
        group.throughput(Throughput::Elements(size as u64));
        let folder = folder();
        let log = open_log(folder.path()).expect("the log opens");
        let mut next = 0;
        group.bench_function(BenchmarkId::new("log", size), |bencher| {
            bencher.iter(|| {
                next += 1;
                append_group(&log, size, next).expect("the log takes it")
            });
        });
        let mut raw = Raw::new(folder.path()).expect("a raw file");
        let bytes = vec![0x5a; nexus_cli::workload::group_bytes(size)];
        group.bench_function(BenchmarkId::new("raw", size), |bencher| {
            bencher.iter(|| raw.group(&bytes).expect("the disk takes it"));
        });
    }
}

criterion_group!(benches, groups);
criterion_main!(benches);
