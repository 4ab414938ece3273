//! A run of the engine under test.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use nexus_model::command::{ApprovalAnswer, Command};
use nexus_model::event::Actor;
use nexus_model::id::RunId;
use nexus_model::run::RunStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::TestEngine;
use crate::handle::{RequestError, Started};
use crate::loader::Recorded;
use crate::workflow::{Error, Result, Signal};

/// A run of the engine under test, which knows the type of its output.
pub struct TestRun<Out> {
    engine: TestEngine,
    name: String,
    run: RunId,
    marker: PhantomData<fn() -> Out>,
}

impl<Out> TestRun<Out> {
    pub(super) fn new(engine: TestEngine, started: Started) -> Self {
        Self { engine, name: started.name, run: started.run, marker: PhantomData }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.name
    }

    /// Its id, by which the rest of the library knows it.
    pub fn run_id(&self) -> RunId {
        self.run
    }

    /// How it stands.
    pub fn status(&self) -> RunStatus {
        self.engine.kit().load(self.run).1.status
    }

    /// Lets time pass until it has ended, and says what it brought.
    ///
    /// # Errors
    /// [`Error::Failed`] and [`Error::Cancelled`] if that is how it ended; [`Error::Output`] if it brought something else;
    /// [`Error::Waits`] if it waits for something that does not come by itself.
    pub fn result(&self) -> Result<Out>
    where
        Out: DeserializeOwned,
    {
        let mut kit = self.engine.kit();
        let run = || self.name.clone();
        match kit.finish(self.run) {
            RunStatus::Completed { output } => {
                let output = kit.read(&output);
                let expected = type_name::<Out>();
                let read = serde_json::from_value(output);
                read.map_err(|source| Error::Output { run: run(), expected, source })
            }
            RunStatus::Failed { failure, step } | RunStatus::Failing { failure, step } => {
                let plan = kit.load(self.run).0;
                let step = step.map(|step| plan.id(step).to_owned());
                Err(Error::Failed { run: run(), step, failure: Box::new(failure) })
            }
            RunStatus::Cancelled { reason } | RunStatus::Cancelling { reason } => {
                Err(Error::Cancelled { run: run(), reason })
            }
            RunStatus::Running => Err(match kit.function_trouble(self.run) {
                Some(trouble) => Error::Stuck { run: run(), trouble: Box::new(trouble) },
                None => Error::Waits { run: run() },
            }),
        }
    }

    /// Says yes to what a step asks, as this person and as a member of these groups.
    ///
    /// # Errors
    /// [`Error::NoSuchStep`]; [`Error::Request`], such as when the step does not ask, or asks somebody else.
    pub fn approve(&self, step: &str, by: &str) -> Result<()> {
        self.decide(step, by, &[], true)
    }

    /// Says yes as a member of these groups.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub fn approve_of(&self, step: &str, by: &str, groups: &[&str]) -> Result<()> {
        self.decide(step, by, groups, true)
    }

    /// Says no to what a step asks.
    ///
    /// # Errors
    /// As [`approve`](Self::approve).
    pub fn reject(&self, step: &str, by: &str) -> Result<()> {
        self.decide(step, by, &[], false)
    }

    fn decide(&self, step: &str, by: &str, groups: &[&str], approved: bool) -> Result<()> {
        let mut kit = self.engine.kit();
        kit.settle();
        let found = kit.load(self.run).0.find(step);
        let no_step = || Error::NoSuchStep { run: self.name.clone(), step: step.to_owned() };
        let step = found.ok_or_else(no_step)?;
        let groups = groups.iter().map(ToString::to_string).collect();
        let of = kit.load(self.run).0.id(step).to_owned();
        let by = person(by);
        let answer = ApprovalAnswer { of, approved, by, groups, ..ApprovalAnswer::default() };
        let command = Command::AnswerApproval { step, answer: Box::new(answer) };
        kit.ask(self.run, &command).map_err(RequestError::from)?;
        kit.settle();
        Ok(())
    }

    /// Tells it something. A step that waits for it takes it, or it is kept until one does.
    ///
    /// # Errors
    /// [`Error::Value`] if that has no JSON form; [`Error::Request`], such as when the run has ended.
    pub fn signal<T: Serialize>(&self, signal: &Signal<T>, value: &T) -> Result<()> {
        let value = serde_json::to_value(value);
        let value = value.map_err(|source| Error::Value { run: self.name.clone(), source })?;
        let mut kit = self.engine.kit();
        kit.signal(self.run, signal.name(), &value).map_err(RequestError::from)?;
        kit.settle();
        Ok(())
    }

    /// Ends it: what runs is stopped, nothing new is started, and what it did is undone if its workflow says so.
    ///
    /// # Errors
    /// [`Error::Request`], such as when it has ended.
    pub fn cancel(&self, reason: &str) -> Result<()> {
        let by = person("program");
        let command = Command::CancelRun { by, reason: reason.to_owned(), undo: true };
        let mut kit = self.engine.kit();
        kit.ask(self.run, &command).map_err(RequestError::from)?;
        kit.settle();
        Ok(())
    }

    /// Its events so far.
    pub fn events(&self) -> Vec<Recorded> {
        self.engine.kit().history(self.run)
    }
}

fn person(name: &str) -> Actor {
    Actor { name: name.to_owned(), via: "test".to_owned() }
}

impl<Out> fmt::Debug for TestRun<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestRun").field(&self.name).finish()
    }
}
