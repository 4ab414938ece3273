//! Panics of handlers: a failed attempt, with the backtrace of where it happened.
//!
//! The first handler that is called adds a hook before the one that the program has; that one is still called. A program that
//! replaces the hook afterwards gets the message alone.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use super::{StepError, StepResult};

/// Most bytes of a backtrace that are kept.
const BACKTRACE_BYTES_MAX: usize = 4_096;
/// Where the frames of the engine begin.
const ENGINE_FRAMES: [&str; 3] = ["__rust_try", "catch_unwind", "handler::panics::caught"];
/// The last of the frames that a panic adds.
const PANIC_FRAMES: [&str; 2] = ["rust_begin_unwind", "core::panicking::"];

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static SEEN: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`, and makes a failure of its panic: NX3012.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> StepResult<T> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(add_hook);
    let before = IS_WATCHED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_WATCHED.set(before);
    done.map_err(|panic| {
        let message = format!("the handler panicked: {}", words(&*panic));
        let error = StepError::retry(message).code("NX3012");
        match SEEN.take() {
            Some(seen) => error.details(seen),
            None => error,
        }
    })
}

/// What a panic says.
pub(crate) fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

fn add_hook() {
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if IS_WATCHED.get() {
            see(panic);
        }
        earlier(panic);
    }));
}

fn see(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!("at {place}\n")).unwrap_or_default();
    let seen = format!("{place}{}", shortened(&Backtrace::force_capture().to_string()));
    SEEN.with(|slot| {
        if let Ok(mut slot) = slot.try_borrow_mut() {
            *slot = Some(seen);
        }
    });
}

/// A backtrace without the frames of the panic and those of the engine.
fn shortened(backtrace: &str) -> String {
    let lines: Vec<&str> = backtrace.lines().collect();
    let has = |line: &&str, frames: &[&str]| frames.iter().any(|frame| line.contains(frame));
    let panic = lines.iter().rposition(|line| has(line, &PANIC_FRAMES));
    let lines = lines.get(panic.map_or(0, |at| at + 1)..).unwrap_or_default();
    let own = lines.iter().take_while(|line| !has(line, &ENGINE_FRAMES));
    // The place of the last frame of the panic stands on a line of its own.
    let own = own.skip_while(|line| panic.is_some() && line.trim_start().starts_with("at "));
    let mut text = own.copied().collect::<Vec<_>>().join("\n");
    let mut bytes = BACKTRACE_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(bytes) {
        bytes -= 1;
    }
    text.truncate(bytes);
    text
}
