//! Handlers that workers offer: programs of their own, which ask for work.
//!
//! The end of the engine's process is not the end of theirs, and it cannot be their doing: interruptions of such attempts do not
//! count.

use crate::id::StepIndex;
use crate::plan::Plan;

/// What `uses` begins with, if a worker is to do the work: `worker/NAME`.
pub const WORKER_PREFIX: &str = "worker/";

/// Most characters of the name behind the prefix.
pub const WORKER_NAME_CHARS_MAX: usize = 64;

/// The name of the handler that workers offer, if `uses` is one of those.
pub fn worker_handler(uses: &str) -> Option<&str> {
    uses.strip_prefix(WORKER_PREFIX)
}

/// Whether a handler of a worker can have this name.
pub fn is_worker_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=WORKER_NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(fits)
}

impl Plan {
    /// The name of the handler that workers offer for `step`, or for its undo, if it is theirs.
    pub fn worker_handler(&self, step: StepIndex, is_undo: bool) -> Option<&str> {
        if self.is_code() {
            return None; // The calls of a function may have any name.
        }
        let uses = if is_undo { self.undo_handler(step) } else { self.handler(step) };
        worker_handler(uses?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_workers_handlers_are_short_and_plain() {
        for good in ["a", "resize-image", "stock.reserve_2", &"x".repeat(64)] {
            assert!(is_worker_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", "a\n", "@", &"x".repeat(65)] {
            assert!(!is_worker_name(bad), "{bad}");
        }
        assert_eq!(worker_handler("worker/resize"), Some("resize"));
        assert_eq!(worker_handler("http.request"), None);
    }
}
