//! Definitions that are meant: in a file, or published.

use std::path::Path;

use nexus_engine::model::definition::Definition;
use nexus_gateway::api::{DefinitionView, Problem};
use serde_json::Value;

use crate::context::Context;
use crate::exit::Code;
use crate::store::{Purpose, ask};
use crate::workflow;

/// Digits of a hash that are shown.
const SHORT: usize = 12;

/// A definition that is meant.
pub(crate) struct Meant {
    /// It.
    pub(crate) definition: Definition,
    /// What it calls, as it is sent, unless the store has it.
    pub(crate) callees: Vec<Value>,
    /// Where its scripts work.
    pub(crate) folder: Option<String>,
    /// The reference to what is published; `None`: it is a file.
    pub(crate) reference: Option<String>,
    /// Which version: ` v3` as its author counts, `@3` as it is published, or nothing.
    pub(crate) version: String,
}

impl Meant {
    /// What is sent: the definition and its reference, one of them.
    pub(crate) fn to_send(&self) -> (Value, Option<String>) {
        match &self.reference {
            Some(reference) => (Value::Null, Some(reference.clone())),
            None => (json(&self.definition), None),
        }
    }
}

/// The definition in a file, or the published one that `NAME`, `NAME@3` or a hash means. `None`: something is wrong with the
/// file, which has been shown then.
///
/// # Errors
/// If there is no such file or definition, or it cannot be read.
pub(crate) fn meant(context: &Context, subject: &Path) -> Result<Option<Meant>, Problem> {
    let is_file = workflow::is_file(subject) || subject.as_os_str() == "-";
    if is_file || !context.store().is_dir() {
        return in_file(subject);
    }
    let reference = subject.to_string_lossy();
    let view = ask(context, &Purpose::Look, async |control| control.definition(&reference).await)?;
    let DefinitionView { version, folder, definition, .. } = view;
    let definition = serde_json::from_value(definition).map_err(|error| {
        let message = format!("the definition of {reference} cannot be read: {error}");
        Problem::new("NX7019", Code::Usage as u8, message)
            .hint("it may be of a newer program; publish it again")
    })?;
    let version = version.map(|version| format!("@{version}")).unwrap_or_default();
    let reference = Some(reference.into_owned());
    Ok(Some(Meant { definition, callees: Vec::new(), folder, reference, version }))
}

/// The definition in a file. `None`: something is wrong with it, which has been shown then.
///
/// # Errors
/// If there is no such file, or it cannot be read.
pub(crate) fn in_file(file: &Path) -> Result<Option<Meant>, Problem> {
    let Some(resolved) = workflow::read(file)? else { return Ok(None) };
    let folder = workflow::folder(file);
    let definition = resolved.read.definition;
    let version = definition.version;
    Ok(Some(Meant {
        definition,
        callees: resolved.callees.iter().map(|callee| json(callee.definition())).collect(),
        folder: folder.map(|folder| folder.to_string_lossy().into_owned()),
        reference: None,
        version: version.map(|version| format!(" v{version}")).unwrap_or_default(),
    }))
}

/// A definition as it is sent.
pub(crate) fn json(definition: &Definition) -> Value {
    serde_json::from_slice(&definition.to_canonical_json()).expect("a canonical definition is JSON")
}

/// The beginning of a hash.
pub(crate) fn short(hash: &str) -> &str {
    hash.get(..SHORT).unwrap_or(hash)
}
