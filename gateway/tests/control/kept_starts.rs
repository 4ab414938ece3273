//! Starts that are kept, listed and looked at.

use nexus_gateway::api::StartView;
use serde_json::{Value, json};

use super::support::{House, definition, start};

#[tokio::test(flavor = "multi_thread")]
async fn starts_are_listed_without_their_inputs_and_no_more_than_are_asked_for() {
    let house = House::open().await;
    let [here, _] = house.controls();
    let mut kept = definition("echo", json!({}));
    kept["debounce"] = json!({"key": "${{ inputs.who }}", "wait_ms": 600_000});
    for who in ["a", "b", "c c"] {
        let mut request = start(kept.clone(), None);
        request.input = json!({"who": who});
        assert!(here.start(request).await.unwrap().due.is_some());
    }
    for control in house.controls() {
        let page = control.starts(2, None).await.unwrap();
        let ids: Vec<_> = page.starts.iter().map(|start| &*start.id).collect();
        assert_eq!((&*ids, page.next.is_some()), (&["greet@a+1", "greet@b+1"][..], true));
        let rest = control.starts(2, page.next).await.unwrap();
        assert_eq!((rest.starts.len(), &rest.next), (1, &None));
        assert_eq!(rest.starts[0].key, "c c");
        let mut after = None;
        for who in ["a", "b", "c c"] {
            let one = control.starts(1, after).await.unwrap();
            assert_eq!((one.starts.len(), &*one.starts[0].key), (1, who));
            after = one.next;
        }
        assert_eq!(after, None, "the last page names no other");
        let wrong = control.starts(2, Some("nowhere".to_owned())).await.unwrap_err();
        assert_eq!(wrong.code, "NX7019");
        let all = control.starts(0, None).await.unwrap();
        assert_eq!((all.starts.len(), &all.next), (3, &None));
        for listed in all.starts {
            assert_eq!(listed.input, Value::Null);
            let one = control.start_of(&listed.id).await.unwrap();
            assert!(one.input["who"].is_string(), "{one:?}");
            assert_eq!(StartView { input: Value::Null, ..one }, listed);
            assert_eq!(control.explain(&listed.id).await.unwrap().status, "kept");
        }
        let unknown = control.explain("greet-7").await.unwrap_err();
        assert_eq!(unknown.code, "NX7011");
    }
    house.close().await;
}
