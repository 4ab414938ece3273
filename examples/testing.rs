//! A workflow played in simulated time, and again with a crash before and after every transition.

use nexus_engine::StartError;
use nexus_engine::testkit::{TestEngine, action, plan, sleep};
use serde_json::json;

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), StartError> {
    let plan = plan(vec![sleep("rest", "2d", &[]), action("ship", "parcels.ship", &["rest"])]);
    let engine = TestEngine::new().mock("parcels.ship", json!({"tracking": "t-1"}));

    let mut calm = engine.fresh();
    let run = calm.start(&plan, json!({}))?;
    assert_eq!(calm.finish(run).word(), "completed");

    let crashes = engine.crash_everywhere(&plan, &json!({}));
    assert!(crashes.all_same(), "{crashes}");
    println!("{crashes}");
    Ok(())
}

#[test]
fn it_runs_to_its_end() {
    main().expect("a program that ends well");
}
