//! One task: the command that carries it out, heartbeats while it runs, and the report.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_engine::handler::{AttemptInfo, Beats, LogSink, Stop};
use nexus_engine::model::id::{Attempt, ItemIndex};
use nexus_engine::model::payload::{ContentType, Payload};
use nexus_engine::{Data, StepCx, StepError, StepResult};
use nexus_gateway::api::{CompleteTask, FailTask, Problem, TaskHeartbeat, TaskView};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::asking::{Said, is_stale, tell};
use super::{Phase, Worker};
use crate::output;
use crate::text::took;

/// What commands write to standard error goes there.
struct Stderr;

impl LogSink for Stderr {
    fn write(&self, _: &AttemptInfo, text: &[u8]) {
        output::complain(String::from_utf8_lossy(text).trim_end_matches('\n'));
    }
}

/// Why a command is ended before it is done.
enum Over {
    /// Its work is of no use any more.
    Stale(String),
    /// The worker ends.
    Ending,
}

impl Worker {
    /// Calls the command for a task and reports what came of it.
    ///
    /// # Errors
    /// A [`Problem`] if the engine does not understand the report.
    pub(super) async fn carry_out(&self, task: TaskView) -> Result<(), Problem> {
        let began = Instant::now();
        let (cx, stop, beats) = context(&task);
        let facts = facts(&task, &self.name);
        let work = self.command.carry_out(&cx, &facts, task.input.get().as_bytes());
        tokio::pin!(work);
        let (result, over) = tokio::select! {
            result = &mut work => (result, None),
            over = self.watch(&task, &stop, beats.clone()) => {
                stop.stop();
                (work.await, Some(over))
            }
        };
        if result.is_err() && !matches!(over, Some(Over::Stale(_))) {
            let progress = said(&beats.progress());
            self.last_word(&task, &progress).await;
        }
        let took = took(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        match over {
            Some(Over::Stale(why)) => tell(&task, &format!("dropped after {took}: {why}")),
            Some(Over::Ending) => {
                let ended = result.map_err(|error| {
                    let is_ours = error.0.code == "CANCELLED";
                    let ended = StepError::retry("the worker was ended").code("WORKER_ENDED");
                    if is_ours { ended } else { error }
                });
                self.report(&task, ended, &took).await?;
            }
            None => self.report(&task, result, &took).await?,
        }
        Ok(())
    }

    /// Says that the command is at work, three times a lease and whenever it says how far it is, until it is of no use.
    async fn watch(&self, task: &TaskView, stop: &Stop, mut beats: Beats) -> Over {
        let mut phases = self.phases.clone();
        let mut lease = Duration::from_millis(task.lease_ms);
        let mut progress = Value::Null;
        loop {
            tokio::select! {
                () = tokio::time::sleep(lease / 3) => {}
                () = beats.next() => progress = said(&beats.progress()),
                () = ending(&mut phases) => return Over::Ending,
            }
            let request = TaskHeartbeat { token: task.token, progress: progress.clone() };
            match self.asking.heartbeat(task, request).await {
                // Its lease may run out meanwhile; then the next answer says so.
                None => {}
                Some(Ok(view)) => {
                    lease = Duration::from_millis(view.lease_ms);
                    progress = Value::Null;
                    if view.cancelled {
                        stop.stop();
                    }
                }
                Some(Err(problem)) if is_stale(&problem) => return Over::Stale(problem.message),
                // What it says of its progress is too much; that it is alive is not.
                Some(Err(problem)) => {
                    tell(task, &format!("its progress is refused: {}", problem.message));
                    progress = Value::Null;
                }
            }
        }
    }

    /// What a command said just before it failed is for the next attempt.
    async fn last_word(&self, task: &TaskView, progress: &Value) {
        if !progress.is_null() && *progress != task.progress {
            let request = TaskHeartbeat { token: task.token, progress: progress.clone() };
            // The report that follows is heard or refused just as well.
            let _ = self.asking.heartbeat(task, request).await;
        }
    }

    async fn report(
        &self,
        task: &TaskView,
        result: StepResult<Data>,
        took: &str,
    ) -> Result<(), Problem> {
        let failure = match result {
            Ok(output) => {
                let said = self.asking.complete(task, completed(task, &output)).await;
                let Said::Refused(problem) = said else {
                    tell_of(task, &said, &format!("completed in {took}"));
                    return Ok(());
                };
                let message = format!("the output is refused: {}", problem.message);
                StepError::fatal(message).code("OUTPUT")
            }
            Err(failure) => failure,
        };
        let said = self.asking.fail(task, failed(task, &failure)).await;
        tell_of(task, &said, &format!("failed after {took}: {}", failure.0.message));
        if let Said::Refused(problem) = said { Err(problem) } else { Ok(()) }
    }
}

/// Waits until commands are ended.
pub(super) async fn ending(phases: &mut watch::Receiver<Phase>) {
    if phases.wait_for(|phase| *phase == Phase::Ending).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn tell_of(task: &TaskView, said: &Said, what: &str) {
    match said {
        Said::Recorded => tell(task, what),
        Said::Stale(why) => tell(task, &format!("{what}, which counts no more: {why}")),
        Said::Refused(problem) => tell(task, &format!("{what}, refused: {}", problem.message)),
        Said::Unheard => tell(task, &format!("{what}, and the engine was not there to hear it")),
    }
}

fn completed(task: &TaskView, output: &Data) -> CompleteTask {
    let text = String::from_utf8_lossy(&output.bytes).into_owned();
    CompleteTask { token: task.token, output: RawValue::from_string(text).ok() }
}

fn failed(task: &TaskView, failure: &StepError) -> FailTask {
    let failure = &failure.0;
    // Codes that begin with NX are the engine's own.
    let kind = (!failure.code.starts_with("NX")).then(|| failure.code.clone());
    FailTask {
        token: task.token,
        message: failure.message.clone(),
        kind,
        retryable: !failure.fatal,
        details: failure.details.clone(),
    }
}

fn said(progress: &Payload) -> Value {
    match progress {
        Payload::Inline(_, bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
        Payload::Null | Payload::Stored(..) => Value::Null,
    }
}

fn context(task: &TaskView) -> (StepCx, Stop, Beats) {
    let info = AttemptInfo {
        run_name: task.run.as_str().into(),
        workflow: task.workflow.as_str().into(),
        step_id: task.step.as_str().into(),
        item: task.item.map(ItemIndex),
        attempt: Attempt(task.attempt),
        fencing_token: task.token,
        may_repeat: task.may_repeat,
        heartbeat: Some(Duration::from_millis(task.lease_ms)),
        is_undo: task.undo,
        ..AttemptInfo::default()
    };
    let (cx, stop) = StepCx::new(info, Arc::new(Stderr), Arc::default());
    let progress = if task.progress.is_null() {
        Payload::Null
    } else {
        Payload::new(ContentType::Json, task.progress.to_string().into_bytes()).0
    };
    let (cx, beats) = cx.with_progress(progress);
    (cx, stop, beats)
}

/// The variables by which a command learns what it is to do; those of scripts have the same names.
fn facts(task: &TaskView, worker: &str) -> [(&'static str, Option<String>); 12] {
    let flag = |is: bool| is.then(|| "1".to_owned());
    [
        ("NEXUS_RUN", Some(task.run.clone())),
        ("NEXUS_STEP", Some(task.step.clone())),
        ("NEXUS_ITEM", task.item.map(|item| item.to_string())),
        ("NEXUS_ATTEMPT", Some(task.attempt.to_string())),
        ("NEXUS_KEY", Some(task.key.clone())),
        ("NEXUS_WORKFLOW", Some(task.workflow.clone())),
        ("NEXUS_WORKER", Some(worker.to_owned())),
        ("NEXUS_HANDLER", Some(task.handler.clone())),
        ("NEXUS_TOKEN", Some(task.token.to_string())),
        ("NEXUS_DEADLINE", task.deadline.clone()),
        ("NEXUS_MAY_REPEAT", flag(task.may_repeat)),
        ("NEXUS_UNDO", flag(task.undo)),
    ]
}
