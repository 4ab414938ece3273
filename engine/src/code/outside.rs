//! What is outside of a function, such as the timers of tokio: it waits for them in vain wherever it is asked.

use std::sync::OnceLock;

use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};

/// A runtime that nobody drives, for functions that are asked where there is none. A timer of tokio panics there, and in one that
/// is not driven it waits: so a function that waits for a timer is one that waits for something unknown, wherever it is asked.
pub(super) fn of_no_runtime() -> Option<EnterGuard<'static>> {
    static AT_REST: OnceLock<Option<Runtime>> = OnceLock::new();
    if Handle::try_current().is_ok() {
        return None;
    }
    let at_rest = AT_REST.get_or_init(|| Builder::new_current_thread().enable_time().build().ok());
    at_rest.as_ref().map(Runtime::enter)
}
