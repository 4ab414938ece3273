//! Runs that are not in memory although something is asked of them: they are being read, or rest before that.

use std::collections::VecDeque;

use nexus_model::command::Command;
use nexus_model::event::Interruption;
use nexus_model::id::Attempt;

use super::Asked;
use super::resident::{AtWork, Resident};

/// What waits for a run that is being read.
#[derive(Debug, Default)]
pub(super) struct Away {
    /// Requests not decided yet, in order.
    pub(super) queue: VecDeque<Asked>,
    /// Attempts whose handlers this engine has called, or will once they may be resumed, and whose outcome is not recorded.
    pub(super) at_work: AtWork,
    /// Whether it is not read yet, because that would not help at once.
    pub(super) rests: bool,
}

impl Away {
    /// What is left of a run whose state in memory is not what is recorded.
    pub(super) fn of(resident: &mut Resident) -> Self {
        let mut queue = VecDeque::from(std::mem::take(&mut resident.given_back));
        queue.append(&mut resident.queue);
        let at_work = std::mem::take(&mut resident.at_work);
        for asked in &mut queue {
            if is_found_again(&asked.command, &at_work) {
                // What is in its place has the run read all the same.
                *asked = Asked::silent(Command::OfferSlots);
            }
        }
        Self { queue, at_work, rests: true }
    }

    /// Whether nothing waits for the run.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.at_work.is_empty()
    }
}

/// Whether that attempts were cut off by the end of another process is found again when the run is read. Asked twice, it would be
/// recorded twice, and they be carried on twice.
fn is_found_again(command: &Command, at_work: &AtWork) -> bool {
    let is_here = |step, item, attempt: &Attempt| at_work.get(&(step, item)) == Some(attempt);
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is found when a run is read")]
    match command {
        Command::InterruptAttempts { attempts, how: Interruption::ProcessEnded } => {
            !attempts.iter().any(|(step, attempt)| is_here(*step, None, attempt))
        }
        Command::InterruptItems { attempts, how: Interruption::ProcessEnded } => {
            !attempts.iter().any(|(step, item, attempt)| is_here(*step, Some(*item), attempt))
        }
        _ => false,
    }
}
