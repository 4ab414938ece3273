//! The process that runs the order: this program once more.

use std::process::Stdio;
use std::time::Duration;

use nexus_gateway::api::{EventView, Problem};
use nexus_gateway::{Client, Follow};

use super::shop::Shop;
use crate::exit::Code;

/// How long to wait between two looks at a process that is starting.
const PAUSE: Duration = Duration::from_millis(10);

/// A process that runs the order.
pub(super) struct Child {
    process: tokio::process::Child,
    pid: u32,
}

impl Child {
    /// Starts a process that goes on with the order.
    pub(super) fn start(shop: &Shop, id: &str) -> Result<Self, Problem> {
        let broken = |error: &std::io::Error| {
            Problem::new(
                "NX9001",
                Code::Bug as u8,
                format!("the program cannot start itself: {error}"),
            )
        };
        let program = std::env::current_exe().map_err(|error| broken(&error))?;
        let process = tokio::process::Command::new(program)
            .args(["resume", id, "--quiet", "--output", "none", "--store"])
            .arg(shop.store())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| broken(&error))?;
        let pid = process.id().unwrap_or_default();
        Ok(Self { process, pid })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills it, as a crash would: SIGKILL, no time to clean up.
    pub(super) fn kill(&mut self) {
        let _ = self.process.start_kill();
    }

    /// Waits for its end.
    pub(super) async fn end(mut self) -> Result<(), Problem> {
        match self.process.wait().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(lost(&format!("ended with {status}"))),
            Err(error) => Err(lost(&error.to_string())),
        }
    }

    /// Reads the events of the run from number `from` on, as they become durable, until one is the last that is wanted or
    /// the process ends.
    pub(super) async fn events(
        &mut self,
        shop: &Shop,
        id: &str,
        from: u32,
        mut is_last: impl FnMut(&EventView) -> bool,
    ) -> Result<Vec<EventView>, Problem> {
        let mut events = self.follow(shop, id, from).await?;
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            let event = event?;
            let ends = is_last(&event);
            seen.push(event);
            if ends {
                return Ok(seen);
            }
        }
        // The process has ended and could not tell its last events; they are in the store.
        Ok(seen)
    }

    async fn follow(&mut self, shop: &Shop, id: &str, from: u32) -> Result<Follow, Problem> {
        loop {
            if let Some(client) = Client::find(&shop.store()).await {
                return client.follow(id, from).await;
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(lost(&format!("ended with {status}")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn lost(what: &str) -> Problem {
    Problem::new("NX7024", Code::Bug as u8, format!("the process of the demo {what}")).hint(
        "look at its store: nexus-engine demo --keep, then nexus-engine doctor --store demo/.nexus",
    )
}
