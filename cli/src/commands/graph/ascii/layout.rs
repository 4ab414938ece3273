//! Where steps and the lines past them stand.

use super::super::Indexed;

/// Sweeps over the columns that put neighbours next to each other.
const SWEEPS: usize = 6;

/// Columns of items, and links from each column to the next.
pub(super) struct Layout {
    pub(super) columns: Vec<Column>,
    /// Pairs of item numbers: one of a column, one of the next.
    pub(super) links: Vec<Vec<(usize, usize)>>,
}

/// Items one below the other.
#[derive(Default)]
pub(super) struct Column {
    pub(super) items: Vec<Item>,
}

/// A step, or a line that passes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// The step; `None` for a line that passes.
    pub(super) step: Option<usize>,
    /// Its row.
    pub(super) row: usize,
    /// Whether something comes after it.
    pub(super) leads_on: bool,
}

impl Item {
    fn new(step: Option<usize>) -> Self {
        Self { step, row: 0, leads_on: false }
    }
}

impl Layout {
    /// Lays a graph out.
    pub(super) fn of(graph: &Indexed) -> Self {
        let mut layout = Self::by_level(graph);
        layout.order();
        layout.untangle();
        layout.order();
        layout.mark();
        layout.place();
        layout
    }

    /// How many rows there are.
    pub(super) fn lines(&self) -> usize {
        let rows = self.columns.iter().flat_map(|column| &column.items).map(|item| item.row + 1);
        rows.max().unwrap_or_default()
    }

    /// A column for each level; a line for each step whose successors are further away than the next.
    fn by_level(graph: &Indexed) -> Self {
        let depth = graph.depth();
        let mut columns: Vec<Column> = (0..depth).map(|_| Column::default()).collect();
        let mut links = vec![Vec::new(); depth.saturating_sub(1)];
        let mut place = vec![0; graph.labels.len()];
        for (step, level) in graph.levels.iter().enumerate() {
            place[step] = columns[*level].items.len();
            columns[*level].items.push(Item::new(Some(step)));
        }
        let needs = reduced(graph);
        for (step, level) in graph.levels.iter().enumerate() {
            let successors: Vec<usize> =
                (0..needs.len()).filter(|at| needs[*at].contains(&step)).collect();
            let mut from = place[step];
            for at in *level + 1..depth {
                let here = successors.iter().filter(|to| graph.levels[**to] == at);
                links[at - 1].extend(here.map(|to| (from, place[*to])));
                if !successors.iter().any(|to| graph.levels[*to] > at) {
                    break;
                }
                let pass = columns[at].items.len();
                columns[at].items.push(Item::new(None));
                links[at - 1].push((from, pass));
                from = pass;
            }
        }
        Self { columns, links }
    }

    /// Puts a column of lines between two where not every source of a knot leads to every target of it.
    fn untangle(&mut self) {
        let mut at = 0;
        while let Some(links) = self.links.get(at) {
            let knots = knots(links);
            if knots.iter().all(Knot::is_complete) {
                at += 1;
                continue;
            }
            let mut between = Column::default();
            let (mut before, mut after) = (Vec::new(), Vec::new());
            for knot in knots {
                if knot.is_complete() {
                    let pass = between.add_pass();
                    before.extend(knot.sources.iter().map(|source| (*source, pass)));
                    after.extend(knot.targets.iter().map(|target| (pass, *target)));
                } else {
                    for (source, target) in knot.links {
                        let pass = between.add_pass();
                        before.push((source, pass));
                        after.push((pass, target));
                    }
                }
            }
            self.links.splice(at..=at, [before, after]);
            self.columns.insert(at + 1, between);
            at += 2;
        }
    }

    /// Sorts each column by where the neighbours of its items stand.
    fn order(&mut self) {
        for sweep in 0..SWEEPS {
            for at in 1..self.columns.len() {
                self.sort(at, &inverted(&self.links[at - 1]));
            }
            if sweep + 1 < SWEEPS {
                for at in (0..self.columns.len().saturating_sub(1)).rev() {
                    self.sort(at, &self.links[at].clone());
                }
            }
        }
    }

    /// Marks the items that something comes after.
    fn mark(&mut self) {
        for at in 0..self.columns.len() {
            let leads_on: Vec<usize> =
                self.links.get(at).into_iter().flatten().map(|link| link.0).collect();
            for (item, it) in self.columns[at].items.iter_mut().enumerate() {
                it.leads_on = leads_on.contains(&item);
            }
        }
    }

    /// Sorts the items of column `at` by the mean place of what `links` lead to; items without links keep their place.
    fn sort(&mut self, at: usize, links: &[(usize, usize)]) {
        let count = self.columns[at].items.len();
        let key = |item: usize| {
            let ends: Vec<usize> =
                links.iter().filter(|link| link.0 == item).map(|link| link.1).collect();
            // Thousandths, so that keys are whole numbers and ties are ties.
            if ends.is_empty() {
                item * 1000
            } else {
                ends.iter().sum::<usize>() * 1000 / ends.len()
            }
        };
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|item| key(*item));
        let mut place = vec![0; count];
        for (to, from) in order.iter().enumerate() {
            place[*from] = to;
        }
        let items = &mut self.columns[at].items;
        *items = order.iter().map(|from| items[*from]).collect();
        if let Some(links) = self.links.get_mut(at) {
            for link in links {
                link.0 = place[link.0];
            }
        }
        if let Some(links) = at.checked_sub(1).and_then(|at| self.links.get_mut(at)) {
            for link in links {
                link.1 = place[link.1];
            }
        }
    }

    /// Gives each item the row of its first neighbour on the left, or the first free one below.
    fn place(&mut self) {
        for at in 0..self.columns.len() {
            let mut free = 0;
            for item in 0..self.columns[at].items.len() {
                let left = at.checked_sub(1).and_then(|left| {
                    let sources =
                        self.links[left].iter().filter(|link| link.1 == item).map(|link| link.0);
                    sources.map(|source| self.columns[left].items[source].row).min()
                });
                let row = left.unwrap_or(free).max(free);
                self.columns[at].items[item].row = row;
                free = row + 1;
            }
        }
    }
}

impl Column {
    fn add_pass(&mut self) -> usize {
        self.items.push(Item::new(None));
        self.items.len() - 1
    }
}

/// Items of two columns that links connect.
#[derive(Debug, Default)]
pub(super) struct Knot {
    pub(super) sources: Vec<usize>,
    pub(super) targets: Vec<usize>,
    links: Vec<(usize, usize)>,
}

impl Knot {
    /// Whether every source leads to every target.
    fn is_complete(&self) -> bool {
        self.links.len() == self.sources.len() * self.targets.len()
    }
}

/// Links, grouped by what they connect.
pub(super) fn knots(links: &[(usize, usize)]) -> Vec<Knot> {
    let mut knots: Vec<Knot> = Vec::new();
    for (source, target) in links {
        let (touched, rest): (Vec<Knot>, Vec<Knot>) = knots
            .into_iter()
            .partition(|knot| knot.sources.contains(source) || knot.targets.contains(target));
        let mut knot = touched.into_iter().reduce(merged).unwrap_or_default();
        if !knot.sources.contains(source) {
            knot.sources.push(*source);
        }
        if !knot.targets.contains(target) {
            knot.targets.push(*target);
        }
        knot.links.push((*source, *target));
        knots = rest;
        knots.push(knot);
    }
    knots
}

fn merged(mut one: Knot, other: Knot) -> Knot {
    one.sources.extend(other.sources);
    one.targets.extend(other.targets);
    one.links.extend(other.links);
    one
}

fn inverted(links: &[(usize, usize)]) -> Vec<(usize, usize)> {
    links.iter().map(|(source, target)| (*target, *source)).collect()
}

/// The needs of each step without those that its other needs have themselves.
fn reduced(graph: &Indexed) -> Vec<Vec<usize>> {
    let count = graph.needs.len();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|step| graph.levels[*step]);
    let mut above = vec![vec![false; count]; count];
    for step in order {
        for need in &graph.needs[step] {
            let row = above[*need].clone();
            let mine = &mut above[step];
            mine.iter_mut().zip(row).for_each(|(mine, theirs)| *mine |= theirs);
            mine[*need] = true;
        }
    }
    let implied =
        |step: usize, need: usize| graph.needs[step].iter().any(|other| above[*other][need]);
    (0..count)
        .map(|step| {
            graph.needs[step].iter().copied().filter(|need| !implied(step, *need)).collect()
        })
        .collect()
}
