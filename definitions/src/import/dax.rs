//! Pegasus DAX: XML with jobs, and the parents of each child.
//!
//! Entities that a document declares are not expanded, and nothing outside it is read.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::error::ImportError;
use super::graph::{Graph, Task};

/// Reads a DAX.
pub(super) fn read(text: &str) -> Result<Graph, ImportError> {
    let mut reader = Reader::from_str(text);
    let mut walk = Walk { text, graph: Graph::default(), depth: 0, child: None, nested: 0 };
    loop {
        let offset = offset(reader.buffer_position());
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                walk.enter(&element, offset)?;
                walk.depth += 1;
            }
            Ok(Event::Empty(element)) => {
                walk.enter(&element, offset)?;
                walk.leave(element.local_name().as_ref());
            }
            Ok(Event::End(element)) => {
                walk.depth = walk.depth.saturating_sub(1);
                walk.leave(element.local_name().as_ref());
            }
            Ok(Event::Eof) if walk.depth == 0 => break,
            Ok(Event::Eof) => {
                return Err(walk.damaged(text.len(), "the file ends inside an element"));
            }
            Ok(_) => {}
            Err(error) => {
                return Err(walk.damaged(self::offset(reader.error_position()), error.to_string()));
            }
        }
    }
    walk.graph.warn(walk.nested, "nested workflows that are one step each");
    Ok(walk.graph)
}

fn offset(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

struct Walk<'t> {
    text: &'t str,
    graph: Graph,
    depth: usize,
    child: Option<String>,
    nested: usize,
}

impl Walk<'_> {
    fn enter(&mut self, element: &BytesStart<'_>, offset: usize) -> Result<(), ImportError> {
        let name = element.local_name();
        match (self.depth, name.as_ref()) {
            (0, "adag") => self.graph.name = self.attribute(element, "name", offset)?,
            (0, other) => {
                return Err(self.damaged(offset, format!("the root element is {other}, not adag")));
            }
            (1, "job") => self.job(element, offset)?,
            (1, "dax" | "dag") => {
                self.nested += 1;
                self.job(element, offset)?;
            }
            (_, "child") => self.child = Some(self.required(element, "ref", offset)?),
            (_, "parent") => {
                let parent = self.required(element, "ref", offset)?;
                let child = self.child.clone();
                let child =
                    child.ok_or_else(|| self.damaged(offset, "a parent stands outside a child"))?;
                self.graph.edge(parent, child, Some(offset));
            }
            _ => {}
        }
        Ok(())
    }

    fn leave(&mut self, name: &str) {
        if name == "child" {
            self.child = None;
        }
    }

    fn job(&mut self, element: &BytesStart<'_>, offset: usize) -> Result<(), ImportError> {
        let id = self.required(element, "id", offset)?;
        let name = self.attribute(element, "name", offset)?;
        let runtime_s = match self.attribute(element, "runtime", offset)? {
            Some(runtime) if !runtime.trim().is_empty() => Some(
                runtime
                    .trim()
                    .parse()
                    .map_err(|_| self.damaged(offset, format!("runtime {runtime} is no number")))?,
            ),
            _ => None,
        };
        self.graph.tasks.push(Task { id, name, runtime_s });
        Ok(())
    }

    fn required(
        &self,
        element: &BytesStart<'_>,
        name: &str,
        offset: usize,
    ) -> Result<String, ImportError> {
        let value = self.attribute(element, name, offset)?;
        value.ok_or_else(|| {
            let element = element.name();
            self.damaged(offset, format!("element {} has no attribute {name}", element.as_ref()))
        })
    }

    fn attribute(
        &self,
        element: &BytesStart<'_>,
        name: &str,
        offset: usize,
    ) -> Result<Option<String>, ImportError> {
        let attribute = element
            .try_get_attribute(name)
            .map_err(|error| self.damaged(offset, error.to_string()))?;
        let value = attribute
            .map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0))
            .transpose();
        Ok(value
            .map_err(|error| self.damaged(offset, error.to_string()))?
            .map(std::borrow::Cow::into_owned))
    }

    fn damaged(&self, offset: usize, reason: impl Into<String>) -> ImportError {
        ImportError::damaged_at(self.text, offset, reason)
    }
}
