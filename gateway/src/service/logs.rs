//! `logs`: what the steps of a run printed.

use nexus_engine::{FileLogs, LogLine};

use super::Service;
use super::get::find_step;
use crate::api::{LogLineView, LogPage, Problem};
use crate::problems;

impl Service {
    /// What the steps of a run printed, or one of them.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run or step, or the files cannot be read.
    pub async fn logs(&self, name: &str, step: Option<&str>) -> Result<LogPage, Problem> {
        let (run, id) = self.resolve(name).await?;
        let (plan, state) = self.load(run, &id).await?;
        let lines = self
            .blocking(move |service| {
                if service.store().as_os_str().is_empty() {
                    return Ok(Vec::new());
                }
                let folder = service.store().join("logs");
                let lines = FileLogs::read(&folder, run)
                    .map_err(|error| problems::files(&folder, &error))?;
                let loader = service.handle().loader();
                let shown = |line: LogLine| -> Vec<LogLine> {
                    let text = loader.reveal(run, &line.text).into_owned();
                    text.lines()
                        .map(|text| LogLine { text: text.to_owned(), ..line.clone() })
                        .collect()
                };
                Ok(lines.into_iter().flat_map(shown).collect())
            })
            .await?;
        // A step of a function that is over is no step of the plan any more.
        if let Some(step) = step
            && !lines.iter().any(|line| line.step_id == step)
            && self.earlier_call(&plan, &state, step).await?.is_none()
        {
            find_step(&plan, &id, step)?;
        }
        let lines = lines.into_iter().filter(|line| step.is_none_or(|step| step == line.step_id));
        let lines = lines.map(|line| LogLineView {
            step: line.step_id,
            item: line.item.map(|item| item.0),
            attempt: line.attempt.0,
            undo: line.is_undo,
            text: line.text,
        });
        Ok(LogPage { kind: "logs/v1".into(), id, lines: lines.collect() })
    }
}
