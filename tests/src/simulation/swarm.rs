//! Swarms: each play draws for itself what goes wrong in it, and how often.

use super::tape::Tape;

/// How often things go wrong, in a thousand choices.
#[derive(Clone, Debug, Default)]
pub(super) struct Swarm {
    /// The process ends, and some of what was written and not synced is found again.
    pub(super) crash: u64,
    /// A sync fails, which ends the process.
    pub(super) failed_sync: u64,
    /// A report is delivered a second time.
    pub(super) report_again: u64,
    /// A worker loses its lease, and reports all the same, later.
    pub(super) lease: u64,
    /// People ask once more for what they have asked for.
    pub(super) ask_again: u64,
    /// People cancel, pause, retry, and send what nobody waits for.
    pub(super) meddle: u64,
    /// Time passes while something could happen.
    pub(super) time: u64,
    /// Time passes by days.
    pub(super) leap: u64,
    /// The clock of the next process stands behind that of the last.
    pub(super) back: u64,
    /// What was read is forgotten.
    pub(super) forget: u64,
    /// The functions of runs are forgotten, and run again from their beginning.
    pub(super) forget_functions: u64,
    /// The log refuses what was written, because the disk is nearly full.
    pub(super) full: u64,
    /// The log cannot be read for a while.
    pub(super) unreadable: u64,
    /// The views follow the log.
    pub(super) views: u64,
    /// The rows of the views are lost.
    pub(super) drop_views: u64,
    /// The views are compared with those that are folded anew.
    pub(super) compare_views: u64,
    /// A snapshot is written.
    pub(super) snapshot: u64,
    /// Snapshots are lost.
    pub(super) lose_snapshots: u64,
    /// What happens next is not the usual.
    pub(super) disorder: u64,
    /// Choices before nothing goes wrong any more.
    pub(super) choices: u64,
}

impl Swarm {
    pub(super) fn draw(tape: &mut Tape, stable_attempts: bool) -> Self {
        let mut rate = |most: u64| if tape.below(2) == 0 { 0 } else { 1 + tape.below(most) };
        Self {
            crash: rate(40),
            failed_sync: rate(100),
            report_again: rate(80),
            lease: if stable_attempts { 0 } else { rate(40) },
            ask_again: rate(80),
            meddle: rate(150),
            time: rate(150),
            leap: rate(30),
            back: rate(500),
            forget: rate(60),
            forget_functions: rate(60),
            full: rate(60),
            unreadable: rate(60),
            views: rate(100),
            drop_views: rate(10),
            compare_views: rate(10),
            snapshot: rate(60),
            lose_snapshots: rate(20),
            disorder: rate(1_000),
            choices: 40 + rate(500),
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn calm() -> Self {
        Self::default()
    }
}
