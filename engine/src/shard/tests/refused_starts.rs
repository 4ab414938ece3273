//! Starts that the log or the model does not take: nothing of them stays.

use nexus_model::event::{LABELS_MAX, RunStarted};

use super::*;

#[test]
fn a_start_that_is_refused_in_a_pause_is_not_looked_for_when_the_pause_ends() {
    let mut bench = Bench::new(&plan(vec![action("a", &[])]));
    let since = Timestamp::default();
    let pause = Pause { by: bench::by(), reason: String::new(), since };
    let active = BTreeMap::from([(Scope::Engine, pause)]);
    bench.tell(Input::Pauses(Arc::new(Pauses { active })));
    let run = bench.start(Some(1));
    let cancel = Command::CancelRun { by: bench::by(), reason: String::new(), undo: false };
    bench.ask(run, cancel, Some(2));
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "reply 1 disk; left; rest");
    bench.rested(run);
    assert_eq!(bench.seen(), "reply 2 not found");
    bench.start(Some(3));
    bench.refuse(FULL);
    assert_eq!(bench.seen(), "reply 3 disk; left");
    bench.tell(Input::Pauses(Arc::default()));
    assert_eq!(bench.seen(), "");
    assert!(bench.is_empty());
}

#[test]
fn of_a_start_that_is_rejected_nothing_stays() {
    let plan = plan(vec![action("a", &[])]);
    let mut bench = Bench::new(&plan);
    let labels = (0..=LABELS_MAX).map(|at| (format!("label-{at}"), String::new())).collect();
    let (run, definition) = (RunId([7; 16]), plan.hash());
    bench.tell(Input::Start(Box::new(Start {
        plan,
        started: Box::new(RunStarted { run, definition, labels, ..RunStarted::default() }),
        rows: Vec::new(),
        payloads: Vec::new(),
        reply: Some(ReplyId(1)),
        vault: None,
    })));
    assert_eq!(bench.seen(), "reply 1 rejected");
    assert!(bench.is_empty());
}
