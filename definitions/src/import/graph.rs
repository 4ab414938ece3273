//! What every format is read into, and how it becomes a definition.

use std::collections::{HashMap, HashSet};

use nexus_model::definition::{Definition, Step, StepKind};
use serde_json::{Value, json};

use super::error::{ImportError, Place};
use super::facts::{Facts, Links};
use super::format::Format;
use super::{Imported, Options, Renamed};

/// Longest id of a step, in characters.
const ID_CHARACTERS_MAX: usize = 200;
/// Longest name of a workflow, in characters.
const NAME_CHARACTERS_MAX: usize = 128;
/// Longest runtime that is believed, in seconds: some 300 years.
const RUNTIME_S_MAX: f64 = 1e10;
/// The action that waits.
pub(super) const ACTION: &str = "simulate";
/// Extensions that say how a file is written, not what is in it.
const EXTENSIONS: [&str; 12] = [
    ".gz", ".json", ".yaml", ".yml", ".xml", ".dax", ".txt", ".tsv", ".ga", ".asl", ".lock",
    ".hdag",
];

/// Tasks and edges by name.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The title in the file.
    pub(super) name: Option<String>,
    /// In the order of the file.
    pub(super) tasks: Vec<Task>,
    /// Between tasks that may be declared later, or not at all.
    pub(super) edges: Vec<Edge>,
    /// What is not kept.
    pub(super) warnings: Vec<String>,
}

/// A task of the file.
#[derive(Debug, Default)]
pub(super) struct Task {
    /// What edges call it.
    pub(super) id: String,
    /// What people call it.
    pub(super) name: Option<String>,
    /// How long it took.
    pub(super) runtime_s: Option<f64>,
}

/// `target` depends on `source`.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) source: String,
    pub(super) target: String,
    /// Byte offset in the text, if known.
    pub(super) offset: Option<usize>,
}

impl Graph {
    /// Adds a task that has only an id.
    pub(super) fn task(&mut self, id: impl Into<String>) {
        self.tasks.push(Task { id: id.into(), ..Task::default() });
    }

    /// Adds an edge.
    pub(super) fn edge(
        &mut self,
        source: impl Into<String>,
        target: impl Into<String>,
        offset: Option<usize>,
    ) {
        self.edges.push(Edge { source: source.into(), target: target.into(), offset });
    }

    /// Says how many `things` are not kept, if there are any.
    pub(super) fn warn(&mut self, count: usize, things: &str) {
        if count > 0 {
            self.warnings.push(format!("{things}: {count}"));
        }
    }

    /// Checks the graph and makes steps of it.
    pub(super) fn into_imported(
        mut self,
        file: &str,
        text: &str,
        format: Format,
        options: Options,
    ) -> Result<Imported, ImportError> {
        if self.tasks.is_empty() {
            return Err(ImportError::Empty { format });
        }
        self.drop_strange_runtimes();
        let links = self.links(text)?;
        let facts = Facts::of(&self, &links)?;
        let (ids, renamed) = step_ids(&self.tasks);
        let twice = renamed.iter().filter(|renamed| ids.contains(&renamed.task)).count();
        self.warn(
            twice,
            "tasks with the name of an earlier one (an edge that uses the name means the first)",
        );
        let steps = steps(&self.tasks, &ids, &links, options);
        let description = facts.name.as_ref().map_or_else(
            || format!("Imported from {format}"),
            |name| format!("Imported from {format}: {name}"),
        );
        let definition = Definition {
            name: workflow_name(file),
            description: Some(description),
            steps,
            ..Definition::default()
        };
        Ok(Imported {
            definition,
            format,
            facts,
            renamed,
            warnings: self.warnings,
            findings: Vec::new(),
        })
    }

    fn drop_strange_runtimes(&mut self) {
        let mut strange = 0;
        for task in &mut self.tasks {
            if task.runtime_s.is_some_and(|seconds| !(0.0..=RUNTIME_S_MAX).contains(&seconds)) {
                task.runtime_s = None;
                strange += 1;
            }
        }
        self.warn(strange, "tasks whose recorded time is no duration and counts as none");
    }

    /// Edges by index, each once, in the order of the file.
    pub(super) fn links(&self, text: &str) -> Result<Links, ImportError> {
        let mut index: HashMap<&str, usize> = HashMap::with_capacity(self.tasks.len());
        for (at, task) in self.tasks.iter().enumerate() {
            index.entry(&task.id).or_insert(at);
        }
        let find = |name: &str, other: &str, offset: Option<usize>| {
            index.get(name).copied().ok_or_else(|| ImportError::UnknownTask {
                task: clean(name),
                named_by: clean(other),
                place: offset.map(|offset| Place::of(text, offset)),
            })
        };
        let mut seen = HashSet::with_capacity(self.edges.len());
        let mut links = Links::new(self.tasks.len());
        for Edge { source, target, offset } in &self.edges {
            let pair = (find(source, target, *offset)?, find(target, source, *offset)?);
            if seen.insert(pair) {
                links.add(pair.0, pair.1);
            }
        }
        Ok(links)
    }
}

fn steps(tasks: &[Task], ids: &[String], links: &Links, options: Options) -> Vec<Step> {
    let step = |(at, task): (usize, &Task)| Step {
        name: task.name.as_deref().map(clean).filter(|name| !name.is_empty() && *name != ids[at]),
        needs: links.needs(at).iter().map(|need| ids[*need].clone()).collect(),
        ..Step::new(
            ids[at].clone(),
            StepKind::Action {
                uses: ACTION.to_owned(),
                with: simulation(task.runtime_s.unwrap_or_default(), options.time_scale),
            },
        )
    };
    tasks.iter().enumerate().map(step).collect()
}

/// The input of the action: nothing, if there is nothing to wait for.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "both factors are checked to be finite and not negative, and the cast saturates"
)]
fn simulation(runtime_s: f64, time_scale: f64) -> Value {
    match (runtime_s * 1000.0 * time_scale).round() as u64 {
        0 => Value::Null,
        duration_ms => json!({ "duration_ms": duration_ms }),
    }
}

/// An id per task: its name where that is possible and free.
fn step_ids(tasks: &[Task]) -> (Vec<String>, Vec<Renamed>) {
    Ids::default().of(tasks.iter().map(|task| task.id.as_str()))
}

/// The ids that are taken.
#[derive(Debug, Default)]
pub(super) struct Ids {
    taken: HashSet<String>,
    numbers: HashMap<String, usize>,
}

impl Ids {
    /// An id per name: the name itself where that is possible and free.
    pub(super) fn of<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> (Vec<String>, Vec<Renamed>) {
        let keeps: Vec<bool> =
            names.clone().map(|name| is_id(name) && self.taken.insert(name.to_owned())).collect();
        let mut renamed = Vec::new();
        let id = |(name, keeps): (&str, bool)| {
            if keeps {
                return name.to_owned();
            }
            let step = self.free(name);
            renamed.push(Renamed { task: name.to_owned(), step: step.clone() });
            step
        };
        let ids = names.zip(keeps).map(id).collect();
        (ids, renamed)
    }

    /// An id like `name`.
    pub(super) fn free(&mut self, name: &str) -> String {
        free_id(name, &mut self.taken, &mut self.numbers)
    }
}

fn is_id(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= ID_CHARACTERS_MAX
        && !name.chars().any(char::is_control)
}

/// `name` made into an id, with a number if that is taken.
fn free_id(
    name: &str,
    taken: &mut HashSet<String>,
    numbers: &mut HashMap<String, usize>,
) -> String {
    let cleaned = clean(name);
    let base = if cleaned.is_empty() { "task".to_owned() } else { cleaned };
    let base: String = base.chars().take(ID_CHARACTERS_MAX).collect();
    if taken.insert(base.clone()) {
        return base;
    }
    let number = numbers.entry(base.clone()).or_insert(1);
    loop {
        *number += 1;
        let suffix = format!("-{number}");
        let stem: String = base.chars().take(ID_CHARACTERS_MAX - suffix.len()).collect();
        let candidate = stem + &suffix;
        if taken.insert(candidate.clone()) {
            return candidate;
        }
    }
}

/// `text` with a `_` for each control character.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '_' } else { character }).collect()
}

/// The workflow's name from the name of its file.
pub(super) fn workflow_name(file: &str) -> String {
    let mut stem = file.rsplit(['/', '\\']).next().unwrap_or_default();
    while let Some(shorter) = EXTENSIONS.iter().find_map(|extension| stem.strip_suffix(extension)) {
        stem = shorter;
    }
    let allowed = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let plain: String = stem
        .chars()
        .take(NAME_CHARACTERS_MAX)
        .map(|character| if allowed(character) { character } else { '-' })
        .collect();
    let trimmed = plain.trim_matches(['-', '.']);
    if trimmed.is_empty() { "imported".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<String> {
        let tasks: Vec<Task> =
            names.iter().map(|name| Task { id: (*name).to_owned(), ..Task::default() }).collect();
        step_ids(&tasks).0
    }

    #[test]
    fn a_name_that_is_free_and_valid_stays() {
        assert_eq!(ids(&["b", "Approved?", "ün ï"]), ["b", "Approved?", "ün ï"]);
    }

    #[test]
    fn a_name_used_twice_gets_a_number_that_is_free() {
        assert_eq!(ids(&["a", "a", "a-2", "a"]), ["a", "a-3", "a-2", "a-4"]);
        assert_eq!(ids(&["", "task", "a\nb"]), ["task-2", "task", "a_b"]);
    }

    #[test]
    fn a_long_name_is_cut_to_what_an_id_may_be() {
        let long = "é".repeat(300);
        let made = ids(&[&long, &long]);
        assert_eq!(made[0], "é".repeat(200));
        assert_eq!(made[1], "é".repeat(198) + "-2");
    }

    #[test]
    fn a_workflow_is_called_like_its_file() {
        let check = |file: &str, name: &str| assert_eq!(workflow_name(file), name, "{file}");
        check("dags/Montage_25.xml", "Montage_25");
        check("commits.tsv.gz", "commits");
        check("order process (1).asl.json", "order-process--1");
        check("Cargo.lock", "Cargo");
        check("../", "imported");
        check(".gz", "imported");
    }
}
