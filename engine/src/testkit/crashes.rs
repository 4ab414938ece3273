//! A play again and again, each time with a crash at another place.

use std::fmt;

use super::ending::Ending;
use super::engine::TestEngine;
use super::world::CrashPoint;

/// Plays with more transitions are crashed at so many places, evenly spread.
const PLACES_MAX: u32 = 2_000;
/// Differences that are shown.
const SHOWN_MAX: usize = 5;

/// What came of a play that was crashed everywhere.
#[derive(Clone, Debug)]
pub struct Crashes {
    /// How it ends without a crash.
    pub plain: Ending,
    /// Transitions of the play without a crash.
    pub transitions: u32,
    /// How often it was played with a crash.
    pub played: u32,
    /// What was different, and where the crash was.
    pub differences: Vec<(String, Vec<String>)>,
}

impl Crashes {
    /// Whether it always ended the same.
    pub fn all_same(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Crashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.differences.len();
        if count == 0 {
            return write!(f, "{} crashes, each time the same end", self.played);
        }
        write!(f, "{count} of {} crashes led to another end", self.played)?;
        for (place, lines) in self.differences.iter().take(SHOWN_MAX) {
            write!(f, "\n{place}:")?;
            lines.iter().take(SHOWN_MAX).try_for_each(|line| write!(f, "\n  {line}"))?;
        }
        Ok(())
    }
}

/// Plays without a crash, then with one before and one after each transition is durable.
pub(super) fn everywhere(
    fresh: impl Fn() -> TestEngine,
    play: impl Fn(&mut TestEngine),
) -> Crashes {
    let mut engine = fresh();
    play(&mut engine);
    let (plain, transitions) = (engine.ending(), engine.transitions());
    let mut crashes = Crashes { plain, transitions, played: 0, differences: Vec::new() };
    let lines = wrong(&engine);
    if !lines.is_empty() {
        crashes.differences.push(("without a crash".to_owned(), lines));
    }
    let places = transitions.min(PLACES_MAX);
    for place in 0..places {
        let at = u64::from(place) * u64::from(transitions) / u64::from(places.max(1));
        let transition = u32::try_from(at).unwrap_or(u32::MAX);
        for kept in [false, true] {
            crashes.played += 1;
            let mut engine = fresh();
            engine.crash_at(CrashPoint { transition, kept });
            play(&mut engine);
            let mut lines = crashes.plain.differences(&engine.ending());
            lines.extend(wrong(&engine));
            if engine.awaits_crash() {
                lines.push("the play did not come to the place of the crash".to_owned());
            }
            if !lines.is_empty() {
                crashes.differences.push((words(transition, kept), lines));
            }
        }
    }
    crashes
}

/// What is wrong with a play, whatever it is compared with: a function that gets no further does so each time.
fn wrong(engine: &TestEngine) -> Vec<String> {
    engine.broken().into_iter().chain(engine.stuck()).collect()
}

fn words(transition: u32, kept: bool) -> String {
    let when = if kept { "after" } else { "before" };
    format!("crash just {when} transition {} is durable", transition + 1)
}
