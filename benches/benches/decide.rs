//! The pure core: a chain of ten steps from start to end, in memory; and a state as bytes and hash.

use std::collections::BTreeMap;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nexus_definitions::shapes::{Shape, shape};
use nexus_model::codec::{decode_run, encode_run, state_hash};
use nexus_model::command::Command;
use nexus_model::decide::{Context, Decision, decide};
use nexus_model::event::Given;
use nexus_model::id::{Attempt, StepIndex};
use nexus_model::payload::Payload;
use nexus_model::plan::Plan;
use nexus_model::run::Run;
use nexus_model::time::Timestamp;

fn ask(plan: &Plan, run: &mut Run, command: Command) -> usize {
    let given = Given { now: Timestamp(1_000_000), slots: 8 };
    let context = Context { given, payloads: &BTreeMap::new(), interruptions_max: 2, vault: None };
    match decide(plan, run, command, context) {
        Ok(Decision::Happens(transition)) => transition.events.len(),
        other => panic!("{other:?}"),
    }
}

fn whole_run(plan: &Plan) -> Run {
    let mut run = Run::new(plan);
    ask(plan, &mut run, Command::StartRun(Box::default()));
    for step in 0..10 {
        let (step, attempt) = (StepIndex(step), Attempt(1));
        ask(plan, &mut run, Command::CompleteStep { step, attempt, output: Payload::Null });
    }
    run
}

fn core(criterion: &mut Criterion) {
    let plan = Plan::compile(shape(Shape::Chain, 10, 1)).expect("a chain is a good plan");
    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(10));
    group.bench_function("chain of 10", |bencher| bencher.iter(|| whole_run(&plan)));
    let run = whole_run(&plan);
    let bytes = encode_run(&plan, &run);
    group.bench_function("state hash", |bencher| bencher.iter(|| state_hash(&plan, &run)));
    group.bench_function("snapshot written", |bencher| bencher.iter(|| encode_run(&plan, &run)));
    group.bench_function("snapshot read", |bencher| bencher.iter(|| decode_run(&plan, &bytes)));
}

criterion_group!(benches, core);
criterion_main!(benches);
