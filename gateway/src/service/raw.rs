//! Binary values in an output.

use nexus_engine::handler::Blob;
use serde_json::Value;

use crate::api::Problem;
use crate::problems::exit;

/// How many paths are named.
const PATHS_MAX: usize = 5;

/// Why there is no such binary value in an output.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoBlob {
    /// There is none at all.
    Nowhere,
    /// There are several, such as these.
    Several(usize, Vec<String>),
    /// Nothing has this key.
    NoKey(String),
    /// What is at this path is another value.
    Another(String),
}

impl NoBlob {
    /// What is told about the output of this run, or of this step of it.
    pub(super) fn problem(&self, run: &str, step: Option<&str>) -> Problem {
        let message = match self {
            Self::Nowhere => "there is no binary value in the output".to_owned(),
            Self::Several(count, _) => format!("there are {count} binary values in the output"),
            Self::NoKey(key) => format!("the output has no `{key}`"),
            Self::Another(path) => format!("what is at `{path}` is no binary value"),
        };
        let hint = if let Self::Several(_, paths) = self {
            format!("say which: --path {}", paths.join(", or "))
        } else {
            let step = step.map(|step| format!(" --step {step}")).unwrap_or_default();
            format!("see what it returned: nexus-engine get {run}{step} --output")
        };
        Problem::new("NX3033", exit::NOT_FOUND, message).hint(hint).run(run)
    }
}

/// The binary value at a path such as `body` or `pages.0`; without a path, the only one there is.
pub(super) fn find(output: &Value, path: Option<&str>) -> Result<Blob, NoBlob> {
    let Some(path) = path else {
        let mut found = Vec::new();
        gather(output, String::new(), &mut found);
        return match found.len() {
            0 => Err(NoBlob::Nowhere),
            1 => Ok(found.remove(0).1),
            count => {
                let paths = found.into_iter().take(PATHS_MAX).map(|(path, _)| path);
                Err(NoBlob::Several(count, paths.collect()))
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
        part = inner.ok_or_else(|| NoBlob::NoKey(key.to_owned()))?;
    }
    Blob::of(part).ok_or_else(|| NoBlob::Another(path.to_owned()))
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
        let problem = find(&two, None).expect_err("there are two").problem("wf-001", None);
        assert_eq!(problem.hint.as_deref(), Some("say which: --path pages.0, or pages.1.scan"));
        for (value, path) in [(json!({}), None), (json!(1), Some("a")), (two, Some("pages"))] {
            let none = find(&value, path).expect_err("none is there");
            let problem = none.problem("wf-001", Some("scan"));
            let hint = "see what it returned: nexus-engine get wf-001 --step scan --output";
            assert_eq!((&*problem.code, problem.hint.as_deref()), ("NX3033", Some(hint)));
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
