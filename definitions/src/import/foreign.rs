//! Conditions of other programs, in Python's or JavaScript's words, as expressions of ours.
//!
//! Comparisons, arithmetic, `and`, `or`, `not` and paths into values are translated; calls, ternaries of JavaScript and
//! what compiles to no expression of ours are refused with a reason, never guessed.

use std::iter::Peekable;
use std::str::CharIndices;

use nexus_model::expression::Condition;
use serde_json::{Value, json};

/// Translates `source`. `name` says what a name and the path behind it are in the definition.
///
/// # Errors
/// What is not translated, for a message.
pub(super) fn translate(
    source: &str,
    name: &mut dyn FnMut(&str, &[String]) -> String,
) -> Result<String, String> {
    let mut translation = Translation {
        source,
        rest: source.char_indices().peekable(),
        words: Vec::new(),
        brackets: vec![Bracket::default()],
    };
    while translation.step(name)? {}
    let expression = joined(&translation.words);
    Condition::compile(&expression).map_err(|error| error.message)?;
    Ok(expression)
}

/// A text with `{{ name.path }}` in it (`opening` and `closing` say how that is written) as a template of ours.
/// What is not a path stays as it is.
pub(super) fn template(
    text: &str,
    (opening, closing): (&str, &str),
    name: &mut dyn FnMut(&str, &[String]) -> Option<String>,
) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(opening) {
        let Some((inside, behind)) = after.split_once(closing) else { break };
        let mut path = inside.trim().split('.').map(str::to_owned);
        let root = path.next().unwrap_or_default();
        let path: Vec<String> = path.collect();
        let sound =
            is_word(&root) && path.iter().all(|part| is_word(part)) && !before.ends_with('$');
        made += &escaped(before);
        if let Some(expression) = name(&root, &path).filter(|_| sound) {
            made.extend(["${{ ", &expression, " }}"]);
        } else {
            let kept = format!("{opening}{inside}{closing}");
            made += if made.ends_with('$') && kept.starts_with("{{") { "$" } else { "" };
            made += &kept;
        }
        rest = behind;
    }
    made + &escaped(rest)
}

/// Text that means itself in a template.
pub(super) fn escaped(text: &str) -> String {
    text.replace("${{", "$${{")
}

/// A value in which every text means itself.
pub(super) fn literal(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(&text)),
        Value::Array(items) => items.into_iter().map(literal).collect(),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, literal(value))).collect())
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// The output of `step` in an expression, or what lies at `path` in it.
pub(super) fn output(step: &str, path: &[String], otherwise: &str) -> String {
    let base = if is_word(step) {
        format!("steps.{step}.output")
    } else {
        format!("steps[{}].output", json!(step))
    };
    if path.is_empty() { base } else { reach(&base, path, otherwise) }
}

/// The steps whose outputs the expressions in `text` ask for, as [`output`] writes that.
pub(super) fn outputs_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in text.split("steps").skip(1) {
        if let Some(rest) = rest.strip_prefix('.') {
            found.extend(rest.split_once(".output").map(|(step, _)| step.to_owned()));
        } else if let Some(rest) = rest.strip_prefix('[') {
            let mut reader = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            found.extend(reader.next().and_then(Result::ok));
        }
    }
    found
}

/// What lies at `path` in `base`, also where levels are missing.
pub(super) fn reach(base: &str, path: &[String], otherwise: &str) -> String {
    format!("get({base}, {}, {otherwise})", json!(path.join(".")))
}

/// Whether it can be a name in an expression.
pub(super) fn is_word(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// An open bracket, and the condition around all.
#[derive(Default)]
struct Bracket {
    /// Whether a comparison came since the last `and` or `or`: a second one would chain.
    compared: bool,
    /// Whether it closes a negation as well.
    negated: bool,
}

struct Translation<'t> {
    source: &'t str,
    rest: Peekable<CharIndices<'t>>,
    words: Vec<String>,
    brackets: Vec<Bracket>,
}

impl Translation<'_> {
    /// Takes one word; false at the end.
    fn step(&mut self, name: &mut dyn FnMut(&str, &[String]) -> String) -> Result<bool, String> {
        while self.rest.next_if(|(_, character)| character.is_whitespace()).is_some() {}
        let Some((at, first)) = self.rest.peek().copied() else { return Ok(false) };
        match first {
            '\'' | '"' => {
                let text = self.text()?;
                self.words.push(json!(text).to_string());
            }
            first if first.is_ascii_digit() => {
                let number = self.while_in(at, |next| next.is_ascii_digit() || next == '.');
                self.words.push(number);
            }
            first if first.is_ascii_alphabetic() || first == '_' => {
                let word = self.word(at);
                self.named(&word, name)?;
            }
            _ => self.operator(at, name)?,
        }
        Ok(true)
    }

    fn while_in(&mut self, start: usize, fits: impl Fn(char) -> bool) -> String {
        let mut end = start;
        while let Some((at, next)) = self.rest.next_if(|(_, next)| fits(*next)) {
            end = at + next.len_utf8();
        }
        self.source[start..end].to_owned()
    }

    fn word(&mut self, start: usize) -> String {
        self.while_in(start, |next| next.is_ascii_alphanumeric() || next == '_')
    }

    fn text(&mut self) -> Result<String, String> {
        let quote = self.rest.next().map(|(_, quote)| quote);
        let mut text = String::new();
        while let Some((_, next)) = self.rest.next() {
            match next {
                '\\' => text.extend(self.rest.next().map(|(_, escaped)| escaped)),
                next if Some(next) == quote => return Ok(text),
                next => text.push(next),
            }
        }
        Err("a text does not end".to_owned())
    }

    fn named(
        &mut self,
        word: &str,
        name: &mut dyn FnMut(&str, &[String]) -> String,
    ) -> Result<(), String> {
        match word {
            "and" | "or" | "if" | "else" => self.joint(word),
            "not" | "in" => self.words.push(word.to_owned()),
            "is" => self.compare("==")?,
            "True" | "true" => self.words.push("true".to_owned()),
            "False" | "false" => self.words.push("false".to_owned()),
            "None" | "null" | "undefined" => self.words.push("null".to_owned()),
            word => {
                let found = self.value(word, name)?;
                self.words.push(found);
            }
        }
        // `is not` became `== not`.
        if let [.., comparison, not] = self.words.as_mut_slice()
            && (comparison.as_str(), not.as_str()) == ("==", "not")
        {
            "!=".clone_into(comparison);
            self.words.pop();
        }
        Ok(())
    }

    /// A name and the path behind it.
    fn value(
        &mut self,
        root: &str,
        name: &mut dyn FnMut(&str, &[String]) -> String,
    ) -> Result<String, String> {
        let mut path = Vec::new();
        loop {
            match self.rest.peek().copied() {
                Some((_, '?')) => {
                    self.rest.next();
                    if self.rest.peek().is_none_or(|(_, next)| *next != '.') {
                        return Err("`?` of JavaScript".to_owned());
                    }
                }
                Some((at, '.')) => {
                    self.rest.next();
                    path.push(self.word(at + 1));
                }
                Some((_, '[')) => {
                    self.rest.next();
                    path.push(self.text_in_brackets(']')?);
                }
                Some((_, '(')) if path.last().is_some_and(|last| last == "get") => {
                    self.rest.next();
                    path.pop();
                    path.push(self.text_in_brackets(')')?);
                }
                Some((_, '(')) => return Err(format!("the call of `{}`", last(root, &path))),
                Some(_) | None => break,
            }
        }
        if let Some(strange) = path.iter().find(|part| part.is_empty() || part.contains('.')) {
            return Err(format!("`{strange}` behind `{root}`"));
        }
        let length = path.last().is_some_and(|last| last == "length") && path.pop().is_some();
        let found = name(root, &path);
        Ok(if length { format!("({found}) | length") } else { found })
    }

    fn text_in_brackets(&mut self, closing: char) -> Result<String, String> {
        let is_text = self.rest.peek().is_some_and(|(_, next)| matches!(next, '\'' | '"'));
        let text = if is_text { self.text()? } else { String::new() };
        match self.rest.next() {
            Some((_, next)) if is_text && next == closing => Ok(text),
            Some(_) | None => Err("what is in brackets behind a name".to_owned()),
        }
    }

    fn operator(
        &mut self,
        at: usize,
        name: &mut dyn FnMut(&str, &[String]) -> String,
    ) -> Result<(), String> {
        let rest = &self.source[at..];
        let known = ["===", "!==", "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!"];
        if let Some(operator) = known.into_iter().find(|known| rest.starts_with(known)) {
            for _ in operator.chars() {
                self.rest.next();
            }
            return match operator {
                "===" | "==" => self.compare("=="),
                "!==" | "!=" => self.compare("!="),
                "&&" => {
                    self.joint("and");
                    Ok(())
                }
                "||" => {
                    self.joint("or");
                    Ok(())
                }
                "!" => self.negated(name),
                comparison => self.compare(comparison),
            };
        }
        let Some((_, sign)) = self.rest.next() else { return Ok(()) };
        match sign {
            '(' => self.open(false),
            ')' if self.brackets.len() > 1 => {
                let closed = self.brackets.pop().is_some_and(|bracket| bracket.negated);
                self.words.push(if closed { "))" } else { ")" }.to_owned());
            }
            '+' | '-' | '*' | '/' | '%' | ',' | '[' | ']' => self.words.push(sign.to_string()),
            sign => return Err(format!("`{sign}`")),
        }
        Ok(())
    }

    /// `!` binds closer than `not` does.
    fn negated(&mut self, name: &mut dyn FnMut(&str, &[String]) -> String) -> Result<(), String> {
        match self.rest.peek().copied() {
            Some((_, '(')) => {
                self.rest.next();
                self.open(true);
                Ok(())
            }
            Some((at, first)) if first.is_ascii_alphabetic() || first == '_' => {
                let word = self.word(at);
                let value = self.value(&word, name)?;
                self.words.push(format!("(not {value})"));
                Ok(())
            }
            Some(_) | None => Err("`!`".to_owned()),
        }
    }

    fn open(&mut self, negated: bool) {
        self.brackets.push(Bracket { compared: false, negated });
        self.words.push(if negated { "(not (" } else { "(" }.to_owned());
    }

    fn joint(&mut self, word: &str) {
        self.words.push(word.to_owned());
        if let Some(bracket) = self.brackets.last_mut() {
            bracket.compared = false;
        }
    }

    fn compare(&mut self, comparison: &str) -> Result<(), String> {
        let Some(bracket) = self.brackets.last_mut() else { return Ok(()) };
        if std::mem::replace(&mut bracket.compared, true) {
            return Err("a comparison of more than two values".to_owned());
        }
        self.words.push(comparison.to_owned());
        Ok(())
    }
}

/// The words with a space between them, but not inside a bracket's edge.
fn joined(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        let tight = text.is_empty() || text.ends_with('(') || word.starts_with(')');
        text += if tight { "" } else { " " };
        text += word;
    }
    text
}

fn last<'p>(root: &'p str, path: &'p [String]) -> &'p str {
    path.last().map_or(root, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &str) {
        let mut name = |root: &str, path: &[String]| {
            if path.is_empty() { format!("inputs.{root}") } else { output(root, path, "null") }
        };
        let made = translate(source, &mut name).unwrap_or_else(|reason| format!("no: {reason}"));
        assert_eq!(made, expected, "{source}");
    }

    #[test]
    fn conditions_of_python_and_javascript_are_translated() {
        check("kind == 'bug'", r#"inputs.kind == "bug""#);
        check(
            "kind == 'bug' and urgent == True",
            r#"inputs.kind == "bug" and inputs.urgent == true"#,
        );
        check("triage['kind'] is not None", r#"get(steps.triage.output, "kind", null) != null"#);
        check("triage.get('kind') is None", r#"get(steps.triage.output, "kind", null) == null"#);
        check("kind in ['a', 'b']", r#"inputs.kind in [ "a" , "b" ]"#);
        check("not (a or b)", "not (inputs.a or inputs.b)");
        check("r.rate < 0.05", r#"get(steps.r.output, "rate", null) < 0.05"#);
        check(
            "r.ok === true && r.n !== 3",
            r#"get(steps.r.output, "ok", null) == true and get(steps.r.output, "n", null) != 3"#,
        );
        check(
            "!r.ok || !(a && b)",
            r#"(not get(steps.r.output, "ok", null)) or (not (inputs.a and inputs.b))"#,
        );
        check("r?.a?.b == 1", r#"get(steps.r.output, "a.b", null) == 1"#);
        check("r.items.length > 2", r#"(get(steps.r.output, "items", null)) | length > 2"#);
    }

    #[test]
    fn what_is_not_translated_is_named_and_not_guessed() {
        check("f(x)", "no: the call of `f`");
        check("x.strip() == 'a'", "no: the call of `strip`");
        check("1 < x < 5", "no: a comparison of more than two values");
        check("a ? b : c", "no: `?`");
        check("'a", "no: a text does not end");
        check("x[0] == 1", "no: what is in brackets behind a name");
        check("a = 1", "no: `=`");
        for broken in ["", "a ==", ") (", "a b", "lambda: 1"] {
            assert!(translate(broken, &mut |root, _| root.to_owned()).is_err(), "{broken}");
        }
    }

    #[test]
    fn outputs_are_found_as_they_are_written() {
        let text = format!(
            "${{{{ {} == {} }}}}",
            output("a_1", &[], ""),
            output("b c \"]", &["x".to_owned()], "null")
        );
        assert_eq!(outputs_in(&text), ["a_1", "b c \"]"]);
        assert!(outputs_in("steps of [work]").is_empty());
    }

    #[test]
    fn templates_keep_what_is_no_path() {
        let mut name =
            |root: &str, path: &[String]| (root != "x").then(|| output(root, path, "null"));
        let mut made = |text: &str| template(text, ("{{", "}}"), &mut name);
        assert_eq!(made("to {{ a.b }}!"), r#"to ${{ get(steps.a.output, "b", null) }}!"#);
        assert_eq!(made("{{x}} {{a b}} {{"), "{{x}} {{a b}} {{");
        assert_eq!(made("${{ a.b }}"), "$${{ a.b }}");
    }
}
