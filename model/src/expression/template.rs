//! Templates: JSON values whose strings may hold `${{ expression }}`.

use std::collections::BTreeMap;

use minijinja::value::Value;
use serde_json::Value as Json;

use super::scope::Scope;
use super::value::{RESULT_BYTES_MAX, RESULT_DEPTH_MAX, json_as_text, text_of, to_json, too_deep};
use super::{EvalError, Expression, Found, ItemNames, Reference, SecretPlace, SyntaxError, secret};
use crate::plan::DefinitionError;

/// Longest value a template may become, as JSON, in bytes: what fits a frame of the log.
const RENDERED_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A compiled template.
#[derive(Debug)]
pub struct Template {
    node: Node,
}

impl Default for Template {
    /// `null`.
    fn default() -> Self {
        Self { node: Node::Literal(Json::Null) }
    }
}

#[derive(Debug)]
enum Node {
    Literal(Json),
    Value(Box<Expression>),
    Text(Vec<Part>),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
    /// What a handler of scripts gets; the last is the step's own environment, over the workflow's.
    Script {
        text: Box<Self>,
        shell: Option<String>,
        env: Vec<(String, Self)>,
    },
}

#[derive(Debug)]
enum Part {
    Plain(String),
    Expression(Expression),
}

impl Template {
    /// Compiles `value`.
    ///
    /// # Errors
    /// Everything that is wrong. Paths begin at `value`, byte ranges are those of the string at the path.
    pub fn compile(value: &Json) -> Result<Self, Vec<DefinitionError>> {
        Self::compile_with(value, None)
    }

    /// `value` as it stands, whatever its strings hold.
    pub(crate) fn literally(value: Json) -> Self {
        Self { node: Node::Literal(value) }
    }

    /// Compiles `value`, in which the names of an item are known.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub(crate) fn compile_with(
        value: &Json,
        item: Option<&ItemNames>,
    ) -> Result<Self, Vec<DefinitionError>> {
        let mut compiler = Compiler { path: Vec::new(), errors: Vec::new(), item };
        let node = compiler.node(value);
        compiler.finish(node)
    }

    /// Compiles the input of a script: `{"script": …, "shell": …, "env": …}`. The workflow's environment is added when it is
    /// rendered, and all values of the environment become text.
    ///
    /// # Errors
    /// As [`compile`](Self::compile); paths begin with `run` or `env`.
    pub(crate) fn compile_script(
        text: &str,
        shell: Option<&str>,
        env: &BTreeMap<String, Json>,
        workflow_env: &Self,
        item: Option<&ItemNames>,
    ) -> Result<Self, Vec<DefinitionError>> {
        let mut compiler = Compiler { path: Vec::new(), errors: Vec::new(), item };
        let text = compiler.within("run", |compiler| compiler.text(text));
        let env: Vec<(String, Node)> = compiler.within("env", |compiler| {
            let entry = |(key, value): (&String, &Json)| {
                (key.clone(), compiler.within(key, |compiler| compiler.node(value)))
            };
            env.iter().map(entry).collect()
        });
        let literal =
            text.literal().is_some() && env.iter().all(|(_, node)| node.literal().is_some());
        let node = match workflow_env.node.literal() {
            Some(base) if literal => {
                let own =
                    env.iter().map(|(key, node)| (key, node.literal().unwrap_or(&Json::Null)));
                let script = text.literal().map(json_as_text).unwrap_or_default();
                Node::Literal(script_input(&script, shell, base, own))
            }
            _ => Node::Script { text: Box::new(text), shell: shell.map(str::to_owned), env },
        };
        compiler.finish(node)
    }

    /// Whether it holds no expression.
    pub fn is_literal(&self) -> bool {
        self.literal().is_some()
    }

    /// Its value, if it holds no expression.
    pub fn literal(&self) -> Option<&Json> {
        self.node.literal()
    }

    /// What its expressions refer to.
    pub fn references(&self) -> Vec<Found<'_>> {
        let mut found = Vec::new();
        self.node
            .walk(&mut Vec::new(), &mut |path, expression| found.extend(expression.found(path)));
        found
    }

    /// Where secrets have to be filled in, in what it renders.
    pub(crate) fn secrets(&self) -> Vec<SecretPlace> {
        let mut places = Vec::new();
        self.node.walk(&mut Vec::new(), &mut |path, expression| {
            secret::collect(&mut places, path, &expression.references);
        });
        places
    }

    /// Renders it.
    ///
    /// # Errors
    /// [`EvalError`].
    pub fn render(&self, scope: &Scope<'_>) -> Result<Json, EvalError> {
        self.render_up_to(scope, RESULT_BYTES_MAX)
    }

    /// Renders it, where one expression may give as much as a whole template.
    ///
    /// # Errors
    /// [`EvalError`].
    pub(crate) fn render_large(&self, scope: &Scope<'_>) -> Result<Json, EvalError> {
        self.render_up_to(scope, RENDERED_BYTES_MAX)
    }

    fn render_up_to(&self, scope: &Scope<'_>, result_bytes_max: usize) -> Result<Json, EvalError> {
        if let Some(literal) = self.literal() {
            return Ok(literal.clone());
        }
        let env = match &self.node {
            Node::Script { .. } => Some(scope.plan.env.render(scope)?),
            Node::Literal(_) | Node::Value(_) | Node::Text(_) | Node::List(_) | Node::Map(_) => {
                None
            }
        };
        let mut references: Vec<&Reference> = Vec::new();
        self.node
            .walk(&mut Vec::new(), &mut |_, expression| references.extend(&expression.references));
        let values = scope.values(references.into_iter())?;
        let mut renderer = Renderer { values, env, left: RENDERED_BYTES_MAX, result_bytes_max };
        renderer.node(&self.node, 0)
    }
}

/// The JSON a handler of scripts gets.
fn script_input<'e>(
    script: &str,
    shell: Option<&str>,
    base: &'e Json,
    own: impl Iterator<Item = (&'e String, &'e Json)>,
) -> Json {
    let mut env = serde_json::Map::new();
    let base = base.as_object().into_iter().flatten();
    for (key, value) in base.chain(own) {
        env.insert(key.clone(), Json::String(json_as_text(value)));
    }
    serde_json::json!({ "script": script, "shell": shell, "env": env })
}

impl Node {
    fn literal(&self) -> Option<&Json> {
        match self {
            Self::Literal(value) => Some(value),
            Self::Value(_) | Self::Text(_) | Self::List(_) | Self::Map(_) | Self::Script { .. } => {
                None
            }
        }
    }

    /// Visits all expressions with their paths.
    fn walk<'n>(
        &'n self,
        path: &mut Vec<String>,
        visit: &mut impl FnMut(&[String], &'n Expression),
    ) {
        match self {
            Self::Literal(_) => {}
            Self::Value(expression) => visit(path, expression),
            Self::Text(parts) => {
                for part in parts {
                    if let Part::Expression(expression) = part {
                        visit(path, expression);
                    }
                }
            }
            Self::List(nodes) => {
                for (at, node) in nodes.iter().enumerate() {
                    node.walk_in(at.to_string(), path, visit);
                }
            }
            Self::Map(nodes) => walk_map(nodes, path, visit),
            Self::Script { text, env, .. } => {
                text.walk_in("run".to_owned(), path, visit);
                path.push("env".to_owned());
                walk_map(env, path, visit);
                path.pop();
            }
        }
    }

    fn walk_in<'n>(
        &'n self,
        key: String,
        path: &mut Vec<String>,
        visit: &mut impl FnMut(&[String], &'n Expression),
    ) {
        path.push(key);
        self.walk(path, visit);
        path.pop();
    }
}

fn walk_map<'n>(
    nodes: &'n [(String, Node)],
    path: &mut Vec<String>,
    visit: &mut impl FnMut(&[String], &'n Expression),
) {
    for (key, node) in nodes {
        node.walk_in(key.clone(), path, visit);
    }
}

struct Compiler<'n> {
    path: Vec<String>,
    errors: Vec<DefinitionError>,
    item: Option<&'n ItemNames>,
}

impl Compiler<'_> {
    fn finish(self, node: Node) -> Result<Template, Vec<DefinitionError>> {
        if self.errors.is_empty() { Ok(Template { node }) } else { Err(self.errors) }
    }

    fn within<T>(&mut self, key: &str, compile: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_owned());
        let compiled = compile(self);
        self.path.pop();
        compiled
    }

    fn node(&mut self, value: &Json) -> Node {
        if self.path.len() > RESULT_DEPTH_MAX {
            let message = format!("the value nests deeper than {RESULT_DEPTH_MAX} levels");
            self.errors.push(SyntaxError::new("NX2301", 0..0, message).at(&self.path, 0));
            return Node::Literal(Json::Null);
        }
        match value {
            Json::Null | Json::Bool(_) | Json::Number(_) => Node::Literal(value.clone()),
            Json::String(text) => self.text(text),
            Json::Array(list) => {
                let entry = |(at, value): (usize, &Json)| {
                    self.within(&at.to_string(), |compiler| compiler.node(value))
                };
                let nodes: Vec<Node> = list.iter().enumerate().map(entry).collect();
                if nodes.iter().all(|node| node.literal().is_some()) {
                    return Node::Literal(nodes.into_iter().map(into_literal).collect());
                }
                Node::List(nodes)
            }
            Json::Object(map) => {
                let entry = |(key, value): (&String, &Json)| {
                    (key.clone(), self.within(key, |compiler| compiler.node(value)))
                };
                let nodes: Vec<(String, Node)> = map.iter().map(entry).collect();
                if nodes.iter().all(|(_, node)| node.literal().is_some()) {
                    let literal = |(key, node)| (key, into_literal(node));
                    return Node::Literal(Json::Object(nodes.into_iter().map(literal).collect()));
                }
                Node::Map(nodes)
            }
        }
    }

    fn text(&mut self, text: &str) -> Node {
        match parts(text, self.item) {
            Ok(mut parts) => match parts.as_mut_slice() {
                [] => Node::Literal(Json::String(String::new())),
                [Part::Plain(plain)] => Node::Literal(Json::String(std::mem::take(plain))),
                [Part::Expression(_)] => match parts.pop() {
                    Some(Part::Expression(expression)) => Node::Value(Box::new(expression)),
                    Some(Part::Plain(_)) | None => Node::Text(parts),
                },
                _ => Node::Text(parts),
            },
            Err((offset, error)) => {
                self.errors.push(error.at(&self.path, offset));
                Node::Literal(Json::Null)
            }
        }
    }
}

fn into_literal(node: Node) -> Json {
    match node {
        Node::Literal(value) => value,
        Node::Value(_) | Node::Text(_) | Node::List(_) | Node::Map(_) | Node::Script { .. } => {
            Json::Null
        }
    }
}

/// Splits a string at its expressions. An error comes with the place its range counts from.
fn parts(text: &str, item: Option<&ItemNames>) -> Result<Vec<Part>, (usize, SyntaxError)> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    let rest = |at: usize| text.get(at..).unwrap_or("");
    while let Some(found) = rest(at).find("${{") {
        let before = rest(at).get(..found).unwrap_or("");
        if let Some(escaped) = before.strip_suffix('$') {
            plain.push_str(escaped);
            plain.push_str("${{");
            at += found + 3;
            continue;
        }
        plain.push_str(before);
        let start = at + found + 3;
        let (mut expression, len) =
            Expression::compile(rest(start), item).map_err(|error| (start, error))?;
        expression.offset = start;
        if !rest(start + len).starts_with("}}") {
            let message = "`${{` is not closed with `}}`".to_owned();
            return Err((
                0,
                SyntaxError::new("NX2001", start - 3..text.len(), message)
                    .hint("write `$${{` if the text itself is meant"),
            ));
        }
        if !plain.is_empty() {
            parts.push(Part::Plain(std::mem::take(&mut plain)));
        }
        parts.push(Part::Expression(expression));
        at = start + len + 2;
    }
    plain.push_str(rest(at));
    if !plain.is_empty() {
        parts.push(Part::Plain(plain));
    }
    Ok(parts)
}

struct Renderer {
    values: Value,
    env: Option<Json>,
    left: usize,
    result_bytes_max: usize,
}

impl Renderer {
    fn node(&mut self, node: &Node, depth: usize) -> Result<Json, EvalError> {
        match node {
            Node::Literal(value) => Ok(value.clone()),
            Node::Value(expression) => self.value(expression, depth),
            Node::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Plain(plain) => text.push_str(plain),
                        Part::Expression(expression) => text.push_str(&self.text(expression)?),
                    }
                }
                Ok(Json::String(text))
            }
            Node::List(nodes) => nodes.iter().map(|node| self.node(node, depth + 1)).collect(),
            Node::Map(nodes) => nodes
                .iter()
                .map(|(key, node)| Ok((key.clone(), self.node(node, depth + 1)?)))
                .collect::<Result<_, _>>()
                .map(Json::Object),
            Node::Script { text, shell, env } => {
                let script = json_as_text(&self.node(text, 1)?);
                let mut own = Vec::new();
                for (key, node) in env {
                    own.push((key, self.node(node, 2)?));
                }
                let base = self.env.take().unwrap_or_default();
                let own = own.iter().map(|(key, value)| (*key, value));
                Ok(script_input(&script, shell.as_deref(), &base, own))
            }
        }
    }

    fn value(&mut self, expression: &Expression, depth: usize) -> Result<Json, EvalError> {
        let value = expression.eval(&self.values)?;
        let json = to_json(&value, self.result_bytes_max)
            .map_err(|error| expression.failed(&error, &self.values))?;
        let (bytes, levels) = measure(&json);
        if depth + levels > RESULT_DEPTH_MAX {
            return Err(expression.failed(&too_deep(), &self.values));
        }
        self.take(expression, bytes)?;
        Ok(json)
    }

    fn text(&mut self, expression: &Expression) -> Result<String, EvalError> {
        let text = text_of(&expression.eval(&self.values)?, RESULT_BYTES_MAX)
            .map_err(|error| expression.failed(&error, &self.values))?;
        self.take(expression, text.len())?;
        Ok(text)
    }

    fn take(&mut self, expression: &Expression, bytes: usize) -> Result<(), EvalError> {
        let Some(left) = self.left.checked_sub(bytes) else {
            let message = "the rendered value is over 8 MiB";
            let error = minijinja::Error::new(minijinja::ErrorKind::OutOfFuel, message);
            return Err(expression.failed(&error, &self.values));
        };
        self.left = left;
        Ok(())
    }
}

/// Bytes and levels of a JSON value, roughly.
fn measure(json: &Json) -> (usize, usize) {
    let add = |(bytes, depth): (usize, usize), (own, below): (usize, usize)| {
        (bytes + own, depth.max(below))
    };
    match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => (8, 0),
        Json::String(text) => (text.len() + 2, 0),
        Json::Array(list) => {
            let (bytes, depth) = list.iter().map(measure).fold((2, 0), add);
            (bytes, depth + 1)
        }
        Json::Object(map) => {
            let keys: usize = map.keys().map(|key| key.len() + 4).sum();
            let (bytes, depth) = map.values().map(measure).fold((2 + keys, 0), add);
            (bytes, depth + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::measure;

    #[test]
    fn a_value_is_measured() {
        for (value, measured) in [
            (json!(null), (8, 0)),
            (json!(true), (8, 0)),
            (json!("abc"), (5, 0)),
            (json!([]), (2, 1)),
            (json!([1, [2], "abc"]), (25, 2)),
            (json!({"ab": 1}), (16, 1)),
            (json!({"a": {"bcd": []}, "e": 1}), (31, 3)),
        ] {
            assert_eq!(measure(&value), measured, "{value}");
        }
    }
}
