//! Licence expressions: whether one can be met with allowed licences alone.
//!
//! Source: SPDX specification 2.3, annex D. The older `MIT/Apache-2.0` is read as `MIT OR Apache-2.0`.

use std::iter::Peekable;
use std::vec::IntoIter;

type Words = Peekable<IntoIter<String>>;

/// Whether `expression` can be met; text that is no expression cannot.
pub(crate) fn allowed(expression: &str, licenses: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = spaced.split_whitespace().map(str::to_owned).collect();
    let mut words = words.into_iter().peekable();
    any(&mut words, licenses) == Some(true) && words.next().is_none()
}

fn any(words: &mut Words, licenses: &[String]) -> Option<bool> {
    let mut met = all(words, licenses)?;
    while words.next_if(|word| word == "OR").is_some() {
        met |= all(words, licenses)?;
    }
    Some(met)
}

fn all(words: &mut Words, licenses: &[String]) -> Option<bool> {
    let mut met = one(words, licenses)?;
    while words.next_if(|word| word == "AND").is_some() {
        met &= one(words, licenses)?;
    }
    Some(met)
}

fn one(words: &mut Words, licenses: &[String]) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let met = any(words, licenses)?;
        return words.next_if(|word| word == ")").map(|_| met);
    }
    if words.next_if(|word| word == "WITH").is_none() {
        return Some(licenses.contains(&word));
    }
    let exception = words.next()?;
    Some(licenses.contains(&format!("{word} WITH {exception}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str) -> bool {
        let licenses = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        allowed(expression, &licenses)
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        assert!(check("MIT"));
        assert!(check("GPL-3.0 OR MIT"));
        assert!(check("Unlicense/MIT"));
        assert!(check("GPL-3.0 OR (MIT AND Apache-2.0)"));
        assert!(check("Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
    }

    #[test]
    fn every_part_must_be_allowed() {
        assert!(!check("GPL-3.0"));
        assert!(!check("MIT AND GPL-3.0"));
        assert!(!check("(MIT OR GPL-3.0) AND GPL-3.0"));
        assert!(!check("MIT WITH LLVM-exception"));
    }

    #[test]
    fn broken_text_is_not_allowed() {
        for text in ["", "MIT OR", "(MIT", "MIT Apache-2.0", "MIT)"] {
            assert!(!check(text), "{text}");
        }
    }
}
