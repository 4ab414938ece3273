//! `Cargo.lock`: packages and their dependencies.
//!
//! Cargo writes the file itself, one value per line, so lines are all this reads.

use std::collections::HashMap;

use super::error::ImportError;
use super::graph::Graph;

/// Whether a line begins a package.
pub(super) fn is_header(line: &str) -> bool {
    line.trim_end() == "[[package]]"
}

/// Reads a lock file. A package comes after its dependencies.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let packages = packages(text)?;
    let mut known: HashMap<&str, Vec<(&Package, String)>> = HashMap::new();
    for (package, id) in packages.iter().zip(ids(&packages)) {
        known.entry(&package.name).or_default().push((package, id));
    }
    let mut graph = Graph::default();
    for (package, id) in packages.iter().zip(ids(&packages)) {
        for (offset, dependency) in &package.dependencies {
            let source = resolve(&known, dependency).unwrap_or(dependency);
            graph.edge(source, id.clone(), Some(*offset));
        }
        graph.task(id);
    }
    Ok(graph)
}

/// Name and version, and the source too where another package has both.
fn ids(packages: &[Package]) -> Vec<String> {
    let mut count: HashMap<(&str, &str), usize> = HashMap::new();
    for package in packages {
        *count.entry((&package.name, &package.version)).or_default() += 1;
    }
    let id = |package: &Package| {
        let Package { name, version, source, .. } = package;
        let alone = count.get(&(name.as_str(), version.as_str())).is_none_or(|count| *count == 1);
        if alone || source.is_empty() {
            format!("{name} {version}")
        } else {
            format!("{name} {version} {source}")
        }
    };
    packages.iter().map(id).collect()
}

/// The id of the package that `name`, `name version` or `name version (source)` means.
fn resolve<'i>(
    known: &'i HashMap<&str, Vec<(&Package, String)>>,
    dependency: &str,
) -> Option<&'i str> {
    let mut words = dependency.splitn(3, ' ');
    let candidates = known.get(words.next()?)?;
    let (version, source) = (words.next(), words.next());
    let fits = |package: &Package| {
        version.is_none_or(|version| package.version == version)
            && source.is_none_or(|source| package.source.is_empty() || package.source == source)
    };
    candidates.iter().find(|(package, _)| fits(package)).map(|(_, id)| id.as_str())
}

/// A package of the file.
#[derive(Debug, Default)]
struct Package {
    name: String,
    version: String,
    /// In parentheses, as in a dependency; empty for a package of the workspace.
    source: String,
    /// With their byte offsets.
    dependencies: Vec<(usize, String)>,
    offset: usize,
}

fn packages(text: &str) -> Result<Vec<Package>, ImportError> {
    let mut reader = Reader::default();
    let mut offset = 0;
    for whole in text.split_inclusive('\n') {
        let line = whole.trim();
        if !line.is_empty() && !line.starts_with('#') {
            reader
                .line(line, offset)
                .map_err(|reason| ImportError::damaged_at(text, offset, reason))?;
        }
        offset += whole.len();
    }
    if reader.in_list {
        return Err(ImportError::damaged_at(text, text.len(), "the file ends inside a list"));
    }
    let nameless = |package: &&Package| package.name.is_empty() || package.version.is_empty();
    match reader.packages.iter().find(nameless) {
        Some(package) => Err(ImportError::damaged_at(
            text,
            package.offset,
            "a package has no name or no version",
        )),
        None => Ok(reader.packages),
    }
}

/// What has been read, and where in the file the next line stands.
#[derive(Default)]
struct Reader {
    packages: Vec<Package>,
    in_package: bool,
    in_list: bool,
}

impl Reader {
    fn line(&mut self, line: &str, offset: usize) -> Result<(), String> {
        if self.in_list {
            return self.entry(line, offset);
        }
        if line.starts_with('[') {
            self.in_package = is_header(line);
            if self.in_package {
                self.packages.push(Package { offset, ..Package::default() });
            }
            return Ok(());
        }
        match self.packages.last_mut().filter(|_| self.in_package) {
            Some(package) => {
                let (key, value) = line.split_once(" = ").ok_or("a key and a value belong here")?;
                match key {
                    "name" => package.name = unquoted(value)?,
                    "version" => package.version = unquoted(value)?,
                    "source" => package.source = format!("({})", unquoted(value)?),
                    "dependencies" if value == "[" => self.in_list = true,
                    "dependencies" => {
                        return Err("the list of dependencies has one on each line".to_owned());
                    }
                    _ => {}
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn entry(&mut self, line: &str, offset: usize) -> Result<(), String> {
        if line == "]" {
            self.in_list = false;
            return Ok(());
        }
        let dependency = unquoted(line.strip_suffix(',').unwrap_or(line))?;
        if let Some(package) = self.packages.last_mut() {
            package.dependencies.push((offset, dependency));
        }
        Ok(())
    }
}

fn unquoted(value: &str) -> Result<String, String> {
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let plain = inner.filter(|inner| !inner.contains(['"', '\\']));
    plain.map(str::to_owned).ok_or_else(|| "text in quotes belongs here".to_owned())
}
