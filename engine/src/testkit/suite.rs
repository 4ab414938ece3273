//! Test files, played: each case plainly, with a crash at every transition, and in storms.
//!
//! What a case expects is checked after every play but those with crashes at every transition, which are compared with the
//! plain one. In storms only ends count: how often something was tried, and in which order, may differ.

mod expectation;
mod files;
mod migration;
mod play;
mod starting;
mod update;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_definitions::cases::{Case, Real, TestFile};
use nexus_definitions::{Problem, Problems};
use nexus_model::plan::Plan;

use super::engine::TestEngine;
use super::mock::{Answer, Mock};
use super::weather::Weather;
use crate::handle::{StartError, StartRequest};
use crate::handler::StepError;

use expectation::unmet;
pub use files::SuiteError;
use migration::Versions;
use play::{Played, play};

/// What is done with every case.
#[derive(Clone, Debug, Default)]
pub struct Plays {
    /// Play cases again with crashes at every transition, whatever their file says.
    pub crash_everywhere: bool,
    /// So many storms for each case.
    pub storms: u64,
    /// The seed of the first storm; the next have the numbers after it.
    pub seed: u64,
    /// What goes wrong in them.
    pub weather: Option<Weather>,
}

/// A test file and the workflow it is about.
#[derive(Debug)]
pub struct Suite {
    file: TestFile,
    plan: Arc<Plan>,
    callees: Vec<Arc<Plan>>,
    folder: Option<PathBuf>,
    harmless: BTreeSet<String>,
    /// What runs are migrated to.
    versions: Versions,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// Where it begins, from 1.
    pub line: u32,
    /// What is wrong, a line for each; empty: nothing.
    pub wrong: Vec<String>,
    /// What is wrong with the case itself: nothing could be said about the workflow.
    pub problem: Option<Problem>,
    /// Simulated time of the plain play, in milliseconds.
    pub simulated_ms: u64,
    /// Real time of all plays.
    pub took: Duration,
    /// Transitions of the plain play.
    pub transitions: u32,
    /// Plays with a crash, 0 if there were none.
    pub crashes: u32,
    /// Storms.
    pub storms: u64,
}

impl CaseReport {
    /// Whether nothing is wrong.
    pub fn passed(&self) -> bool {
        self.wrong.is_empty() && self.problem.is_none()
    }
}

impl Suite {
    /// A test file with its workflow and all that it calls. Scripts work in `folder`; actions that are `harmless` are carried out for real where
    /// nothing stands in for them.
    ///
    /// # Errors
    /// NX1125 for names that neither the workflow nor one of `callees` has.
    pub fn new(
        file: TestFile,
        plan: Arc<Plan>,
        callees: Vec<Arc<Plan>>,
        folder: Option<PathBuf>,
        harmless: &[&str],
    ) -> Result<Self, Problems> {
        let plans: Vec<&Plan> =
            std::iter::once(&*plan).chain(callees.iter().map(|plan| &**plan)).collect();
        let problems = file.check(&plans);
        if !problems.is_empty() {
            return Err(problems);
        }
        let harmless = harmless.iter().map(ToString::to_string).collect();
        Ok(Self { file, plan, callees, folder, harmless, versions: Versions::new() })
    }

    /// The workflow's name.
    pub fn workflow(&self) -> &str {
        &self.plan.definition().name
    }

    /// The cases, in the order of the file.
    pub fn cases(&self) -> &[Case] {
        &self.file.cases
    }

    /// Plays a case. `base` knows the handlers.
    pub fn play(&self, base: &TestEngine, case: &Case, plays: &Plays) -> CaseReport {
        let began = Instant::now();
        let engine = self.engine(base, case);
        let mut plain = engine.fresh();
        let played = play(&mut plain, case, self.request(case), &self.versions);
        let mut report = self.judged(case, &plain, &played);
        if report.passed() && (self.file.crash_everywhere || plays.crash_everywhere) {
            self.crash_everywhere(&engine, case, &mut report);
        }
        if report.passed() {
            self.storms(&engine, case, plays, &plain, &mut report);
        }
        report.took = began.elapsed();
        report
    }

    /// How the run of a case is started.
    fn request(&self, case: &Case) -> StartRequest {
        let request = StartRequest::new(Arc::clone(&self.plan)).input(case.input());
        let request = request.callees(self.callees.iter().cloned());
        StartRequest { folder: self.folder.clone(), ..request }
    }

    fn judged(&self, case: &Case, engine: &TestEngine, played: &Played) -> CaseReport {
        let mut report = CaseReport {
            name: case.name.clone(),
            line: case.line,
            wrong: played.wrong.clone(),
            problem: None,
            simulated_ms: engine.now().ms_since(played.began),
            took: Duration::ZERO,
            transitions: engine.transitions(),
            crashes: 0,
            storms: 0,
        };
        if let Some(StartError::Inputs(errors)) = &played.refused {
            report.problem = Some(self.file.inputs_problem(case, errors));
            return report;
        }
        if let Some(error) = &played.refused {
            report.wrong.push(format!("the run is not started: {error}"));
        }
        let unanswered: Vec<_> =
            engine.unanswered().map(|(step, uses)| (step.to_owned(), uses.to_owned())).collect();
        if !unanswered.is_empty() {
            report.problem = Some(self.file.unanswered_problem(case, &unanswered));
            return report;
        }
        report.wrong.extend(unmet(engine, played, &case.expect, false));
        report.wrong.extend(engine.broken());
        report
    }

    fn crash_everywhere(&self, engine: &TestEngine, case: &Case, report: &mut CaseReport) {
        let lost = RefCell::new(Vec::new());
        let crashes = engine.crash_everywhere_in(|engine| {
            let played = play(engine, case, self.request(case), &self.versions);
            lost.borrow_mut().extend(played.wrong);
        });
        report.crashes = crashes.played;
        if !crashes.all_same() {
            report.wrong.extend(crashes.to_string().lines().map(str::to_owned));
        }
        report.wrong.extend(lost.into_inner());
    }

    fn storms(
        &self,
        engine: &TestEngine,
        case: &Case,
        plays: &Plays,
        plain: &TestEngine,
        report: &mut CaseReport,
    ) {
        let ending = plain.ending();
        for seed in (0..plays.storms).map(|at| plays.seed.wrapping_add(at)) {
            let weather = plays
                .weather
                .map_or_else(|| Weather::storm(seed), |weather| Weather { seed, ..weather });
            let mut engine = engine.fresh().weather(weather);
            let played = play(&mut engine, case, self.request(case), &self.versions);
            report.storms += 1;
            let mut wrong = played.wrong.clone();
            wrong.extend(unmet(&engine, &played, &case.expect, true));
            wrong.extend(ending.differences_of_ends(&engine.ending()));
            wrong.extend(engine.broken());
            if !wrong.is_empty() {
                report.wrong.push(format!("with the seed {seed}:"));
                report.wrong.extend(wrong.into_iter().map(|line| format!("  {line}")));
                return;
            }
        }
    }

    /// The engine of a case: with its mocks, and with handlers only for what is carried out for real.
    fn engine(&self, base: &TestEngine, case: &Case) -> TestEngine {
        let engine = match &case.real {
            Real::All => base.fresh(),
            Real::Named(names) => {
                base.fresh().only_real(self.harmless.iter().chain(names).cloned())
            }
        };
        case.mocks.iter().fold(engine, |engine, (name, answers)| {
            engine.mock(name, Mock::answers(answers.iter().map(answer)))
        })
    }
}

fn answer(answer: &nexus_definitions::cases::MockAnswer) -> Answer {
    let said: Answer = match &answer.result {
        Ok(output) => output.clone().into(),
        Err(failure) => {
            let message = failure.message.clone();
            let error =
                if failure.fatal { StepError::fatal(message) } else { StepError::retry(message) };
            match &failure.code {
                Some(code) => error.code(code),
                None => error,
            }
            .into()
        }
    };
    said.takes(Duration::from_millis(answer.takes_ms))
}
