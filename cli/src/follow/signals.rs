//! Signals that end the process.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Code;

/// SIGINT and SIGTERM.
pub(crate) struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    /// Takes the signals from now on; they no longer end the process by themselves.
    pub(crate) fn new() -> Self {
        let take = |kind| signal(kind).ok();
        Self { interrupt: take(SignalKind::interrupt()), terminate: take(SignalKind::terminate()) }
    }

    /// The next signal, as the exit code that it leads to.
    pub(crate) async fn next(&mut self) -> Code {
        tokio::select! {
            () = one(self.interrupt.as_mut()) => Code::Interrupted,
            () = one(self.terminate.as_mut()) => Code::Terminated,
        }
    }
}

async fn one(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
