//! Runs whose code is in other programs: nothing of this process can carry them on.

use nexus_engine::code::FunctionTrouble;
use nexus_engine::model::plan::Plan;
use nexus_engine::model::run::Run;
use nexus_engine::{MissingCode, Stalled};

use super::Service;
use super::show::standing::child;
use crate::api::Problem;
use crate::problems;

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

impl Elsewhere {
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
    /// Which program carries on a run that has not ended, in words, if nothing of this process can.
    pub async fn program_elsewhere(&self, name: &str) -> Option<String> {
        let (run, name) = self.resolve(name).await.ok()?;
        let (plan, state) = self.load(run, &name).await.ok()?;
        Some(self.code_elsewhere(&plan, &state).await?.program())
    }

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
        let mut left = CALLS_MAX;
        self.elsewhere(plan, run, &mut left).await
    }

    async fn elsewhere(&self, plan: &Plan, run: &Run, left: &mut usize) -> Option<Elsewhere> {
        if self.lacks_function(plan, run) {
            return Some(Elsewhere::Function(plan.definition().name.clone()));
        }
        if let Some(trouble) = self.trouble(plan, run) {
            return Some(Elsewhere::Fitting(plan.definition().name.clone(), Box::new(trouble)));
        }
        let Stalled { missing, calls } = self.handle().stalled(plan, run)?;
        let mut found = None;
        for step in calls {
            *left = left.checked_sub(1)?;
            let child = child(plan, run, step)?;
            let (id, name) = self.resolve(&child).await.ok()?;
            if name != child {
                return None; // It is not started yet.
            }
            let (plan, state) = self.load(id, &name).await.ok()?;
            let code = Box::pin(self.elsewhere(&plan, &state, left)).await?;
            found.get_or_insert_with(|| Elsewhere::OfCalled { child, code: Box::new(code) });
        }
        if missing.is_empty() {
            return found;
        }
        let told = |MissingCode { step, handler }| (plan.id(step).to_owned(), handler);
        Some(Elsewhere::Handlers(missing.into_iter().map(told).collect()))
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
