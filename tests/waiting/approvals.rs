//! Approvals by the command line: asked, refused, answered without an engine, and over a kill.

use std::time::Duration;

use nexus_tests::Server;

use crate::call;

const WORKFLOW: &str = r#"
nexus: v1
name: refund
inputs:
  total: { type: integer, default: 1200 }
steps:
  ok:
    approve:
      by: [user:dana, group:ops]
      message: Refund ${{ inputs.total }}?
      form:
        discount: { type: number, max: 0.5, default: 0 }
      timeout: 1h
  second:
    needs: ok
    approve: { by: "${{ steps.ok.output.by }}" }
    on_error: continue
outputs: [ "${{ steps.ok.output.form.discount }}", "${{ steps.second.output.approved }}" ]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_decide_with_and_without_an_engine() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = folder.path().join("store");
    let file = folder.path().join("refund.workflow.yaml");
    std::fs::write(&file, WORKFLOW).expect("a file can be written");
    let file = file.to_str().expect("its name is text");

    let server = Server::start(&store, &[]);
    server.client().await;
    let (text, code) = call(&store, &["start", file, "--id", "r-1"]);
    assert_eq!(code, 0, "{text}");
    let (text, _) = call(&store, &["inbox"]);
    assert!(text.contains("user:dana, group:ops") && text.contains("Refund 1200?"), "{text}");
    let (text, _) = call(&store, &["inbox", "--for", "erin", "-o", "name"]);
    assert_eq!(text, "");
    let (text, _) = call(&store, &["list", "--waiting", "approval"]);
    assert!(text.contains("approval by user:dana, group:ops, 59m"), "{text}");
    let (text, _) = call(&store, &["explain", "r-1"]);
    assert!(text.contains("ok waits for an approval by user:dana, group:ops"), "{text}");
    assert!(text.contains("nexus-engine approve r-1 ok"), "{text}");
    for (words, wanted) in [
        (vec!["approve", "r-1", "--as", "erin"], "NX4103"),
        (vec!["approve", "r-1", "second", "--as", "dana"], "NX4105"),
        (vec!["approve", "r-1", "--as", "dana", "--form", "discount=0.7"], "NX4106"),
    ] {
        let (text, code) = call(&store, &words);
        assert!(text.contains(wanted), "{text}");
        assert_eq!(code, 5);
    }
    let (text, _) = call(&store, &["history", "r-1", "-o", "jsonl"]);
    assert_eq!(text.lines().count(), 2, "{text}");
    server.kill();

    let yes = ["approve", "r-1", "--as", "erin", "--group", "ops", "--form", "discount=0.1"];
    let (text, code) = call(&store, &yes);
    assert!(text.contains("ok of r-1 approved by erin"), "{text}");
    assert!(text.contains("no engine has the store open"), "{text}");
    assert_eq!(code, 0);
    let (text, code) = call(&store, &["approve", "r-1", "ok", "--as", "dana"]);
    assert!(text.contains("NX4104") && text.contains("was already approved by erin"), "{text}");
    assert_eq!(code, 5);

    let server = Server::start(&store, &[]);
    let client = server.client().await;
    let (text, code) = call(&store, &["reject", "r-1", "--as", "erin", "--note", "too risky"]);
    assert_eq!((text.trim(), code), ("second of r-1 rejected by erin", 0));
    let end = client.wait("r-1", Some(Duration::from_secs(30))).await.expect("it ends");
    assert_eq!(end.outputs, serde_json::json!([0.1, false]));
    let (text, code) = call(&store, &["replay", "r-1"]);
    assert_eq!(code, 0, "{text}");
    let (text, _) = call(&store, &["audit", "--by", "erin"]);
    assert!(text.contains("approval.rejected") && text.contains("second: too risky"), "{text}");
    assert!(text.contains("cli:"), "{text}");
}
