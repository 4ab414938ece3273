//! A change of the code that is guarded is the same when the function is run again, whatever it does in that turn.

use nexus_model::event::Event;
use nexus_model::run::RunStatus;

use super::super::Cx;
use super::{Bench, same};
use crate::handler::{StepCx, StepResult};
use crate::workflow::{IntoStep, Result};

async fn back(_: StepCx, _: u64) -> StepResult<()> {
    Ok(())
}

/// Fails in the turn in which it asks; the old way went on.
async fn fails(cx: Cx, n: u64) -> Result<u64> {
    cx.step("one", same.undo(back), n).await?;
    if cx.patched("enough") {
        return Err(cx.fail("ENOUGH", "it is enough"));
    }
    cx.step("two", same, n).await
}

/// As [`fails`], but it goes well.
async fn returns(cx: Cx, n: u64) -> Result<u64> {
    let one = cx.step("one", same, n).await?;
    if cx.patched("enough") {
        return Ok(one);
    }
    cx.step("two", same, n).await
}

fn patches(bench: &Bench) -> Vec<String> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other event is the end of a function")]
    let returned = bench.history.iter().filter_map(|(event, _)| match event {
        Event::FunctionReturned(returned) => Some(returned.patches.clone()),
        _ => None,
    });
    returned.flatten().collect()
}

#[test]
fn a_function_that_fails_as_it_is_patched_is_run_again_while_its_steps_are_undone() {
    let mut bench = Bench::new(fails);
    bench.ask();
    bench.step();
    bench.ask();
    assert!(matches!(bench.run.status, RunStatus::Failing { .. }), "{:?}", bench.run.status);
    assert_eq!(patches(&bench), ["enough"]);
    bench.crash();
    bench.ask();
    assert_eq!(patches(&bench), ["enough"]);
}

#[test]
fn a_function_that_returns_as_it_is_patched_is_run_again() {
    let mut bench = Bench::new(returns);
    bench.ask();
    bench.step();
    bench.ask();
    assert!(matches!(bench.run.status, RunStatus::Completed { .. }), "{:?}", bench.run.status);
    bench.crash();
    bench.ask();
    assert_eq!(patches(&bench), ["enough"]);
}
