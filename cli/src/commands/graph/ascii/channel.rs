//! The lines between two columns.

use super::layout::{Column, Knot, knots};

/// Most upright lines between two columns: more than that nobody follows.
const TRACKS_MAX: usize = 8;

const LEFT: u8 = 1;
const RIGHT: u8 = 2;
const UP: u8 = 4;
const DOWN: u8 = 8;

/// Lines between two columns, row by row.
pub(super) struct Channel {
    cells: Vec<Vec<char>>,
    width: usize,
}

/// A knot by rows.
struct Bundle {
    sources: Vec<usize>,
    targets: Vec<usize>,
}

impl Bundle {
    fn of(knot: &Knot, column: &Column, next: &Column) -> Self {
        let rows = |items: &[usize], column: &Column| {
            items.iter().map(|item| column.items[*item].row).collect()
        };
        Self { sources: rows(&knot.sources, column), targets: rows(&knot.targets, next) }
    }

    /// Whether it is one line without a bend.
    fn is_straight(&self) -> bool {
        self.sources.len() == 1 && self.sources == self.targets
    }

    /// The rows it touches.
    fn rows(&self) -> impl Iterator<Item = usize> {
        self.sources.iter().chain(&self.targets).copied()
    }

    /// Whether its upright line must stand left of the other's: else a line to it and a line from the other would lie in
    /// one row.
    fn comes_before(&self, other: &Self) -> bool {
        self.sources.iter().any(|row| other.targets.contains(row))
    }
}

impl Channel {
    /// Finds a way for all links; `None` if there is none without ambiguity, or only a tangle.
    pub(super) fn route(column: &Column, next: &Column, links: &[(usize, usize)]) -> Option<Self> {
        let bundles: Vec<Bundle> =
            knots(links).iter().map(|knot| Bundle::of(knot, column, next)).collect();
        let (straight, bent): (Vec<Bundle>, Vec<Bundle>) =
            bundles.into_iter().partition(Bundle::is_straight);
        let bent = in_order(bent).filter(|bent| bent.len() <= TRACKS_MAX)?;
        let arrows = next.items.iter().any(|item| item.step.is_some());
        let width = if arrows { 2 * bent.len() + 3 } else { 2 * bent.len() + 1 };
        let rows = column
            .items
            .iter()
            .chain(&next.items)
            .map(|item| item.row + 1)
            .max()
            .unwrap_or_default();
        let mut lines = vec![vec![0_u8; width]; rows];
        for bundle in &straight {
            bundle.rows().for_each(|row| lines[row].fill(LEFT | RIGHT));
        }
        for (track, bundle) in bent.iter().enumerate() {
            lay_across(&mut lines, bundle, 2 * track + 1);
        }
        for (track, bundle) in bent.iter().enumerate() {
            lay_upright(&mut lines, bundle, 2 * track + 1);
        }
        let mut cells: Vec<Vec<char>> =
            lines.iter().map(|line| line.iter().map(|cell| sign(*cell)).collect()).collect();
        for item in next.items.iter().filter(|item| item.step.is_some()) {
            if lines[item.row].last().is_some_and(|cell| *cell != 0) {
                cells[item.row][width - 2] = '▶';
            }
            cells[item.row][width - 1] = ' ';
        }
        Some(Self { cells, width })
    }

    /// The lines in a row.
    pub(super) fn row(&self, row: usize) -> String {
        self.cells.get(row).map_or_else(|| " ".repeat(self.width), |cells| cells.iter().collect())
    }
}

/// Bundles so that each stands right of those that must come before it; `None` if they wait for each other.
fn in_order(mut open: Vec<Bundle>) -> Option<Vec<Bundle>> {
    let mut order = Vec::new();
    while !open.is_empty() {
        let free = (0..open.len()).find(|at| {
            let others = open.iter().enumerate().filter(|(other, _)| other != at);
            others.clone().all(|(_, other)| !other.comes_before(&open[*at]))
        })?;
        order.push(open.remove(free));
    }
    Some(order)
}

fn lay_across(lines: &mut [Vec<u8>], bundle: &Bundle, at: usize) {
    for row in &bundle.sources {
        lines[*row][..at].fill(LEFT | RIGHT);
    }
    for row in &bundle.targets {
        lines[*row][at + 1..].fill(LEFT | RIGHT);
    }
}

/// Draws the upright line of a bundle. Where it crosses a line of another bundle, it stands before it.
fn lay_upright(lines: &mut [Vec<u8>], bundle: &Bundle, at: usize) {
    let first = bundle.rows().min().unwrap_or_default();
    let last = bundle.rows().max().unwrap_or_default();
    for (row, line) in lines.iter_mut().enumerate().take(last + 1).skip(first) {
        let mut cell = 0;
        for (here, side) in [
            (bundle.sources.contains(&row), LEFT),
            (bundle.targets.contains(&row), RIGHT),
            (row > first, UP),
            (row < last, DOWN),
        ] {
            cell |= if here { side } else { 0 };
        }
        line[at] = cell;
    }
}

/// The sign that has lines on these sides.
fn sign(sides: u8) -> char {
    const SIGNS: [char; 16] =
        [' ', '─', '─', '─', '│', '┘', '└', '┴', '│', '┐', '┌', '┬', '│', '┤', '├', '┼'];
    SIGNS.get(usize::from(sides)).copied().unwrap_or(' ')
}
