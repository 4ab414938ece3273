//! `wait`: until a run has ended.

use std::time::Duration;

use super::Service;
use super::show::standing::Standing;
use crate::api::{Problem, RunView};
use crate::problems;

impl Service {
    /// Waits until a run has ended, at most `timeout`.
    ///
    /// # Errors
    /// A [`Problem`] if there is no such run, and one with exit code 8 if it is still going when the time is over.
    pub async fn wait(&self, name: &str, timeout: Option<Duration>) -> Result<RunView, Problem> {
        let (run, name) = self.resolve(name).await?;
        tokio::select! {
            ended = self.handle().wait(run) => {
                ended.map_err(|error| problems::request(&error, &name))?;
                self.view(run, name).await
            }
            () = self.closed() => Err(problems::shutting_down()),
            () = after(timeout) => {
                let (plan, state) = self.load(run, &name).await?;
                if state.status.is_terminal() {
                    return self.view_of(plan, state).await;
                }
                let (now, driven) = (self.handle().clock().now(), self.drives(run));
                let why = Standing { plan: &plan, run: &state, now, driven }.why();
                let problem = problems::still_going(&name, &why);
                Err(match self.code_elsewhere(&plan, &state).await {
                    Some(code) => problem.hint(code.view(&name).hint),
                    None => problem,
                })
            }
        }
    }
}

async fn after(timeout: Option<Duration>) {
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}
