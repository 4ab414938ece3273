use super::*;
use crate::testing::{Bench, text};

async fn check(bench: &Bench, input: &str, output: &str, content: &str) {
    assert_eq!(
        text(&bench.call("file.write", input).await.expect("it is written")),
        output,
        "{input}"
    );
    let written = std::fs::read_to_string(bench.folder().join("a")).expect("text");
    assert_eq!(written, content, "{input}");
    let names = std::fs::read_dir(bench.folder()).expect("a folder").count();
    assert_eq!(names, 1, "nothing else is left");
}

#[tokio::test]
async fn a_file_is_replaced_or_added_to() {
    let bench = Bench::new();
    let output = r#"{"bytes":3,"path":"a"}"#;
    check(&bench, r#"{"path": "a", "content": "one"}"#, output, "one").await;
    check(&bench, r#"{"path": "a", "content": "two"}"#, output, "two").await;
    let append = r#"{"path": "a", "content": "six", "mode": "append"}"#;
    check(&bench, append, output, "twosix").await;
    let json = r#"{"path": "a", "content": {"b": [1]}}"#;
    let expected = "{\n  \"b\": [\n    1\n  ]\n}\n";
    check(&bench, json, r#"{"bytes":23,"path":"a"}"#, expected).await;
}

#[tokio::test]
async fn a_new_file_may_be_written_again_but_not_replaced() {
    let bench = Bench::new();
    let output = r#"{"bytes":3,"path":"a"}"#;
    let create = r#"{"path": "a", "content": "one", "mode": "create"}"#;
    check(&bench, create, output, "one").await;
    check(&bench, create, output, "one").await;
    let other = r#"{"path": "a", "content": "two", "mode": "create"}"#;
    let failure = bench.call("file.write", other).await.expect_err("it is refused").0;
    assert_eq!(failure.code, "NX3023");
    check(&bench, create, output, "one").await;
}

#[tokio::test]
async fn links_and_permissions_stay() {
    let bench = Bench::new();
    let (file, link) = (bench.folder().join("a"), bench.folder().join("link"));
    std::fs::write(&file, "one").expect("written");
    std::fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("it is ours");
    std::os::unix::fs::symlink("a", &link).expect("linked");
    bench.call("file.write", r#"{"path": "link", "content": "two"}"#).await.expect("it is written");
    assert!(link.is_symlink());
    assert_eq!(std::fs::read_to_string(&file).expect("text"), "two");
    assert_eq!(file.metadata().expect("it is there").permissions().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn what_cannot_be_written_is_said() {
    let bench = Bench::new();
    for (input, code) in [
        (r#"{"path": "none/a", "content": ""}"#, "NX3023"),
        (r#"{"path": ".", "content": ""}"#, "NX3023"),
        (r#"{"path": "a", "content": "", "mode": "truncate"}"#, "NX3015"),
        (r#"{"path": "a", "contents": ""}"#, "NX3017"),
    ] {
        let failure = bench.call("file.write", input).await.expect_err("it is refused").0;
        assert_eq!(failure.code, code, "{input}: {}", failure.message);
    }
    assert_eq!(std::fs::read_dir(bench.folder()).expect("a folder").count(), 0);
}

#[tokio::test]
async fn a_binary_value_is_written_as_it_is() {
    let bench = Bench::new();
    let (cx, _stop) = bench.cx();
    let blob = cx.keep("image/png", *b"\xff\x00\n").expect("it is kept");
    let file = bench.folder().join("a");
    for (mode, written) in [
        ("create", &b"\xff\x00\n"[..]),
        // The same bytes, as a repeated attempt finds them.
        ("create", b"\xff\x00\n"),
        ("append", b"\xff\x00\n\xff\x00\n"),
        ("overwrite", b"\xff\x00\n"),
    ] {
        let input = json!({"path": "a", "content": blob, "mode": mode});
        let output = bench.call_in(&cx, "file.write", &input).await.expect("it is written");
        assert_eq!(text(&output), r#"{"bytes":3,"path":"a"}"#, "{mode}");
        assert_eq!(std::fs::read(&file).expect("it is there"), written, "{mode}");
    }

    let about = json!({"bytes": 3, "content_type": "image/png", "hash": "ab".repeat(32)});
    let input = json!({"path": "a", "content": {"$payload": about}});
    let failure = bench.call_in(&cx, "file.write", &input).await.expect_err("it is refused").0;
    assert_eq!((failure.code.as_str(), failure.fatal), ("NX3033", true));
    assert_eq!(std::fs::read(&file).expect("it is there"), b"\xff\x00\n", "the file stays");
}
