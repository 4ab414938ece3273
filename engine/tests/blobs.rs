//! Blobs: binary values of handlers, stored once beside the events, named by values, read by later steps.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::Arc;

use nexus_engine::handler::{Blob, Data, Handler, HandlerFuture};
use nexus_engine::log::{Frame, Partition, Position};
use nexus_engine::model::aggregate::AggregateId;
use nexus_engine::model::definition::{Definition, Step, StepKind};
use nexus_engine::model::event::Event;
use nexus_engine::model::payload::{ContentType, Payload};
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::RunStatus;
use nexus_engine::testkit::{TestEngine, action, compile};
use nexus_engine::{
    Config, Engine, Handle, StartRequest, Started, StepCx, StepError, StepResult, events_of,
    handler_fn,
};
use serde_json::{Value, json};

/// Bytes that are no text, with a mark that is found in files.
fn picture() -> Vec<u8> {
    let mut bytes = vec![0x89, b'P', b'N', b'G', 0, 255, 254];
    bytes.extend_from_slice(b"THE PICTURE OF ANN");
    bytes
}

async fn draw(cx: StepCx, _: Value) -> StepResult<Value> {
    cx.keep("image/gif", *b"a draft that nothing names")?;
    let blob = cx.keep("image/png", picture())?;
    assert_eq!(&*cx.read(&blob).await?, picture(), "it is there at once");
    Ok(json!({"name": "ann", "picture": blob}))
}

async fn measure(cx: StepCx, blob: Blob) -> StepResult<Value> {
    let bytes = cx.read(&blob).await?;
    assert_eq!(blob.content_type(), "image/png");
    Ok(json!({"bytes": bytes.len(), "is_the_same": *bytes == *picture(), "said": blob.len()}))
}

fn with(id: &str, uses: &str, with: Value, needs: &[&str]) -> Step {
    let kind = StepKind::Action { uses: uses.into(), with };
    Step { kind, ..action(id, uses, needs) }
}

fn plan(definition: Definition) -> Arc<Plan> {
    let picture = json!("${{ steps.draw.output.picture }}");
    let steps = vec![
        with("draw", "draw", Value::Null, &[]),
        with("measure", "measure", picture, &["draw"]),
    ];
    let outputs = Some(json!("${{ steps.measure.output }}"));
    compile(Definition { steps, outputs, ..definition })
}

fn builder() -> nexus_engine::Builder {
    Engine::builder().handler("draw", handler_fn(draw)).handler("measure", handler_fn(measure))
}

async fn ended(handle: &Handle, plan: Arc<Plan>) -> (Started, RunStatus) {
    let started = handle.start(StartRequest::new(plan)).await.unwrap();
    let status = handle.wait(started.run).await.unwrap();
    (started, status)
}

fn frames(handle: &Handle) -> Vec<Frame> {
    handle.log().read(Partition(0), Position(0), 1 << 24).unwrap()
}

/// The output of the first step as it is recorded.
fn drawn(handle: &Handle) -> Value {
    let frames = frames(handle);
    let runs = frames.iter().filter(|frame| AggregateId::of(frame.stream.0).is_none());
    let outputs = runs.flat_map(|frame| events_of(frame).unwrap()).filter_map(|recorded| {
        if let Event::StepCompleted { output, .. } = recorded.event { Some(output) } else { None }
    });
    let first = outputs.collect::<Vec<_>>().remove(0);
    serde_json::from_slice(&handle.loader().bytes(&first).unwrap()).unwrap()
}

#[tokio::test]
async fn a_blob_is_recorded_by_type_size_and_hash_and_read_by_the_next_step() {
    let engine = builder().in_memory().unwrap();
    let (started, status) = ended(engine.handle(), plan(Definition::default())).await;
    let RunStatus::Completed { output } = status else { panic!("{status:?}") };
    let output: Value =
        serde_json::from_slice(&engine.handle().loader().bytes(&output).unwrap()).unwrap();
    let bytes = picture().len();
    assert_eq!(output, json!({"bytes": bytes, "is_the_same": true, "said": bytes}));
    let recorded = drawn(engine.handle());
    let about = &recorded["picture"]["$payload"];
    assert_eq!((&about["bytes"], &about["content_type"]), (&json!(bytes), &json!("image/png")));
    assert_eq!(about["hash"], blake3::hash(&picture()).to_hex().as_str());
    let blob = Blob::of(&recorded["picture"]).unwrap();
    assert_eq!(*blob.load(engine.handle().loader()).unwrap(), *picture());
    let draft = Payload::stored(ContentType::Bytes, *b"a draft that nothing names").1;
    assert!(engine.handle().loader().payloads(&[draft.0]).is_err(), "it is not stored");
    assert!(engine.handle().replay(started.run, None).await.unwrap().agrees());
    engine.shutdown().await;
}

#[test]
fn a_blob_survives_a_crash_anywhere() {
    let engine =
        TestEngine::new().handler("draw", handler_fn(draw)).handler("measure", handler_fn(measure));
    let crashes = engine.crash_everywhere(&plan(Definition::default()), &json!(null));
    assert!(crashes.all_same(), "{crashes}");
    assert_eq!(crashes.plain.runs["wf-001"].output["is_the_same"], true);
}

#[tokio::test]
async fn what_is_kept_has_a_media_type_and_is_not_too_large() {
    async fn wrong(cx: StepCx, kind: String) -> StepResult<Value> {
        if kind == "large" {
            cx.keep("image/png", vec![0; 700])?;
            return Ok(json!(cx.keep("image/png", vec![1; 700])?));
        }
        Ok(json!(cx.keep(&kind, *b"x")?))
    }
    let config = Config { payload_bytes_max: 1_000, ..Config::default() };
    let engine = Engine::builder().config(config).handler("wrong", handler_fn(wrong)).in_memory();
    let engine = engine.unwrap();
    for (kind, code) in [("png", "NX3033"), ("image/", "NX3033"), ("large", "NX3006")] {
        let steps = vec![with("a", "wrong", json!(kind), &[])];
        let plan = compile(Definition { steps, ..Definition::default() });
        let (_, status) = ended(engine.handle(), plan).await;
        let RunStatus::Failed { failure, .. } = status else { panic!("{status:?}") };
        assert_eq!(failure.code, code, "{kind}");
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn a_blob_that_is_not_there_fails_who_reads_it() {
    let engine = builder().in_memory().unwrap();
    let nobody = json!({"$payload": {
        "bytes": 3, "content_type": "image/png", "hash": "ab".repeat(32)
    }});
    let steps = vec![with("a", "measure", nobody, &[])];
    let plan = compile(Definition { steps, ..Definition::default() });
    let (_, status) = ended(engine.handle(), plan).await;
    let RunStatus::Failed { failure, .. } = status else { panic!("{status:?}") };
    assert_eq!((failure.code.as_str(), failure.fatal), ("NX3033", true));
    engine.shutdown().await;
}

/// A handler that returns bytes, of which it says nothing.
struct Raw;

impl Handler for Raw {
    fn call(&self, _cx: StepCx, _input: Data) -> HandlerFuture {
        let data = Data { content_type: ContentType::Bytes, bytes: Arc::from(*b"\xff\x00raw") };
        Box::pin(std::future::ready(Ok::<_, StepError>(data)))
    }
}

#[tokio::test]
async fn bytes_that_a_handler_returns_are_a_blob_of_an_unknown_type() {
    let engine = Engine::builder().handler("raw", Arc::new(Raw) as Arc<dyn Handler>).in_memory();
    let engine = engine.unwrap();
    let steps = vec![action("a", "raw", &[])];
    let plan = compile(Definition { steps, ..Definition::default() });
    ended(engine.handle(), plan).await;
    let blob = Blob::of(&drawn(engine.handle())).unwrap();
    assert_eq!(blob.content_type(), "application/octet-stream");
    assert_eq!(*blob.load(engine.handle().loader()).unwrap(), *b"\xff\x00raw");
    engine.shutdown().await;
}

/// The files below a folder in which the mark of the picture stands.
#[cfg(feature = "encryption")]
fn holding(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mark = b"THE PICTURE OF ANN";
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap().windows(mark.len()).any(|part| part == mark) {
                found.push(path);
            }
        }
    }
    found
}

#[cfg(feature = "encryption")]
#[tokio::test]
async fn of_an_encrypted_run_no_byte_of_a_blob_is_in_the_store_and_forgetting_it_takes_it_away() {
    let folder = tempfile::tempdir().unwrap();
    let engine = builder().open(folder.path()).unwrap();
    ended(engine.handle(), plan(Definition::default())).await;
    assert!(!holding(folder.path()).is_empty(), "that of a run in the clear is found");
    engine.shutdown().await;

    let folder = tempfile::tempdir().unwrap();
    let engine = builder().open(folder.path()).unwrap();
    let definition = Definition { encrypt: true, ..Definition::default() };
    let (started, status) = ended(engine.handle(), plan(definition)).await;
    assert_eq!(status.word(), "completed");
    let blob = Blob::of(&drawn(engine.handle())["picture"]).unwrap();
    assert_eq!(*blob.load(engine.handle().loader()).unwrap(), *picture());
    assert_eq!(holding(folder.path()), Vec::<std::path::PathBuf>::new());
    let by = nexus_engine::model::event::Actor::default();
    engine.handle().forget(started.run, by).await.unwrap();
    assert!(blob.load(engine.handle().loader()).is_err(), "nobody can read it");
    engine.shutdown().await;
    assert_eq!(holding(folder.path()), Vec::<std::path::PathBuf>::new());
}
