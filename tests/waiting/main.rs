//! Signals and approvals by the command line: to the process that holds the store, to a store that nobody holds, and over
//! a kill.

mod approvals;
mod schedules;

use std::path::Path;
use std::time::Duration;

use nexus_tests::{Server, command};

const WORKFLOW: &str = r"
nexus: v1
name: order
inputs:
  order_id: { type: integer, default: 117 }
steps:
  paid:
    wait_for:
      signal: payment
      match: ${{ signal.order_id == inputs.order_id }}
      timeout: 1h
  sent:
    needs: paid
    wait_for: { signal: sent }
outputs: ${{ steps.paid.output.amount + steps.sent.output }}
";

/// What a call prints on both streams, and its exit code.
fn call(store: &Path, words: &[&str]) -> (String, i32) {
    let output = command(store).args(words).output().expect("the binary starts");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code().unwrap_or(-1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_gets_its_signals_with_and_without_an_engine() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = folder.path().join("store");
    let file = folder.path().join("order.workflow.yaml");
    std::fs::write(&file, WORKFLOW).expect("a file can be written");
    let file = file.to_str().expect("its name is text");

    let server = Server::start(&store, &[]);
    server.client().await;
    let (text, code) = call(&store, &["start", file, "--id", "o-1"]);
    assert_eq!(code, 0, "{text}");
    let (text, _) = call(&store, &["list", "--waiting", "signal"]);
    assert!(text.contains("waiting") && text.contains("signal payment, 59m"), "{text}");
    let (text, _) = call(&store, &["explain", "o-1"]);
    assert!(text.contains("paid waits for signal payment"), "{text}");
    let (text, code) = call(&store, &["signal", "o-1", "payment", r#"{"order_id": 118}"#]);
    assert_eq!((text.trim(), code), ("kept: no step of o-1 waits for payment yet", 0));
    server.kill();

    let paid = ["signal", "o-1", "payment", r#"{"order_id": 117, "amount": 5}"#, "--id", "p-1"];
    let (text, code) = call(&store, &paid);
    assert!(text.contains("payment delivered to o-1 (step paid)"), "{text}");
    assert!(text.contains("no engine has the store open"), "{text}");
    assert_eq!(code, 0);
    let (text, code) = call(&store, &paid);
    assert_eq!((text.trim(), code), ("o-1 received payment already; nothing was changed", 0));

    let server = Server::start(&store, &[]);
    let client = server.client().await;
    let (text, code) = call(&store, &["signal", "o-1", "sent", "2"]);
    assert_eq!((text.trim(), code), ("sent delivered to o-1 (step sent)", 0));
    let end = client.wait("o-1", Some(Duration::from_secs(30))).await.expect("it ends");
    assert_eq!(end.outputs, 7);
    let (text, code) = call(&store, &["signal", "o-1", "sent", "3"]);
    assert!(text.contains("NX4002") && text.contains("has ended (completed)"), "{text}");
    assert_eq!(code, 5);
    let (text, code) = call(&store, &["replay", "o-1"]);
    assert_eq!(code, 0, "{text}");
    let (text, _) = call(&store, &["audit"]);
    assert!(text.contains("signal.received"), "{text}");
}
