//! Test files: what a workflow should do, beside its definition.
//!
//! [`read_cases`] turns a `*.test.yaml` into [`TestFile`]; [`TestFile::check`] compares its names with a workflow. Who plays
//! the cases is somebody else.

mod case;
mod names;
mod reader;

use std::ops::Range;

use serde_json::{Map, Value};

use crate::problem::Problems;
use crate::source::Source;
use crate::yaml;

use reader::Reader;

/// A test file that was read.
#[derive(Debug)]
pub struct TestFile {
    /// The workflow's file, seen from this one; `None`: the one of the same name beside it.
    pub workflow: Option<String>,
    /// Files of workflows that it calls, seen from this one.
    pub workflows: Vec<String>,
    /// The cases in the order of the file.
    pub cases: Vec<Case>,
    /// Whether each case is played again with a crash at every transition.
    pub crash_everywhere: bool,
    source: Source,
    named: Vec<Named>,
    workflow_range: Range<usize>,
}

/// One case.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// Where it begins, from 1.
    pub line: u32,
    /// The inputs of the run.
    pub inputs: Map<String, Value>,
    /// What stands in for handlers, by step or action.
    pub mocks: Vec<(String, Vec<MockAnswer>)>,
    /// Steps and actions that are carried out for real.
    pub real: Real,
    /// Starts, as milliseconds since the beginning and inputs over those of the case; none: one, at once, whatever `dedupe`
    /// and `debounce` say.
    pub starts: Vec<(u64, Map<String, Value>)>,
    /// What is done from outside.
    pub acts: Vec<Act>,
    /// What should come of it.
    pub expect: Expect,
    range: Range<usize>,
}

/// What is carried out for real.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Real {
    /// Everything that nothing stands in for.
    All,
    /// These steps and actions.
    Named(Vec<String>),
}

impl Default for Real {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

/// What a mock answers to one call.
#[derive(Clone, Debug, PartialEq)]
pub struct MockAnswer {
    /// The output, or the failure.
    pub result: Result<Value, MockFailure>,
    /// How long it takes, in milliseconds of simulated time.
    pub takes_ms: u64,
}

/// A failure that a mock answers with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MockFailure {
    /// What it says.
    pub message: String,
    /// Its code, if it is not the usual one.
    pub code: Option<String>,
    /// Whether trying again cannot help.
    pub fatal: bool,
}

/// Something that is done from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// When.
    pub when: Point,
    /// What.
    pub what: Deed,
    /// Who.
    pub by: String,
}

/// A moment of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// So many milliseconds after its start.
    Time(u64),
    /// When this step has settled.
    After(String),
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// A signal is sent.
    Signal {
        /// Its name.
        name: String,
        /// What it carries.
        payload: Value,
        /// Its id, if it has one of its own.
        id: Option<String>,
    },
    /// An update is sent.
    Update {
        /// Its name.
        name: String,
        /// What it carries.
        data: Value,
        /// Its id, if it has one of its own.
        id: Option<String>,
        /// What should be answered; `None`: anything.
        reply: Option<Value>,
        /// The code with which it should be refused; `None`: it should be accepted.
        refused: Option<String>,
    },
    /// An event is emitted.
    Emit {
        /// Its name.
        event: String,
        /// What it carries.
        data: Value,
        /// Its id, if it has one of its own.
        id: Option<String>,
    },
    /// A person answers what a step asks.
    Answer {
        /// The step.
        step: String,
        /// Yes or no.
        approved: bool,
        /// What they say to it.
        note: String,
        /// What they filled in.
        form: Value,
        /// The groups they belong to.
        groups: Vec<String>,
    },
    /// The run is paused.
    Pause,
    /// The pause ends.
    Resume,
    /// The run is cancelled.
    Cancel,
    /// The failed or cancelled run is continued.
    Retry,
    /// The run goes on with another definition.
    Migrate {
        /// Its file, seen from the test file.
        file: String,
        /// The code with which it should be refused; `None`: it should be done.
        refused: Option<String>,
    },
    /// The engine ends without notice, and another begins so many milliseconds later.
    Crash(u64),
}

/// What should come of a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    /// How the run stands at the end.
    pub status: Option<String>,
    /// The code of its failure.
    pub error: Option<String>,
    /// Its steps.
    pub steps: Vec<(String, StepExpect)>,
    /// Its output: of maps the keys that are named, everything else whole.
    pub outputs: Option<Value>,
    /// What its queries say, compared as the output.
    pub queries: Vec<(String, Value)>,
    /// The calls, in order: the action, or the step if it is a script.
    pub calls: Option<Vec<String>>,
    /// How long it takes, in milliseconds of simulated time.
    pub takes_ms: Option<u64>,
    /// How many runs of the workflow there are, without those that others have called.
    pub runs: Option<u64>,
}

/// What should come of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepExpect {
    /// How it ended.
    pub status: Option<String>,
    /// The number of its last attempt.
    pub attempts: Option<u64>,
    /// The code of its failure.
    pub error: Option<String>,
    /// Its output, as that of the run.
    pub output: Option<Value>,
}

/// A name in the file that a workflow must have, too.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    range: Range<usize>,
    is_mock: bool,
}

/// How many problems of one file are told.
const PROBLEMS_MAX: usize = 1_000;

/// Reads a test file. `source_name` is what problems call the text.
///
/// # Errors
/// Everything that is wrong with its shape, in the order of the text (NX1120 to NX1124, NX1128, NX1129); if it is no YAML,
/// the first thing only.
pub fn read_cases(source_name: &str, text: &str) -> Result<TestFile, Problems> {
    let source = Source::new(source_name, text);
    let tree = yaml::parse(source.text()).map_err(|fault| Problems(vec![source.problem(fault)]))?;
    let mut reader = Reader::new(source.text());
    let file = reader.file(&tree);
    let (faults, named) = reader.done();
    if !faults.is_empty() {
        let faults = faults.into_iter().take(PROBLEMS_MAX);
        return Err(Problems::from_unsorted(faults.map(|fault| source.problem(fault)).collect()));
    }
    let reader::File { workflow, workflow_range, workflows, cases, crash_everywhere } = file;
    let cases = cases
        .into_iter()
        .map(|case| Case { line: source.line(case.range.start), ..case })
        .collect();
    Ok(TestFile { workflow, workflows, cases, crash_everywhere, source, named, workflow_range })
}
