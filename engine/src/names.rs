//! Names of runs: `wf-001`, or what the caller says.

use std::sync::atomic::{AtomicU64, Ordering};

/// Longest name of a run.
const NAME_CHARS_MAX: usize = 128;

/// A name that no run may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Too long, or empty.
    #[error("a run's name has 1 to {NAME_CHARS_MAX} characters, this one has {0}")]
    Length(usize),
    /// A character that is not allowed.
    #[error(
        "a run's name has no `{0}`; allowed are letters and digits of ASCII and _ . : + @ -, and @ not first"
    )]
    Character(char),
}

/// Checks a name given by a caller.
///
/// # Errors
/// [`NameError`] if it is empty, too long or holds a character that is not allowed.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let count = name.chars().count();
    if count == 0 || count > NAME_CHARS_MAX {
        return Err(NameError::Length(count));
    }
    let allowed = |char: char| char.is_ascii_alphanumeric() || "_.:+@-".contains(char);
    match name.chars().find(|char| !allowed(*char)) {
        Some(char) => Err(NameError::Character(char)),
        None if name.starts_with('@') => Err(NameError::Character('@')),
        None => Ok(()),
    }
}

/// Makes names `wf-001`, `wf-002`, …; numbers grow, and may have gaps.
#[derive(Debug)]
pub(crate) struct Numbers(AtomicU64);

impl Numbers {
    /// Goes on after the last number used.
    pub(crate) fn after(last: u64) -> Self {
        Self(AtomicU64::new(last))
    }

    /// The next number and its name.
    pub(crate) fn next(&self) -> (u64, String) {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        (number, format!("wf-{number:03}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let check = |name: &str| check_name(name).map_err(|error| error.to_string());
        assert_eq!(check("wf-001"), Ok(()));
        assert_eq!(check("order:A+1@x_y.z"), Ok(()));
        assert!(check("").unwrap_err().contains("has 0"));
        assert!(check(&"a".repeat(129)).unwrap_err().contains("has 129"));
        assert!(check("a/b").unwrap_err().contains("`/`"));
        assert!(check("@last").unwrap_err().contains("`@`"));
        assert!(check("größe").unwrap_err().contains("`ö`"));
    }

    #[test]
    fn made_names_grow_past_three_digits() {
        let numbers = Numbers::after(998);
        assert_eq!(numbers.next(), (999, "wf-999".to_owned()));
        assert_eq!(numbers.next(), (1000, "wf-1000".to_owned()));
    }
}
