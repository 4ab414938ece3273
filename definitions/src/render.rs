//! Problems as people see them: the line, a caret under it, and what to do.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::problem::{Problem, Severity};
use crate::source::{offset_of, without_mark};

/// Shows `problem` of `text`, with escape codes for colours if `color`. Ends without a line break.
pub fn render(problem: &Problem, text: &str, color: bool) -> String {
    let text = without_mark(text);
    let start = offset_of(text, problem.line.into(), problem.column.into());
    let rest = text.get(start..).unwrap_or_default();
    let length = rest
        .chars()
        .take(problem.length as usize)
        .take_while(|char| !matches!(char, '\n' | '\r'))
        .map(char::len_utf8)
        .sum::<usize>();
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let snippet = Snippet::source(text)
        .path(problem.file.as_str())
        .annotation(AnnotationKind::Primary.span(start..start + length));
    let mut group = level.primary_title(problem.message.as_str()).id(problem.code).element(snippet);
    if let Some(hint) = &problem.hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    group = group.element(
        Level::NOTE.with_name("more").message(format!("nexus-engine explain {}", problem.code)),
    );
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Unicode).term_width(120).render(&[group])
}
