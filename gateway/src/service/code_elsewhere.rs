//! Runs whose code is in other programs: nothing of this process can carry them on.

use nexus_engine::code::FunctionTrouble;
use nexus_engine::model::definition::StepKind;
use nexus_engine::model::id::RunId;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::Run;
use nexus_engine::projections::{RunRow, RunWord};
use nexus_engine::tables::stream;
use nexus_engine::{MissingCode, Stalled};

use super::Service;
use super::references::exact;
use super::show::standing::child;
use crate::api::{CodeElsewhere, Problem};
use crate::problems;

/// By what programs start runs, unless they are asked to by somebody.
pub(super) const OF_PROGRAMS: &str = "rust";
/// How many called runs are looked at, all together; of more than these one is thought to go on.
const CALLS_MAX: usize = 100;
/// How many handlers are named.
const NAMED_MAX: usize = 3;

/// Code that a run gets no further without, and that this process does not have.
pub(super) enum Elsewhere {
    /// The function that carries it out, of this workflow.
    Function(String),
    /// A function that fits what is recorded: that of this process, of this workflow, gets no further.
    Fitting(String, Box<FunctionTrouble>),
    /// Handlers of steps: the step, and the name of its handler.
    Handlers(Vec<(String, String)>),
    /// That of a run that it called.
    OfCalled { child: String, code: Box<Self> },
}

/// What of a run can be said at once.
enum Found {
    /// Something of it goes on, or this is the code that it lacks.
    Known(Option<Elsewhere>),
    /// Nothing of it goes on but for the runs that it called: those may.
    Waits(Called),
}

/// A run that gets no further without those that it called.
struct Called {
    missing: Vec<(String, String)>,
    /// Their names.
    runs: Vec<String>,
}

impl Elsewhere {
    /// What it lacks, in a list.
    pub(super) fn in_a_list(&self) -> String {
        match self {
            Self::Function(workflow) => format!("NX5022 function `{workflow}`"),
            Self::Fitting(workflow, trouble) => {
                format!("{} a fitting function `{workflow}`", trouble.code)
            }
            Self::Handlers(missing) => {
                let more = match missing.len().saturating_sub(1) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let first = missing.first().map(|(_, name)| name.as_str()).unwrap_or_default();
                format!("NX3004 handler `{first}`{more}")
            }
            Self::OfCalled { child, .. } => format!("run {child}"),
        }
    }

    /// What it lacks, and what to do.
    pub(super) fn view(&self, name: &str) -> CodeElsewhere {
        let Problem { code, message, hint, .. } = self.problem(name);
        CodeElsewhere { code, message, hint: hint.unwrap_or_default(), program: self.program() }
    }

    /// Which program carries the run on, in words.
    pub(super) fn program(&self) -> String {
        match self {
            Self::Function(workflow) => format!("the program that has the function `{workflow}`"),
            Self::Fitting(workflow, _) => {
                format!("a program with a function `{workflow}` that gets further")
            }
            Self::Handlers(missing) => {
                let mut names: Vec<&str> = missing.iter().map(|(_, name)| name.as_str()).collect();
                names.sort_unstable();
                names.dedup();
                let quoted = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
                let s = if quoted.len() == 1 { "" } else { "s" };
                format!("a program that has the handler{s} {}", listed(&quoted))
            }
            Self::OfCalled { code, .. } => code.program(),
        }
    }

    fn problem(&self, name: &str) -> Problem {
        match self {
            Self::Function(workflow) => problems::function_elsewhere(name, workflow),
            Self::Fitting(_, trouble) => problems::function_stuck(name, trouble),
            Self::Handlers(missing) => {
                let said = |(step, handler): &(String, String)| format!("`{handler}` of {step}");
                let said: Vec<String> = missing.iter().map(said).collect();
                problems::handlers_elsewhere(name, &listed(&said), said.len() == 1)
            }
            Self::OfCalled { child, code } => {
                let Problem { code, exit_code, message, .. } = code.problem(child);
                let message = format!("{name} waits for {child}, which it called: {message}");
                Problem::new(&code, exit_code, message)
                    .run(name)
                    .hint(problems::in_its_program(name))
            }
        }
    }
}

impl Service {
    /// Refuses to work on a run whose code is that of another program: it would get no further, and that program would not get
    /// at the store meanwhile.
    pub(super) async fn check_code(
        &self,
        plan: &Plan,
        run: &Run,
        name: &str,
    ) -> Result<(), Problem> {
        match self.code_elsewhere(plan, run).await {
            Some(code) => Err(code.problem(name)),
            None => Ok(()),
        }
    }

    /// The code that a run gets no further without, if this process does not have it.
    pub(super) async fn code_elsewhere(&self, plan: &Plan, run: &Run) -> Option<Elsewhere> {
        match self.found(plan, run) {
            Found::Known(code) => code,
            Found::Waits(called) => {
                let look = |service: &Self| Ok(service.of_called(called, &mut { CALLS_MAX }));
                self.blocking(look).await.ok().flatten()
            }
        }
    }

    /// The same of a run in a list, which is loaded only if its graph has something that may not be here. Blocks.
    pub(super) fn code_elsewhere_of(&self, row: &RunRow, plan: &Plan) -> Option<Elsewhere> {
        if row.status.is_terminal() || row.status == RunWord::Paused {
            return None;
        }
        if plan.is_code() {
            let workflow = plan.definition().name.clone();
            if !self.handle().offers_function(&workflow) {
                return Some(Elsewhere::Function(workflow));
            }
            let trouble = self.handle().function_trouble(row.run)?;
            return Some(Elsewhere::Fitting(workflow, Box::new(trouble)));
        }
        let calls = |step| {
            let step = plan.step_definition(step);
            step.is_some_and(|step| matches!(step.kind, StepKind::Call { .. }))
        };
        if !plan.steps().any(calls) && !self.handle().may_lack_code(plan) {
            return None;
        }
        let (plan, run) = self.load_now(row.run, &row.name).ok()?;
        self.of_run(&plan, &run, &mut { CALLS_MAX })
    }

    /// How many of these runs nothing of this process can carry on. Blocks.
    pub(super) fn count_elsewhere(&self, runs: &[RunId]) -> usize {
        let is_elsewhere = |run: &&RunId| {
            let row = self.views().and_then(|views| views.run(stream(**run)).ok().flatten());
            row.is_some_and(|row| {
                let plan = self.handle().loader().plan(row.definition).ok();
                plan.is_some_and(|plan| self.code_elsewhere_of(&row, &plan).is_some())
            })
        };
        runs.iter().filter(is_elsewhere).count()
    }

    fn of_run(&self, plan: &Plan, run: &Run, left: &mut usize) -> Option<Elsewhere> {
        match self.found(plan, run) {
            Found::Known(code) => code,
            Found::Waits(called) => self.of_called(called, left),
        }
    }

    fn found(&self, plan: &Plan, run: &Run) -> Found {
        let workflow = || plan.definition().name.clone();
        if self.lacks_function(plan, run) {
            return Found::Known(Some(Elsewhere::Function(workflow())));
        }
        if let Some(trouble) = self.trouble(plan, run) {
            return Found::Known(Some(Elsewhere::Fitting(workflow(), Box::new(trouble))));
        }
        let Some(Stalled { missing, calls }) = self.handle().stalled(plan, run) else {
            return Found::Known(None);
        };
        let told = |MissingCode { step, handler }| (plan.id(step).to_owned(), handler);
        let missing: Vec<_> = missing.into_iter().map(told).collect();
        if calls.is_empty() {
            return Found::Known(Some(Elsewhere::Handlers(missing)));
        }
        match calls.into_iter().map(|step| child(plan, run, step)).collect() {
            Some(runs) => Found::Waits(Called { missing, runs }),
            None => Found::Known(None),
        }
    }

    /// Looks at the called runs, `left` of them at most. Blocks.
    fn of_called(&self, called: Called, left: &mut usize) -> Option<Elsewhere> {
        let Called { missing, runs } = called;
        let mut found = None;
        for child in runs {
            *left = left.checked_sub(1)?;
            // There is none if it is not started yet.
            let (id, _) = exact(self.handle().loader(), &child).ok()??;
            let (plan, state) = self.load_now(id, &child).ok()?;
            let code = self.of_run(&plan, &state, left)?;
            found.get_or_insert_with(|| Elsewhere::OfCalled { child, code: Box::new(code) });
        }
        if missing.is_empty() { found } else { Some(Elsewhere::Handlers(missing)) }
    }

    /// Why the function of a run gets no further in this process.
    pub(super) fn trouble(&self, plan: &Plan, run: &Run) -> Option<FunctionTrouble> {
        let is_open = plan.is_code() && !run.status.is_terminal() && !run.is_held();
        self.handle().function_trouble(run.started.as_deref().filter(|_| is_open)?.run)
    }

    fn lacks_function(&self, plan: &Plan, run: &Run) -> bool {
        let offers = self.handle().offers_function(&plan.definition().name);
        plan.is_code() && !run.status.is_terminal() && !offers
    }
}

/// `a`, `a and b`, `a, b, c and 7 more`.
fn listed(all: &[String]) -> String {
    match all {
        [one] => one.clone(),
        [some @ .., last] if all.len() <= NAMED_MAX => format!("{} and {last}", some.join(", ")),
        _ => {
            let named = all.get(..NAMED_MAX).unwrap_or(all).join(", ");
            format!("{named} and {} more", all.len().saturating_sub(NAMED_MAX))
        }
    }
}
