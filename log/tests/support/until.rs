//! Waiting for what other threads and processes bring about.

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer; `None` if there is none in that time.
pub(crate) fn answer_within<T>(
    patience: Duration,
    mut ask: impl FnMut() -> Option<T>,
) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        let answer = ask();
        if answer.is_some() || Instant::now() >= deadline {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Asks again and again until there is an answer, and fails after a minute.
#[track_caller]
pub(crate) fn until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    answer_within(Duration::from_mins(1), ask).unwrap_or_else(|| panic!("not in time: {what}"))
}
