//! A page about an error code: Markdown, as people read it in a terminal.

use std::fmt::Write as _;

use serde::Serialize;

/// A page about an error code.
#[derive(Debug, Serialize)]
pub(super) struct Page<'t> {
    kind: &'static str,
    /// The code.
    pub(super) code: &'t str,
    /// What it is about.
    pub(super) title: &'t str,
    /// The page behind its title, in Markdown.
    text: &'t str,
}

impl<'t> Page<'t> {
    /// Reads a page. Its first line is `# NXnnnn Title`.
    pub(super) fn read(code: &'t str, text: &'t str) -> Self {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let title = first.trim_start_matches('#').trim_start().trim_start_matches(code).trim();
        Self { kind: "explanation/v1", code, title, text: rest.trim() }
    }

    /// The page without its Markdown: headings on lines of their own, all else indented below them.
    pub(super) fn for_people(&self) -> String {
        let mut text = format!("\u{1b}[1m{}\u{1b}[0m  {}\n", self.code, self.title);
        let mut in_code = false;
        let mut paragraph = String::new();
        for line in self.text.lines() {
            let goes_on = !in_code && !line.is_empty() && !begins_anew(line);
            if !goes_on && !paragraph.is_empty() {
                wrap(&plain(&std::mem::take(&mut paragraph)), &mut text);
            }
            if line.starts_with("```") {
                in_code = !in_code;
            } else if in_code {
                let _ = writeln!(text, "      {line}");
            } else if let Some(heading) = line.strip_prefix("## ") {
                let _ = writeln!(text, "  \u{1b}[1m{heading}\u{1b}[0m");
            } else if line.starts_with("|--") || line.starts_with("|:-") {
                // The rule below a table's head.
            } else if line.is_empty() {
                // One empty line is enough, and none below a heading.
                if !text.ends_with("\n\n") && !text.ends_with("\u{1b}[0m\n") {
                    text.push('\n');
                }
            } else {
                paragraph.push_str(if paragraph.is_empty() { "" } else { " " });
                paragraph.push_str(line.trim());
            }
        }
        if !paragraph.is_empty() {
            wrap(&plain(&paragraph), &mut text);
        }
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}

/// Whether a line is no continuation of the one before it: a heading, the fence of code, an entry of a list, a row of a table.
fn begins_anew(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(|digit: char| digit.is_ascii_digit());
    ["#", "```", "- ", "* ", "|"].iter().any(|mark| line.starts_with(mark))
        || number.len() < line.len() && number.starts_with(". ")
}

/// A line without links and marks: their text stays.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, link)) = rest.split_once('[') {
        match link
            .split_once("](")
            .and_then(|(shown, address)| Some((shown, address.split_once(')')?.1)))
        {
            Some((shown, after)) if !shown.contains('[') => {
                text.push_str(before);
                text.push_str(shown);
                rest = after;
            }
            Some(_) | None => {
                text.push_str(before);
                text.push('[');
                rest = link;
            }
        }
    }
    text + rest
}

/// Adds a paragraph, indented, in lines of at most 96 characters.
fn wrap(paragraph: &str, text: &mut String) {
    const WIDTH: usize = 96;
    const INDENT: &str = "    ";
    let mut width = 0;
    for word in paragraph.split_whitespace() {
        let chars = word.chars().count();
        if width > 0 && width + 1 + chars > WIDTH - INDENT.len() {
            text.push('\n');
            width = 0;
        }
        text.push_str(if width == 0 { INDENT } else { " " });
        text.push_str(word);
        width += chars + usize::from(width > 0);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lose_their_address() {
        assert_eq!(plain("see [scripts](../a.md#run), and [x]."), "see scripts, and [x].");
        assert_eq!(plain("`a[0]` is [one](b)"), "`a[0]` is one");
    }

    #[test]
    fn lines_of_a_sentence_are_joined_and_those_of_a_list_or_table_are_not() {
        let text =
            "# NX0001 Bad\n\nOne that\ngoes on.\n\n- a\n  b\n- c\n1. d\n\n| e |\n|---|\n| f |\n";
        let shown = Page::read("NX0001", text).for_people();
        let shown: Vec<&str> = shown.lines().skip(1).map(str::trim).collect();
        assert_eq!(shown, ["One that goes on.", "", "- a b", "- c", "1. d", "", "| e |", "| f |"]);
    }

    #[test]
    fn a_page_is_read_and_shown() {
        let page =
            Page::read("NX0001", "# NX0001 Bad\n\n## What\n\nIt is [bad](x).\n\n```\ncode\n```\n");
        assert_eq!((page.code, page.title), ("NX0001", "Bad"));
        let shown = page.for_people().replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        assert_eq!(shown, "NX0001  Bad\n  What\n    It is bad.\n\n      code");
    }
}
