//! The measures of a graph, and its cycle if it has one.

use serde::Serialize;

use super::error::ImportError;
use super::graph::{Graph, Task, clean};

/// What can be said about a graph without running it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The title in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tasks.
    pub steps: usize,
    /// Dependencies, each counted once.
    pub edges: usize,
    /// Steps on the longest path.
    pub levels: usize,
    /// Most steps at one depth.
    pub widest_level: usize,
    /// Parts that no edge connects.
    pub components: usize,
    /// Longest path by recorded time, in seconds to three places; `None` without any record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical_path_s: Option<f64>,
    /// All recorded times together, in seconds to three places; `None` without any record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_s: Option<f64>,
}

impl Facts {
    /// Measures `graph`.
    ///
    /// # Errors
    /// [`ImportError::Cycle`].
    pub(super) fn of(graph: &Graph, links: &Links) -> Result<Self, ImportError> {
        let order = links.order().map_err(|cycle| ImportError::Cycle {
            path: cycle.into_iter().map(|at| clean(&graph.tasks[at].id)).collect(),
        })?;
        let mut depth = vec![0_usize; order.len()];
        let mut finish_s = vec![0.0_f64; order.len()];
        for at in order {
            let needs = links.needs(at);
            depth[at] = needs.iter().map(|need| depth[*need] + 1).max().unwrap_or_default();
            let start_s = needs.iter().map(|need| finish_s[*need]).fold(0.0, f64::max);
            finish_s[at] = start_s + graph.tasks[at].runtime_s.unwrap_or_default();
        }
        let mut width = vec![0_usize; depth.iter().max().map_or(0, |deepest| deepest + 1)];
        for depth in depth {
            width[depth] += 1;
        }
        let work_s: f64 = graph.tasks.iter().filter_map(|task: &Task| task.runtime_s).sum();
        let recorded = |seconds: f64| (work_s > 0.0).then(|| (seconds * 1000.0).round() / 1000.0);
        Ok(Self {
            name: graph.name.as_deref().map(clean).filter(|name| !name.is_empty()),
            steps: graph.tasks.len(),
            edges: links.count,
            levels: width.len(),
            widest_level: width.into_iter().max().unwrap_or_default(),
            components: links.components(),
            critical_path_s: recorded(finish_s.into_iter().fold(0.0, f64::max)),
            work_s: recorded(work_s),
        })
    }
}

/// Edges by index, each once.
#[derive(Debug)]
pub(super) struct Links {
    needs: Vec<Vec<usize>>,
    count: usize,
}

impl Links {
    /// No edges between `tasks` tasks.
    pub(super) fn new(tasks: usize) -> Self {
        Self { needs: vec![Vec::new(); tasks], count: 0 }
    }

    /// Adds an edge that is not there yet.
    pub(super) fn add(&mut self, source: usize, target: usize) {
        self.needs[target].push(source);
        self.count += 1;
    }

    /// What comes before a task.
    pub(super) fn needs(&self, at: usize) -> &[usize] {
        &self.needs[at]
    }

    /// The tasks, each after its needs; or a cycle, its first task again at the end.
    fn order(&self) -> Result<Vec<usize>, Vec<usize>> {
        let mut followers = vec![Vec::new(); self.needs.len()];
        let mut waits: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        for (target, needs) in self.needs.iter().enumerate() {
            for source in needs {
                followers[*source].push(target);
            }
        }
        let mut order: Vec<usize> = (0..waits.len()).filter(|at| waits[*at] == 0).collect();
        let mut done = 0;
        while let Some(at) = order.get(done).copied() {
            done += 1;
            for follower in &followers[at] {
                waits[*follower] -= 1;
                if waits[*follower] == 0 {
                    order.push(*follower);
                }
            }
        }
        if order.len() == waits.len() { Ok(order) } else { Err(self.cycle(&waits)) }
    }

    /// A cycle among the tasks that still wait. Each of them waits for another one, so walking back must come round.
    fn cycle(&self, waits: &[usize]) -> Vec<usize> {
        let mut step_of = vec![None; waits.len()];
        let mut path = Vec::new();
        let mut next = waits.iter().position(|waits| *waits > 0);
        while let Some(at) = next {
            if let Some(first) = step_of[at] {
                path.drain(..first);
                break;
            }
            step_of[at] = Some(path.len());
            path.push(at);
            next = self.needs[at].iter().copied().find(|need| waits[*need] > 0);
        }
        path.extend(path.first().copied());
        path.reverse();
        path
    }

    /// Parts that no edge connects.
    fn components(&self) -> usize {
        let mut parent: Vec<usize> = (0..self.needs.len()).collect();
        let mut parts = parent.len();
        for (target, needs) in self.needs.iter().enumerate() {
            for source in needs {
                let (one, other) = (root(&mut parent, *source), root(&mut parent, target));
                if one != other {
                    parent[one] = other;
                    parts -= 1;
                }
            }
        }
        parts
    }
}

/// The representative of a part, with the path to it halved.
fn root(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(tasks: usize, edges: &[(usize, usize)]) -> Links {
        let mut links = Links::new(tasks);
        for (source, target) in edges {
            links.add(*source, *target);
        }
        links
    }

    #[test]
    fn an_order_puts_needs_first() {
        assert_eq!(links(4, &[(3, 1), (1, 0), (3, 2), (2, 0)]).order(), Ok(vec![3, 1, 2, 0]));
    }

    #[test]
    fn a_cycle_is_walked_in_the_order_of_its_edges() {
        assert_eq!(links(1, &[(0, 0)]).order(), Err(vec![0, 0]));
        assert_eq!(links(4, &[(0, 1), (1, 2), (2, 3), (3, 1)]).order(), Err(vec![1, 2, 3, 1]));
    }

    #[test]
    fn components_are_counted_without_direction() {
        assert_eq!(links(5, &[(0, 2), (1, 2), (3, 4)]).components(), 2);
        assert_eq!(links(3, &[]).components(), 3);
    }
}
