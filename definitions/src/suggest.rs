//! Words in messages: what may have been meant, and what there is to choose from.

pub(crate) use nexus_model::suggest::nearest;

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn any_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
