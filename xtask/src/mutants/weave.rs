//! All changes to a file at once, each behind a switch: `a < b` becomes `if switch(7) { a <= b } else { a < b }`. One build can
//! then try every change ("mutant schemata", Untch, Offutt and Harrold 1993).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use anyhow::{Result, ensure};

use super::change::{Change, Genre, Point};
use super::syntax::Places;

/// What the switch is called, from everywhere in the crate.
pub(super) const SWITCH: &str = "crate::mutant_switch";

/// A file with changes behind switches.
#[derive(Debug, Default)]
pub(super) struct Woven {
    pub(super) text: String,
    /// Parts of the text with the changes that they are there for: what is of one change alone, and what is around it.
    parts: Vec<(Range<usize>, Vec<usize>)>,
    /// Those that cannot stand behind a switch, such as in a constant.
    pub(super) apart: Vec<usize>,
}

/// A part of the file around which something is put. Of two about the same part the first in this order is outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    start: usize,
    end: Reverse<usize>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The statements of a function.
    Body,
    /// A guard, of an arm that may be missing.
    Arm,
    /// A guard that may say the same always.
    Guard,
    /// Where an arm has no guard.
    NoGuard,
    Expression,
}

/// What stands there instead, and the change that it is of.
type Instead = (usize, String);

/// Puts these changes, with their numbers, into a file.
pub(super) fn weave(text: &str, changes: &[(usize, &Change)]) -> Result<Woven> {
    let lines = Lines::of(text);
    let places = Places::of(text)?;
    let mut sites: BTreeMap<Site, Vec<Instead>> = BTreeMap::new();
    let mut woven = Woven::default();
    for &(number, change) in changes {
        let span = lines.at(text, change.span.start)..lines.at(text, change.span.end);
        ensure!(text.get(span.clone()).is_some(), "{}: no such place", change.name);
        match site(text, &places, change, span) {
            Some((site, instead)) => sites.entry(site).or_default().push((number, instead)),
            None => woven.apart.push(number),
        }
    }
    let mut open: Vec<(Site, usize, Vec<usize>)> = Vec::new();
    let mut at = 0;
    for (site, mut insteads) in sites {
        // Of a guard, `true` stands outside of `false`.
        insteads.sort_by_key(|(number, instead)| (instead != "true", *number));
        woven.close(&mut open, &mut at, text, site.start);
        woven.text += &text[at..site.start];
        at = site.start;
        let begun = woven.text.len();
        woven.open(site.kind, &insteads);
        open.push((site, begun, insteads.iter().map(|(number, _)| *number).collect()));
    }
    woven.close(&mut open, &mut at, text, usize::MAX);
    woven.text += &text[at..];
    Ok(woven)
}

/// Where a change is made, and what stands there then; `None`: it cannot be behind a switch.
fn site(
    text: &str,
    places: &Places,
    change: &Change,
    span: Range<usize>,
) -> Option<(Site, String)> {
    let site =
        |range: &Range<usize>, kind| Site { start: range.start, end: Reverse(range.end), kind };
    let is_constant = match change.genre {
        // A body may begin with a constant.
        Genre::FnValue => places.is_in_constant_function(span.start),
        Genre::BinaryOperator
        | Genre::UnaryOperator
        | Genre::MatchArm
        | Genre::MatchArmGuard
        | Genre::StructField => places.is_constant(span.start),
    };
    if is_constant {
        return None;
    }
    let changed = |range: &Range<usize>| {
        let (before, after) = (&text[range.start..span.start], &text[span.end..range.end]);
        Some((site(range, Kind::Expression), format!("{before}{}{after}", change.replacement)))
    };
    match change.genre {
        Genre::FnValue => Some((site(&span, Kind::Body), change.replacement.clone())),
        Genre::BinaryOperator | Genre::UnaryOperator => {
            changed(places.operations.get(&span.start)?)
        }
        Genre::StructField => {
            let holds = |range: &&Range<usize>| range.start <= span.start && span.end <= range.end;
            changed(places.structs.iter().filter(holds).min_by_key(|range| range.len())?)
        }
        Genre::MatchArm => Some(match places.arms.get(&span.start)? {
            (_, Some(guard)) => (site(guard, Kind::Arm), String::new()),
            (end, None) => (site(&(*end..*end), Kind::NoGuard), String::new()),
        }),
        Genre::MatchArmGuard => Some((site(&span, Kind::Guard), change.replacement.clone())),
    }
}

impl Woven {
    /// Writes what stands before a site.
    fn open(&mut self, kind: Kind, insteads: &[Instead]) {
        if kind == Kind::Expression {
            self.text += "(";
        }
        for (number, instead) in insteads {
            let begun = self.text.len();
            let switched = format!("{SWITCH}({number})");
            let before = match kind {
                Kind::Body => format!("if {switched} {{ return {instead}; }} "),
                Kind::NoGuard => format!(" if !{switched}"),
                Kind::Guard if instead == "true" => format!("{switched} || "),
                Kind::Arm | Kind::Guard => format!("!{switched} && "),
                Kind::Expression => format!("if {switched} {{ {instead} }} else "),
            };
            self.text.push_str(&before);
            self.parts.push((begun..self.text.len(), vec![*number]));
        }
        self.text += match kind {
            Kind::Body | Kind::NoGuard => "",
            Kind::Arm | Kind::Guard => "(",
            Kind::Expression => "{ ",
        };
    }

    /// Writes what stands behind the sites that end before `until`.
    fn close(
        &mut self,
        open: &mut Vec<(Site, usize, Vec<usize>)>,
        at: &mut usize,
        text: &str,
        until: usize,
    ) {
        while let Some((site, begun, numbers)) = open.pop_if(|(site, ..)| site.end.0 <= until) {
            self.text += &text[*at..site.end.0];
            *at = site.end.0;
            self.text += match site.kind {
                Kind::Body | Kind::NoGuard => "",
                Kind::Arm | Kind::Guard => ")",
                Kind::Expression => " })",
            };
            self.parts.push((begun..self.text.len(), numbers));
        }
    }

    /// The changes that an error at this place of the text is of.
    pub(super) fn blamed(&self, place: &Range<usize>) -> &[usize] {
        let holds =
            |(range, _): &&(Range<usize>, _)| range.start <= place.start && place.end <= range.end;
        let narrowest = self.parts.iter().filter(holds).min_by_key(|(range, _)| range.len());
        narrowest.map_or(&[], |(_, numbers)| numbers)
    }
}

/// Where the lines of a text begin, in bytes.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// How many bytes are before a place.
    fn at(&self, text: &str, point: Point) -> usize {
        let line = self.0.get(point.line - 1).copied().unwrap_or(text.len());
        let before: usize = text[line..].chars().take(point.column - 1).map(char::len_utf8).sum();
        line + before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of what stands between brackets in the text.
    fn change(marked: &str, genre: Genre, replacement: &str) -> (String, Change) {
        let (before, rest) = marked.split_once('⟦').expect("marked");
        let (inside, after) = rest.split_once('⟧').expect("marked");
        let point = |text: &str| {
            let line = text.lines().last().filter(|_| !text.ends_with('\n')).unwrap_or_default();
            Point { line: text.matches('\n').count() + 1, column: line.chars().count() + 1 }
        };
        let start = point(before);
        let end = point(&format!("{before}{inside}"));
        let change = Change {
            name: String::new(),
            file: String::new(),
            genre,
            replacement: replacement.to_owned(),
            span: super::super::change::Place { start, end },
        };
        (format!("{before}{inside}{after}"), change)
    }

    fn woven(marked: &[(&str, Genre, &str)]) -> Woven {
        let changes: Vec<_> =
            marked.iter().map(|(text, genre, with)| change(text, *genre, with)).collect();
        let numbered: Vec<_> = changes.iter().map(|(_, change)| change).enumerate().collect();
        let woven = weave(&changes[0].0, &numbered).expect("it can be woven");
        syn::parse_file(&woven.text).unwrap_or_else(|error| panic!("{error}: {}", woven.text));
        woven
    }

    fn text(marked: &[(&str, Genre, &str)]) -> String {
        woven(marked).text.replace("crate::mutant_switch", "m")
    }

    #[test]
    fn an_operator_is_changed_in_what_was_written_and_those_inside_stay_behind_their_own_switches()
    {
        let nested = text(&[
            ("fn f() -> bool { a + b ⟦<⟧ c }", Genre::BinaryOperator, "<="),
            ("fn f() -> bool { a ⟦+⟧ b < c }", Genre::BinaryOperator, "-"),
        ]);
        assert_eq!(
            nested,
            "fn f() -> bool { (if m(0) { a + b <= c } else { (if m(1) { a - b } else { a + b }) < c }) }"
        );
        let twice = text(&[
            ("fn f() { x ⟦+=⟧ 1; }", Genre::BinaryOperator, "-="),
            ("fn f() { x ⟦+=⟧ 1; }", Genre::BinaryOperator, "*="),
        ]);
        assert_eq!(
            twice,
            "fn f() { (if m(0) { x -= 1 } else if m(1) { x *= 1 } else { x += 1 }); }"
        );
        let not = text(&[("fn f() -> bool { ⟦!⟧a }", Genre::UnaryOperator, "")]);
        assert_eq!(not, "fn f() -> bool { (if m(0) { a } else { !a }) }");
    }

    #[test]
    fn a_function_returns_something_else_before_it_does_anything() {
        let body = text(&[
            ("fn f() -> bool { ⟦a && b⟧ }", Genre::FnValue, "true"),
            ("fn f() -> bool { ⟦a && b⟧ }", Genre::FnValue, "false"),
            ("fn f() -> bool { a ⟦&&⟧ b }", Genre::BinaryOperator, "||"),
        ]);
        assert_eq!(
            body,
            "fn f() -> bool { if m(0) { return true; } if m(1) { return false; } (if m(2) { a || b } else { a && b }) }"
        );
    }

    #[test]
    fn an_arm_is_missing_and_a_guard_says_the_same_always() {
        let arms = text(&[
            ("fn f() { match x { ⟦1 if a => {}⟧ 2 => {} _ => {} } }", Genre::MatchArm, ""),
            ("fn f() { match x { 1 if a => {} ⟦2 => {}⟧ _ => {} } }", Genre::MatchArm, ""),
            ("fn f() { match x { 1 if ⟦a⟧ => {} 2 => {} _ => {} } }", Genre::MatchArmGuard, "true"),
            (
                "fn f() { match x { 1 if ⟦a⟧ => {} 2 => {} _ => {} } }",
                Genre::MatchArmGuard,
                "false",
            ),
        ]);
        assert_eq!(
            arms,
            "fn f() { match x { 1 if !m(0) && (m(2) || !m(3) && (a)) => {} 2 if !m(1) => {} _ => {} } }"
        );
    }

    #[test]
    fn a_field_comes_from_the_rest() {
        let field = text(&[("fn f() -> S { S { ⟦a: 1,⟧ ..s } }", Genre::StructField, "")]);
        assert_eq!(field, "fn f() -> S { (if m(0) { S {  ..s } } else { S { a: 1, ..s } }) }");
    }

    #[test]
    fn in_a_constant_there_is_no_switch() {
        for text in [
            "const A: u32 = 1 ⟦+⟧ 2;",
            "static A: u32 = 1 ⟦+⟧ 2;",
            "const fn f() -> u32 { 1 ⟦+⟧ 2 }",
            "fn f() { let a = [0; 1 ⟦+⟧ 2]; }",
            "struct S([u8; 1 ⟦+⟧ 2]);",
            "impl S { const A: u32 = 1 ⟦+⟧ 2; }",
        ] {
            assert_eq!(woven(&[(text, Genre::BinaryOperator, "-")]).apart, [0], "{text}");
        }
        let body = "fn f() -> u32 { ⟦const A: u32 = 1; A⟧ }";
        assert_eq!(woven(&[(body, Genre::FnValue, "2")]).apart, Vec::<usize>::new());
        let constant = "const fn f() -> u32 { ⟦1⟧ }";
        assert_eq!(woven(&[(constant, Genre::FnValue, "2")]).apart, [0]);
        let chain = "fn f() { if let A = b ⟦&&⟧ c {} }";
        assert_eq!(woven(&[(chain, Genre::BinaryOperator, "||")]).apart, [0]);
        let all = "fn f() { match x { ⟦Some(1) => {}⟧ _ if a => {} None => {} } }";
        assert_eq!(woven(&[(all, Genre::MatchArm, "")]).apart, [0]);
    }

    #[test]
    fn an_error_is_blamed_on_the_change_that_stands_there() {
        let woven = woven(&[
            ("fn ä() -> u8 { ⟦a + b⟧ }", Genre::FnValue, "\"text\""),
            ("fn ä() -> u8 { a ⟦+⟧ b }", Genre::BinaryOperator, "-"),
        ]);
        let blamed = |text: &str| {
            let start = woven.text.find(text).expect("it is there");
            woven.blamed(&(start..start + text.len())).to_vec()
        };
        assert_eq!(blamed("\"text\""), [0]);
        assert_eq!(blamed("a - b"), [1]);
        assert_eq!(blamed("a + b"), [1]);
        assert_eq!(blamed("fn"), Vec::<usize>::new());
    }
}
