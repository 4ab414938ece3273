//! Vaults: what hides the values of an encrypted run.
//!
//! The core does not know how. It says which values there are (see [`Event::each_value`](crate::event::Event::each_value)),
//! hands them to the vault as they become part of an event, and keeps what comes back: payloads as references to sealed
//! bytes beside the events, texts as sealed texts. So state, history and snapshots of an encrypted run hold no value, and
//! fold to the same state when nobody can open them any more.
//!
//! Invariants:
//! * Sealing is a function of the bytes, so that the same decision makes the same events.
//! * What is sealed is not sealed again.

use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

/// Hides values, and shows them again.
pub trait Vault: fmt::Debug + Send + Sync {
    /// Hides bytes. The same bytes give the same.
    fn seal(&self, bytes: &[u8]) -> Arc<[u8]>;

    /// Shows what was hidden; `None` if this vault did not hide it.
    fn open(&self, sealed: &[u8]) -> Option<Arc<[u8]>>;
}

/// What a sealed text begins with; lower-case hexadecimal digits follow.
const SEALED: &str = "sealed:";

/// What stands for a sealed text that nobody can open.
pub const HIDDEN: &str = "(encrypted)";

/// Hides a text, unless it is empty or hidden.
pub fn seal_text(vault: &dyn Vault, text: &str) -> String {
    if text.is_empty() || opened(vault, text).is_some() {
        return text.to_owned();
    }
    let sealed = vault.seal(text.as_bytes());
    let mut out = String::with_capacity(SEALED.len() + 2 * sealed.len());
    out.push_str(SEALED);
    for byte in &*sealed {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Whether a text has a sealed one in it, or looks as if.
pub fn holds_sealed(text: &str) -> bool {
    text.contains(SEALED)
}

/// The text with everything in it shown that is sealed. Without a vault, or with that of another run, [`HIDDEN`] stands there.
pub fn reveal(vault: Option<&dyn Vault>, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(SEALED) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let digits = from.get(SEALED.len()..).unwrap_or_default();
        let end = digits.find(|c: char| !matches!(c, '0'..='9' | 'a'..='f'));
        let len = SEALED.len() + end.unwrap_or(digits.len());
        let (sealed, behind) = from.split_at(len);
        match vault.and_then(|vault| opened(vault, sealed)) {
            Some(text) => out.push_str(&text),
            // Shorter than the shortest that is sealed: words of somebody.
            None if sealed.len() < SEALED.len() + 2 * 40 => out.push_str(sealed),
            None => out.push_str(HIDDEN),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// A text that is sealed from its beginning to its end, as it was before; `None` if this vault did not seal it.
pub(crate) fn opened(vault: &dyn Vault, text: &str) -> Option<String> {
    let digits = text.strip_prefix(SEALED)?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let sealed: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    String::from_utf8(vault.open(&sealed?)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seals by turning the bits of each byte around, behind a head of its own.
    #[derive(Debug)]
    struct Turning {
        head: [u8; 40],
    }

    const OWN: Turning = Turning { head: [0x0f; 40] };
    const OTHER: Turning = Turning { head: [0xf0; 40] };

    impl Vault for Turning {
        fn seal(&self, bytes: &[u8]) -> Arc<[u8]> {
            self.head.into_iter().chain(bytes.iter().map(|byte| !byte)).collect()
        }

        fn open(&self, sealed: &[u8]) -> Option<Arc<[u8]>> {
            let (head, bytes) = sealed.split_at_checked(self.head.len())?;
            (head == self.head).then(|| bytes.iter().map(|byte| !byte).collect())
        }
    }

    #[test]
    fn a_text_is_sealed_once() {
        let sealed = seal_text(&OWN, "Größe");
        assert_eq!(sealed, format!("sealed:{}b88d3c493c609a", "0f".repeat(40)));
        assert_eq!(opened(&OWN, &sealed).as_deref(), Some("Größe"));
        assert_eq!(seal_text(&OWN, &sealed), sealed);
        assert_eq!(seal_text(&OWN, ""), "");
        assert_ne!(seal_text(&OTHER, &sealed), sealed, "to another vault these are just words");
    }

    #[test]
    fn a_text_is_opened_only_if_all_of_it_was_sealed_by_this_vault() {
        let sealed = seal_text(&OWN, "four");
        assert_eq!(opened(&OWN, &sealed).as_deref(), Some("four"));
        assert_eq!(opened(&OTHER, &sealed), None);
        let digits = &sealed["sealed:".len()..];
        let half = &sealed[..sealed.len() - 1];
        for text in
            ["", "four", "sealed:", digits, half, &format!(" {sealed}"), &format!("{sealed}g0")]
        {
            assert_eq!(opened(&OWN, text), None, "{text}");
        }
        let no_text = format!("sealed:{}00", "0f".repeat(40));
        assert_eq!(opened(&OWN, &no_text), None, "what is sealed is a text");
    }

    #[test]
    fn what_is_sealed_within_a_text_is_shown_by_its_own_vault_only() {
        let [name, place] = ["Ada", "Zürich"].map(|text| seal_text(&OWN, text));
        let text = format!("no such person: {name}, in {place}!");
        assert!(holds_sealed(&text));
        assert_eq!(reveal(Some(&OWN), &text), "no such person: Ada, in Zürich!");
        let hidden = "no such person: (encrypted), in (encrypted)!";
        assert_eq!(reveal(Some(&OTHER), &text), hidden);
        assert_eq!(reveal(None, &text), hidden);
        assert_eq!(reveal(Some(&OWN), &name), "Ada");
        assert_eq!(reveal(Some(&OWN), &format!("{name}{place}")), "AdaZürich");
    }

    #[test]
    fn words_that_only_look_sealed_stay() {
        for text in
            ["", "plain", "sealed", "sealed:", "sealed: 07", "sealed:sealed:07", "is sealed:0G"]
        {
            assert_eq!(reveal(Some(&OWN), text), text);
            assert_eq!(reveal(None, text), text);
        }
        assert!(!holds_sealed("sealed"));
        assert!(holds_sealed("it is sealed: closed"));
    }

    #[test]
    fn as_many_digits_as_the_shortest_that_is_sealed_are_hidden() {
        for (digits, shown) in [(79, None), (80, Some(HIDDEN)), (81, Some(HIDDEN))] {
            let text = format!("sealed:{}", "7".repeat(digits));
            assert_eq!(reveal(None, &text), shown.unwrap_or(&text), "{digits} digits");
        }
    }
}
