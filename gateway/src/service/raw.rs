//! Binary values in an output.

use nexus_engine::handler::Blob;
use serde_json::Value;

use crate::api::Problem;
use crate::problems::exit;

/// The binary value at a path such as `body` or `pages.0`; without a path, the only one there is.
pub(super) fn find(output: &Value, path: Option<&str>) -> Result<Blob, Problem> {
    let Some(path) = path else {
        let mut found = Vec::new();
        gather(output, String::new(), &mut found);
        return match found.len() {
            0 => Err(none("there is no binary value in the output")),
            1 => Ok(found.remove(0).1),
            count => {
                let paths: Vec<&str> =
                    found.iter().map(|(path, _)| path.as_str()).take(5).collect();
                let message = format!("there are {count} binary values in the output");
                Err(none(&message).hint(format!("say which: --path {}", paths.join(", or "))))
            }
        };
    };
    let mut part = output;
    for key in path.split('.').filter(|key| !key.is_empty()) {
        let inner = match part {
            Value::Array(items) => key.parse().ok().and_then(|at: usize| items.get(at)),
            Value::Object(map) => map.get(key),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        part = inner.ok_or_else(|| none(&format!("the output has no `{key}`")))?;
    }
    Blob::of(part).ok_or_else(|| none(&format!("what is at `{path}` is no binary value")))
}

fn gather(value: &Value, path: String, found: &mut Vec<(String, Blob)>) {
    if let Some(blob) = Blob::of(value) {
        return found.push((path, blob));
    }
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                gather(item, under(&at.to_string()), found);
            }
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| gather(item, under(key), found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn none(message: &str) -> Problem {
    Problem::new("NX3033", exit::NOT_FOUND, message)
        .hint("see what it returned: nexus-engine get RUN --step STEP --output")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn blob(at: u8) -> Value {
        let hash = format!("{at:02x}").repeat(32);
        json!({"$payload": {"bytes": 3, "content_type": "image/png", "hash": hash}})
    }

    #[test]
    fn the_only_one_is_found_without_a_path_and_others_by_theirs() {
        assert!(find(&blob(1), None).is_ok());
        assert!(find(&json!({"status": 200, "body": blob(1)}), None).is_ok());
        let two = json!({"pages": [blob(1), {"scan": blob(2)}]});
        let found = find(&two, Some("pages.1.scan")).expect("it is there");
        assert_eq!(found.to_value(), blob(2));
        let problem = find(&two, None).expect_err("there are two");
        assert_eq!(problem.hint.as_deref(), Some("say which: --path pages.0, or pages.1.scan"));
        for (value, path) in [(json!({}), None), (json!(1), Some("a")), (two, Some("pages"))] {
            assert_eq!(find(&value, path).expect_err("none is there").code, "NX3033");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for (key, value) in [("hash", json!("zz")), ("content_type", json!("json"))] {
            let mut wrong = blob(1);
            wrong["$payload"][key] = value;
            assert!(Blob::of(&wrong).is_none(), "{wrong}");
        }
        let mut more = blob(1);
        more["also"] = json!(1);
        assert!(Blob::of(&more).is_none());
    }
}
