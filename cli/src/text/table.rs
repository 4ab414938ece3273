//! Tables: columns with a head, no lines.

use comfy_table::presets::NOTHING;

use crate::output;

/// A table.
pub(crate) struct Table(comfy_table::Table);

impl Table {
    /// A table with these heads.
    pub(crate) fn new(heads: &[&str]) -> Self {
        let mut table = comfy_table::Table::new();
        table.load_preset(NOTHING);
        if output::has_header() {
            table.set_header(heads);
        }
        Self(table)
    }

    /// Adds a row.
    pub(crate) fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.0.add_row(cells.into_iter().map(Into::<String>::into));
    }

    /// The lines, without spaces at their ends.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        for column in self.0.column_iter_mut() {
            column.set_padding((0, 2));
        }
        self.0.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Prints it as a result.
    pub(crate) fn print(&mut self) {
        self.lines().iter().for_each(output::line);
    }
}
