//! Calls actions as the engine does.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use nexus_engine::handler::{
    AttemptInfo, Beats, Data, HandlerFuture, LogSink, Registry, StepCx, StepResult, Stop,
};
use nexus_model::id::{Attempt, RunId};
use nexus_model::payload::{ContentType, Payload};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Options, register};

/// A definition's folder, a store, and what was logged.
pub(crate) struct Bench {
    pub(crate) info: AttemptInfo,
    pub(crate) options: Options,
    pub(crate) logs: Arc<Logs>,
    folder: TempDir,
}

/// Keeps what was logged, and wakes who waits for it.
#[derive(Default)]
pub(crate) struct Logs {
    text: Mutex<Vec<u8>>,
    added: tokio::sync::Notify,
}

impl LogSink for Logs {
    fn write(&self, _attempt: &AttemptInfo, text: &[u8]) {
        self.text.lock().expect("nobody panicked").extend_from_slice(text);
        self.added.notify_one();
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let info = AttemptInfo {
            run: RunId([7; 16]),
            run_name: "wf-007".into(),
            step_id: "pack".into(),
            attempt: Attempt(1),
            folder: Some(folder.path().into()),
            store: Some(folder.path().join("store").into()),
            ..AttemptInfo::default()
        };
        Self { info, options: Options::default(), logs: Arc::default(), folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes the call; the handler begins with the first poll.
    pub(crate) fn start(&self, action: &str, input: &str) -> (HandlerFuture, Stop) {
        let mut registry = Registry::new();
        register(&mut registry, &self.options);
        let handler = registry.get(action).expect("the action is registered");
        let (cx, stop) = self.cx();
        let bytes = input.as_bytes().into();
        (handler.call(cx, Data { content_type: ContentType::Json, bytes }), stop)
    }

    /// As [`start`](Self::start), with what an earlier attempt said of its progress; also gives what this one says.
    pub(crate) fn start_from(
        &self,
        action: &str,
        input: &str,
        progress: Payload,
    ) -> (HandlerFuture, Beats) {
        let mut registry = Registry::new();
        register(&mut registry, &self.options);
        let handler = registry.get(action).expect("the action is registered");
        let (cx, _stop) = self.cx();
        let (cx, beats) = cx.with_progress(progress);
        let bytes = input.as_bytes().into();
        (handler.call(cx, Data { content_type: ContentType::Json, bytes }), beats)
    }

    /// What a call gets. Binary values that are kept in it are found by the call, and the other way round.
    pub(crate) fn cx(&self) -> (StepCx, Stop) {
        let logs: Arc<dyn LogSink> = Arc::<Logs>::clone(&self.logs);
        StepCx::new(self.info.clone(), logs, Arc::new(HashMap::new()))
    }

    /// Makes the call with what it is to get.
    pub(crate) async fn call_in(
        &self,
        cx: &StepCx,
        action: &str,
        input: &Value,
    ) -> StepResult<Data> {
        let mut registry = Registry::new();
        register(&mut registry, &self.options);
        let handler = registry.get(action).expect("the action is registered");
        handler.call(cx.clone(), Data::json(input)?).await
    }

    pub(crate) async fn call(&self, action: &str, input: &str) -> StepResult<Data> {
        let (work, _stop) = self.start(action, input);
        work.await
    }

    pub(crate) fn logged(&self) -> String {
        String::from_utf8_lossy(&self.logs.text.lock().expect("nobody panicked")).into_owned()
    }

    /// Waits until a whole line that begins with `start` was logged, and returns the rest of it.
    pub(crate) async fn line(&self, start: &str) -> String {
        loop {
            let logged = self.logged();
            let whole = &logged[..logged.rfind('\n').unwrap_or(0)];
            if let Some(rest) = whole.lines().find_map(|line| line.strip_prefix(start)) {
                return rest.to_owned();
            }
            self.logs.added.notified().await;
        }
    }
}

pub(crate) async fn call(action: &str, input: &str) -> StepResult<Data> {
    Bench::new().call(action, input).await
}

pub(crate) fn text(data: &Data) -> &str {
    std::str::from_utf8(&data.bytes).expect("text")
}

/// A JSON string.
pub(crate) fn quoted(text: impl AsRef<str>) -> String {
    Value::from(text.as_ref()).to_string()
}
