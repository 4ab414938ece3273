//! Calls: the files that a workflow calls, read, checked and pinned by their content.
//!
//! A resolved definition names each called file by the hash of its content, so its own hash says what all of it is. What is
//! called by the name of a published workflow stays open: whoever knows what is published resolves it.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use nexus_model::definition::{StepKind, is_file};
use nexus_model::plan::{CallMisfit, DefinitionError, Plan};
use serde_json::Value;

use crate::problem::Severity;
use crate::{Known, PROBLEMS_MAX, Problem, Problems, Read, read_for};

/// How deep calls can be nested.
const DEPTH_MAX: usize = 16;

/// A workflow whose calls of files are resolved.
#[derive(Debug)]
pub struct Resolved {
    /// The workflow.
    pub read: Read,
    /// What it calls, directly or not, each once.
    pub callees: Vec<Arc<Plan>>,
}

/// Reads what `workflow` from the file `file` calls, with `load`, which answers with a text or why there is none. Steps of all
/// files may use the handlers `known`; `None`: any.
///
/// # Errors
/// At each call: NX1181 if the file cannot be read, NX1182 if something is wrong with it, NX1183 if it calls itself or calls
/// are nested too deep, NX1184 if `with` does not fit its inputs.
pub fn resolve_calls(
    workflow: Read,
    file: &Path,
    known: Option<&[Known<'_>]>,
    load: &dyn Fn(&Path) -> Result<String, String>,
) -> Result<Resolved, Problems> {
    let mut linker = Linker {
        known,
        load,
        done: BTreeMap::new(),
        wrong: BTreeMap::new(),
        stack: vec![plain(file)],
    };
    let read = linker.link(workflow)?;
    Ok(Resolved { read, callees: linker.done.into_values().collect() })
}

struct Linker<'l> {
    known: Option<&'l [Known<'l>]>,
    load: &'l dyn Fn(&Path) -> Result<String, String>,
    /// What is resolved, by file.
    done: BTreeMap<PathBuf, Arc<Plan>>,
    /// What is wrong with the others that were read, by file.
    wrong: BTreeMap<PathBuf, Wrong>,
    /// The files that are being resolved, each called by the one before it.
    stack: Vec<PathBuf>,
}

/// What is wrong with a call: code, message, hint.
type Wrong = (&'static str, String, String);

impl Linker<'_> {
    fn link(&mut self, workflow: Read) -> Result<Read, Problems> {
        let mut definition = workflow.definition.clone();
        let mut problems: Vec<Problem> = Vec::new();
        let (mut changed, encrypted) = (false, definition.encrypt);
        for step in &mut definition.steps {
            let StepKind::Call { workflow: called, definition, with, .. } = &mut step.kind else {
                continue;
            };
            // What is published under a name is known to the engine.
            if !is_file(called) {
                continue;
            }
            match self.callee(called).and_then(|plan| fits(&plan, with, encrypted).map(|()| plan)) {
                Ok(plan) => {
                    *definition = Some(plan.hash());
                    changed = true;
                }
                Err(wrong) => {
                    problems.push(workflow.places.problem(&at_call(&step.id, wrong)));
                }
            }
        }
        problems.truncate(PROBLEMS_MAX);
        if !problems.is_empty() {
            return Err(Problems::from_unsorted(problems));
        }
        if !changed {
            return Ok(workflow);
        }
        let errors = |errors: Vec<DefinitionError>| {
            let problems = errors.iter().map(|error| workflow.places.problem(error));
            Problems::from_unsorted(problems.collect())
        };
        let plan = Plan::compile(definition.clone()).map_err(errors)?;
        Ok(Read { definition, plan, ..workflow })
    }

    fn callee(&mut self, called: &str) -> Result<Arc<Plan>, Wrong> {
        let caller = self.stack.last().cloned().unwrap_or_default();
        let path = plain(&caller.parent().unwrap_or_else(|| Path::new("")).join(called));
        if let Some(plan) = self.done.get(&path) {
            return Ok(Arc::clone(plan));
        }
        if let Some(wrong) = self.wrong.get(&path) {
            return Err(wrong.clone());
        }
        if let Some(from) = self.stack.iter().position(|other| *other == path) {
            let cycle: Vec<String> = self.stack.iter().skip(from).map(|path| name(path)).collect();
            let message = format!("`{called}` calls itself: {} → {called}", cycle.join(" → "));
            let hint = "a workflow cannot wait for itself; take one of these calls away";
            return Err(("NX1183", message, hint.to_owned()));
        }
        if self.stack.len() > DEPTH_MAX {
            let message = format!("calls are nested deeper than {DEPTH_MAX}");
            return Err(("NX1183", message, "put some of the steps into one workflow".to_owned()));
        }
        let text = (self.load)(&path).map_err(|why| {
            let message = format!("the called file `{called}` cannot be read: {why}");
            let hint = format!("the name counts from the folder of `{}`", name(&caller));
            ("NX1181", message, hint)
        })?;
        let plan = match self.read(called, &path, &text) {
            Ok(plan) => Arc::new(plan),
            Err(wrong) => {
                self.wrong.insert(path, wrong.clone());
                return Err(wrong);
            }
        };
        self.done.insert(path, Arc::clone(&plan));
        Ok(plan)
    }

    fn read(&mut self, called: &str, path: &Path, text: &str) -> Result<Plan, Wrong> {
        let wrong = |problems: Problems| {
            let first = problems.iter().next().map(ToString::to_string).unwrap_or_default();
            let message = format!("something is wrong with the called file: {first}");
            ("NX1182", message, format!("see all of it: nexus-engine validate {called}"))
        };
        let (read, mut problems) = read_for(&path.display().to_string(), text, self.known);
        problems.0.retain(|problem| problem.severity == Severity::Error);
        let Some(read) = read.filter(|_| problems.is_empty()) else {
            return Err(wrong(problems));
        };
        self.stack.push(path.to_owned());
        let linked = self.link(read).map_err(wrong);
        self.stack.pop();
        Ok(linked?.plan)
    }
}

fn at_call(step: &str, (code, message, hint): Wrong) -> DefinitionError {
    let key = if code == "NX1184" { "with" } else { "call" };
    DefinitionError {
        code,
        path: ["steps", step, key].map(str::to_owned).to_vec(),
        range: None,
        message,
        hint: Some(hint),
        warning: false,
    }
}

/// Whether the inputs that are given are declared, and those that are needed given.
fn fits(plan: &Plan, with: &Value, encrypted: bool) -> Result<(), Wrong> {
    plan.check_call(with, encrypted)
        .map_err(|CallMisfit { code, message, hint }| (code, message, hint))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The path without `.` and, as far as that is possible by its text, `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(plain.components().next_back(), Some(Component::Normal(_))) =>
            {
                plain.pop();
            }
            Component::ParentDir
            | Component::Normal(_)
            | Component::RootDir
            | Component::Prefix(_) => plain.push(part),
        }
    }
    plain
}
