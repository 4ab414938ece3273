//! Wrong usage as a problem, for those who asked for JSON.

use std::ffi::OsString;

use clap::ValueEnum;
use clap::error::{ContextKind, ContextValue};
use nexus_gateway::api::Problem;

use super::Code;
use crate::args::Global;
use crate::output::Format;

/// The flags, if errors are wanted as JSON. Looked up in the words themselves, because they could not be parsed.
pub(super) fn json_is_wanted(words: impl Iterator<Item = OsString>) -> Option<Global> {
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .take_while(|word| word != "--")
        .collect();
    let mut form = None;
    for (at, word) in words.iter().enumerate() {
        let beside = match word.as_str() {
            "-o" | "--output" => words.get(at + 1).map(String::as_str),
            word => word.strip_prefix("--output=").or_else(|| word.strip_prefix("-o")),
        };
        form = beside.and_then(read).or(form);
    }
    form.filter(|form| form.is_json())
        .map(|form| Global { output: Some(form), ..Global::default() })
}

fn read(word: &str) -> Option<Format> {
    Format::from_str(word.trim_start_matches('='), false).ok()
}

/// What is wrong, and what may have been meant.
pub(super) fn problem(error: &clap::Error) -> Problem {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let first = paragraphs.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let message = first.split_whitespace().collect::<Vec<_>>().join(" ");
    let problem = Problem::new("NX1411", Code::Usage as u8, message);
    problem.hint(meant(error).unwrap_or_else(|| "see its flags: nexus-engine help VERB".into()))
}

/// The word that may have been meant.
#[expect(clippy::wildcard_enum_match_arm, reason = "clap may add kinds")]
fn meant(error: &clap::Error) -> Option<String> {
    let kinds =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let word = kinds.iter().find_map(|kind| match error.get(*kind)? {
        ContextValue::String(word) => Some(word.clone()),
        ContextValue::Strings(words) => words.first().cloned(),
        _ => None,
    })?;
    Some(format!("did you mean {word}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_found_in_words_that_cannot_be_parsed() {
        let found = |words: &str| {
            let words = words.split_whitespace().map(OsString::from);
            json_is_wanted(words).and_then(|global| global.output)
        };
        assert_eq!(found("n get -o json --wrong"), Some(Format::Json));
        assert_eq!(found("n get --wrong -ojsonl"), Some(Format::Jsonl));
        assert_eq!(found("n get --output=json x y"), Some(Format::Json));
        assert_eq!(found("n get -o table -- -o json"), None);
        assert_eq!(found("n get"), None);
    }
}
