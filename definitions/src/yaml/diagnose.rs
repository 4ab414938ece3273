//! What the YAML library says, turned into what a person can act on.

use std::ops::Range;

use serde_saphyr::Error;

use crate::source::{Fault, range_of};

/// The fault behind `error`.
pub(super) fn fault(text: &str, error: &Error) -> Fault {
    let error = error.without_snippet();
    let range = error.location().map_or(0..0, |location| range_of(&location, text));
    let fault = |code, message: String| Fault::new(code, range.clone(), message);
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library's errors are open; what has no better words is NX1001"
    )]
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("this key");
            fault("NX1002", format!("`{key}` is given twice in the same map"))
                .hint("keep one of the two")
        }
        Error::NonFiniteFloat { value, .. } => {
            fault("NX1008", format!("{value} is not a number that can be kept"))
                .hint("write a finite number, or quote it to keep it as text")
        }
        Error::UnsupportedTag { tag, .. } => {
            let range = before(text, &range, tag).unwrap_or_else(|| range.clone());
            Fault::new("NX1012", range, format!("the YAML tag {tag} has no meaning here"))
                .hint("leave the tag out")
        }
        Error::MultipleDocuments { .. } => {
            let range = before(text, &range, "---").unwrap_or_else(|| range.clone());
            Fault::new(
                "NX1011",
                range,
                "a file holds one workflow, this one holds several documents".to_owned(),
            )
            .hint("put what follows `---` into a file of its own")
        }
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => too_large(range),
        Error::AliasError { error, .. } => self::fault(text, error),
        Error::UnknownAnchor { .. } => fault("NX1001", "this alias has no anchor".to_owned())
            .hint("define it above with `&name`, or quote a text that begins with `*`"),
        Error::Unexpected { .. } | Error::NullIntoString { .. } => key_is_not_text(text, range),
        other => syntax(text, range, &plain_message(other)),
    }
}

/// A plain text that begins an expression and ends before `}}` because ` #` began a comment.
pub(super) fn cut_off_expression(text: &str, range: &Range<usize>, value: &str) -> Option<Fault> {
    let open = value.rfind("${{")?;
    let raw = text.get(range.clone())?;
    let rest = text.get(range.end..)?.lines().next()?;
    let cut = !value[open..].contains("}}")
        && raw.ends_with(value)
        && rest.trim_start().starts_with('#')
        && rest.contains("}}");
    cut.then(|| {
        needs_quotes(range.clone(), "` #` begins a comment here, so the expression is cut off")
    })
}

fn too_large(range: Range<usize>) -> Fault {
    Fault::new(
        "NX1010",
        range,
        "the document nests too deeply or repeats itself too often".to_owned(),
    )
    .hint("at most 32 levels, and at most 100,000 values copied by aliases")
}

fn key_is_not_text(text: &str, range: Range<usize>) -> Fault {
    if text.get(range.start.saturating_sub(1)..).is_some_and(|rest| rest.starts_with("{{")) {
        let range = range.start.saturating_sub(1)..range.end;
        return Fault::new(
            "NX1004",
            range,
            "`{{ }}` is a map to YAML, not an expression".to_owned(),
        )
        .hint("write expressions as ${{ … }}");
    }
    Fault::new("NX1001", range, "a key must be text".to_owned()).hint("put the key in quotes")
}

/// The scanner stopped. Tabs and expressions without quotes are by far the usual reasons, so they are looked for first.
fn syntax(text: &str, range: Range<usize>, message: &str) -> Fault {
    if message.contains("nesting") || message.contains("recursion") || message.contains("depth") {
        return too_large(range);
    }
    let start =
        text.get(..range.start).map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    if let Some(tab) = indentation(line).find('\t') {
        return Fault::new(
            "NX1003",
            start + tab..start + tab + 1,
            "a tab in the indentation".to_owned(),
        )
        .hint("YAML is indented with spaces: replace the tab");
    }
    if let Some(at) = bare_expression(line, range.start.saturating_sub(start)) {
        let end = line[at..].find("}}").map_or(line.len(), |end| at + end + 2);
        return needs_quotes(start + at..start + end, "an expression needs quotes here");
    }
    if message.contains("quote")
        && let Some(open) = opening_quote(text, range.start)
    {
        return Fault::new("NX1001", open..open + 1, "this quote is not closed".to_owned())
            .hint("close it; a quote inside a quoted text is written \\\" or ''");
    }
    let (message, hint) = in_our_words(message);
    Fault::new("NX1001", range, format!("not YAML: {message}")).hint(hint)
}

/// What the scanner says and what to do, where there is something better to say than it does.
fn in_our_words(message: &str) -> (&str, &'static str) {
    match message {
        message if message.contains("mapping values") => (
            "`:` cannot stand here",
            "quote a text that holds `: `, and check that keys of one map stand below each other",
        ),
        message if message.contains("flow") || message.contains("bracket") => {
            (message, "close every [ and {, and put a comma between items")
        }
        message if message.contains("unexpected character") => {
            (message, "quote a text that begins with this character")
        }
        message if message.contains("simple key") => {
            (message, "a key stands on one line and ends with `:`")
        }
        _ => (message, "check the indentation and the quotes around here"),
    }
}

fn needs_quotes(range: Range<usize>, message: &str) -> Fault {
    Fault::new("NX1004", range, message.to_owned())
        .hint("put quotes around the whole value: \"${{ … }}\"; inside { }, [ ] and with `: ` or ` #` YAML needs them")
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Where on `line` an expression outside quotes begins, at or before byte `limit`.
fn bare_expression(line: &str, limit: usize) -> Option<usize> {
    let mut quote = None;
    let mut found = None;
    let mut previous = ' ';
    for (at, char) in line.char_indices().take_while(|(at, _)| *at <= limit) {
        match (quote, char) {
            (None, '"' | '\'') if !previous.is_alphanumeric() && found.is_none() => {
                quote = Some(char);
            }
            (Some(open), _) if open == char && previous != '\\' => quote = None,
            (None, '$') if line[at..].starts_with("${{") => found = Some(at),
            _ => {}
        }
        previous = char;
    }
    found
}

/// The last quote before byte `end` that begins a value.
fn opening_quote(text: &str, end: usize) -> Option<usize> {
    let head = text.get(..(end + 1).min(text.len())).or_else(|| text.get(..end))?;
    let begins =
        |at: &usize| head[..*at].trim_end_matches(' ').ends_with([':', '-', ',', '[', '{', '\n']);
    head.match_indices(['"', '\'']).map(|(at, _)| at).rfind(begins)
}

/// Where `needle` stands last before `range`.
fn before(text: &str, range: &Range<usize>, needle: &str) -> Option<Range<usize>> {
    let at = text.get(..range.start)?.rfind(needle)?;
    Some(at..at + needle.len())
}

/// The library's words without the place, which is told apart.
fn plain_message(error: &Error) -> String {
    let message = error.to_string();
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}
