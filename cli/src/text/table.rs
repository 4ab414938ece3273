//! Tables: columns with a head, two spaces apart, no lines.

use crate::output;

/// A table.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads.
    pub(crate) fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self { rows: if output::has_header() { vec![heads] } else { Vec::new() } }
    }

    /// Adds a row.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The lines, without spaces at their ends.
    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell_width = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| width(cell));
        let widths: Vec<usize> = (0..columns)
            .map(|at| self.rows.iter().map(|row| cell_width(row, at)).max().unwrap_or(0))
            .collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, wide)| pad(cell, *wide));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// Prints it as a result.
    pub(crate) fn print(&self) {
        self.lines().iter().for_each(output::line);
    }
}

/// Fills `text` up to `wide` characters on a screen.
pub(crate) fn pad(text: &str, wide: usize) -> String {
    format!("{text}{}", " ".repeat(wide.saturating_sub(width(text))))
}

/// How many characters `text` takes on a screen: colours take none.
pub(crate) fn width(text: &str) -> usize {
    let mut in_escape = false;
    let is_shown = |char: char| {
        let was_in_escape = in_escape;
        in_escape = if in_escape { char != 'm' } else { char == '\u{1b}' };
        !was_in_escape && !in_escape
    };
    text.chars().map(is_shown).filter(|shown| *shown).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let mut table = Table::new(&["RUN", "STATUS"]);
        table.row(["wf-001", "\u{1b}[32m✔ completed\u{1b}[0m"]);
        table.row(["a", "b", "c"]);
        assert_eq!(
            table.lines(),
            ["RUN     STATUS", "wf-001  \u{1b}[32m✔ completed\u{1b}[0m", "a       b            c",]
        );
    }
}
