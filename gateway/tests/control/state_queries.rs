//! Queries through the control API: of a run that waits, and of one that has ended.

use nexus_gateway::api::SendSignal;
use serde_json::{Value, json};

use crate::support::{House, by, start, until};

/// `a` waits; its queries look at it.
fn parcel() -> Value {
    json!({
        "name": "parcel", "input_is_value": true,
        "steps": [
            {"id": "a", "kind": {"wait_for": {"signal": "packed"}}},
            {"id": "b", "kind": {"set": {"values": {"x": 1}}}, "if": "steps.a.output.boxes > 5"},
        ],
        "queries": {
            "stage": "${{ steps.a.status }}/${{ steps.b.status }}",
            "boxes": {"done": "${{ get(steps.a.output, 'boxes', 0) }}", "by": "${{ inputs.who }}"},
            "strict": "${{ steps.a.output.boxes }}",
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_answers_at_any_time_and_records_nothing() {
    let house = House::open().await;
    for (control, name) in house.controls().iter().zip(["here", "there"]) {
        control.start(start(parcel(), Some(name))).await.unwrap();
        until("it waits", async || control.get(name).await.unwrap().status == "waiting").await;
        let before = control.get(name).await.unwrap().events;

        let stage = control.query(name, "stage").await.unwrap();
        assert_eq!((&*stage.kind, &*stage.id, &*stage.query), ("query/v1", name, "stage"));
        assert_eq!(stage.value, json!("waiting/pending"));
        let boxes = control.query(name, "boxes").await.unwrap();
        assert_eq!(boxes.value, json!({"done": 0, "by": "dana"}));

        let strict = control.query(name, "strict").await.unwrap_err();
        assert_eq!((&*strict.code, strict.exit_code), ("NX4126", 5));
        assert!(strict.message.contains("NX2102 `steps.a.output.boxes` is missing"), "{strict:?}");
        let unknown = control.query(name, "stages").await.unwrap_err();
        assert_eq!((&*unknown.code, unknown.exit_code), ("NX4125", 3));
        assert_eq!(unknown.hint.as_deref(), Some("did you mean stage?"));
        let nobody = control.query("nobody", "stage").await.unwrap_err();
        assert_eq!(nobody.code, "NX7011");

        let all = control.queries(name).await.unwrap().queries;
        let names: Vec<&str> = all.iter().map(|row| &*row.query).collect();
        assert_eq!(names, ["boxes", "stage", "strict"]);
        let failed: Vec<Option<&str>> =
            all.iter().map(|row| row.error.as_ref().map(|error| &*error.code)).collect();
        assert_eq!(failed, [None, None, Some("NX2102")]);
        assert_eq!(control.get(name).await.unwrap().events, before);

        let payload = json!({"boxes": 3, "long": "x".repeat(70_000)});
        let signal = SendSignal { payload, id: None, by: by() };
        control.signal(name, "packed", signal).await.unwrap();
        control.wait(name, None).await.unwrap();
        let stage = control.query(name, "stage").await.unwrap();
        assert_eq!(stage.value, json!("completed/skipped"));
        assert_eq!(control.query(name, "strict").await.unwrap().value, json!(3));
    }
    house.close().await;
}
