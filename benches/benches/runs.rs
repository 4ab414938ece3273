//! Whole runs on a real store: a chain of ten steps alone, and a fan-out of a thousand.

use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nexus_benches::{folder, runtime};
use nexus_cli::workload::{complete, open_engine};
use nexus_definitions::shapes::{Shape, shape};
use nexus_model::plan::Plan;

fn runs(criterion: &mut Criterion) {
    let runtime = runtime();
    let mut group = criterion.benchmark_group("run");
    group.sample_size(10);
    for (name, family, steps) in
        [("chain of 10", Shape::Chain, 10), ("fan-out of 1000", Shape::ForkJoin, 1000)]
    {
        let plan = Arc::new(Plan::compile(shape(family, steps, 1)).expect("a good plan"));
        let folder = folder();
        let engine =
            runtime.block_on(async { open_engine(folder.path(), 256) }).expect("the store opens");
        group.throughput(Throughput::Elements(u64::from(steps)));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| {
                runtime.block_on(async {
                    let began = Instant::now();
                    for _ in 0..times {
                        complete(engine.handle(), &plan).await.expect("the run completes");
                    }
                    began.elapsed()
                })
            });
        });
        runtime.block_on(engine.shutdown());
    }
}

criterion_group!(benches, runs);
criterion_main!(benches);
