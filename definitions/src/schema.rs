//! JSON Schema for editors, made from the key tables that the reader uses.
//!
//! The kind of a step is told by its key, so the schema is a chain of `if`, `then`, `else` over those keys: with `oneOf` an
//! editor would report one failure per kind for a single typing error.

use serde_json::{Map, Value, json};

use crate::keys::{
    CASE, GROUP, INPUT, INPUT_TYPES, KINDS, Key, Kind, RETRY, STEP_CONCURRENCY, Shape, TOP,
    TRIGGER, Table, undo_keys, undo_kinds,
};

/// What is called if it is a file, as [`is_file`](nexus_model::definition::is_file) tells.
const FILE: &str = "/|.\\.ya?ml$";

/// The JSON Schema (draft 2020-12) of `*.workflow.yaml`, published as `nexus-workflow.schema.json`.
pub fn json_schema() -> Value {
    let mut schema = object(TOP.keys.iter(), TOP.required);
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("$id".to_owned(), json!("nexus-workflow.schema.json"));
    schema.insert("title".to_owned(), json!("nexus-engine workflow"));
    schema.insert("$defs".to_owned(), Value::Object(definitions()));
    Value::Object(schema)
}

fn definitions() -> Map<String, Value> {
    let mut defs = Map::new();
    for table in [&INPUT, &RETRY, &GROUP] {
        defs.insert(
            table.name.to_owned(),
            Value::Object(object(table.keys.iter(), table.required)),
        );
    }
    for kind in &KINDS {
        defs.insert(
            format!("step_{}", kind.key.name),
            Value::Object(object(kind.keys(), &[kind.key.name])),
        );
    }
    // A file that is called has no version.
    defs["step_call"]["if"] = json!({ "properties": { "call": { "pattern": FILE } } });
    defs["step_call"]["then"] = json!({ "properties": { "version": false } });
    for kind in undo_kinds() {
        defs.insert(
            format!("undo_{}", kind.key.name),
            Value::Object(object(undo_keys(kind), &[kind.key.name])),
        );
    }
    defs.insert("step".to_owned(), one_of("step", "A step", KINDS.iter()));
    defs.insert("undo".to_owned(), one_of("undo", "An undo", undo_kinds()));
    defs
}

/// A map with these keys and no others.
fn object<'k>(keys: impl Iterator<Item = &'k Key>, required: &[&str]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        keys.map(|key| (key.name.to_owned(), documented(key))).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn documented(key: &Key) -> Value {
    let mut schema = shape(key.shape);
    if let Value::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(key.doc));
    }
    schema
}

/// A map whose kind is told by its key.
fn one_of(name: &str, noun: &str, kinds: impl Iterator<Item = &'static Kind>) -> Value {
    let kinds: Vec<&Kind> = kinds.collect();
    let names: Vec<&str> = kinds.iter().map(|kind| kind.key.name).collect();
    let none =
        json!({ "not": {}, "description": format!("{noun} has one of: {}", names.join(", ")) });
    let chain = |rest: Value, kind: &Kind| {
        let key = kind.key.name;
        json!({ "if": { "required": [key] }, "then": { "$ref": format!("#/$defs/{name}_{key}") }, "else": rest })
    };
    let mut map = kinds.into_iter().rev().fold(none, chain);
    map["type"] = json!("object");
    map
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Header => json!({ "const": "v1" }),
        Shape::Text => json!({ "type": "string", "pattern": "\\S" }),
        Shape::Count(least) => json!({ "type": "integer", "minimum": least, "maximum": u32::MAX }),
        Shape::Version => json!({ "type": ["integer", "string"], "minimum": 1, "pattern": "\\S" }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Any | Shape::Template => json!({}),
        Shape::AnyList => json!({ "type": "array", "minItems": 1 }),
        Shape::TemplateMap => json!({ "type": "object" }),
        Shape::Environment => json!({
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
            "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
        }),
        Shape::TextMap => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Shape::Condition => {
            json!({ "type": ["string", "boolean"], "pattern": "^\\s*\\$\\{\\{[\\s\\S]*\\S[\\s\\S]*\\}\\}\\s*$" })
        }
        Shape::Duration { .. } => json!({ "type": "string", "pattern": DURATION }),
        Shape::DurationTemplate => {
            json!({ "type": "string", "pattern": format!("{DURATION}|\\$\\{{\\{{") })
        }
        Shape::TextOrList => json!({ "type": ["string", "array"], "items": { "type": "string" } }),
        Shape::Choice(words) => json!({ "enum": words }),
        Shape::Retry => either(
            "object",
            &json!({ "$ref": "#/$defs/retry" }),
            &json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        ),
        Shape::Concurrency => either(
            "object",
            &fixed(&STEP_CONCURRENCY),
            &json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX }),
        ),
        Shape::Compensate => json!({ "$ref": "#/$defs/undo" }),
        Shape::Map(table) => fixed(table),
        Shape::Triggers => json!({ "type": "array", "items": fixed(&TRIGGER) }),
        Shape::Inputs => either(
            "object",
            &json!({ "additionalProperties": either("object", &json!({ "$ref": "#/$defs/input" }), &json!({ "enum": INPUT_TYPES })) }),
            &json!({ "enum": ["any", null] }),
        ),
        Shape::Form => json!({
            "type": "object",
            "additionalProperties": either("object", &json!({ "$ref": "#/$defs/input" }), &json!({ "enum": INPUT_TYPES })),
        }),
        Shape::Cases => json!({ "type": "array", "minItems": 1, "items": fixed(&CASE) }),
        Shape::Steps => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "if": { "type": "object", "required": ["group"] },
                "then": { "$ref": "#/$defs/group" },
                "else": { "$ref": "#/$defs/step" },
            },
        }),
        Shape::GroupSteps => json!({
            "type": "object",
            "minProperties": 1,
            "additionalProperties": { "$ref": "#/$defs/step" },
        }),
    }
}

const DURATION: &str = "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d|w))+$|^P[0-9T].*$";

fn fixed(table: &Table) -> Value {
    Value::Object(object(table.keys.iter(), table.required))
}

fn either(kind: &str, then: &Value, otherwise: &Value) -> Value {
    json!({ "if": { "type": kind }, "then": then, "else": otherwise })
}
