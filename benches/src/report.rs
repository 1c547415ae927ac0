//! The table that a bench prints at its end.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// Lines, and how many of them met their goals.
#[derive(Debug)]
pub struct Report {
    table: Table,
    met: usize,
    missed: usize,
}

impl Report {
    /// A table with these columns, and one more for whether a line's goal is met.
    #[must_use]
    pub fn new<const COLUMNS: usize>(
        columns: [&str; COLUMNS],
        aligned_right: impl IntoIterator<Item = usize>,
    ) -> Self {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_header(columns.into_iter().chain(["met"]));
        for column in aligned_right {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self { table, met: 0, missed: 0 }
    }

    /// Adds a line; `met` says whether each of its goals is met.
    pub fn add<const COLUMNS: usize>(
        &mut self,
        cells: [String; COLUMNS],
        met: impl IntoIterator<Item = bool>,
    ) {
        let met: Vec<bool> = met.into_iter().collect();
        let fulfilled = met.iter().filter(|met| **met).count();
        self.met += fulfilled;
        self.missed += met.len() - fulfilled;
        let judged = match met.len() {
            0 => "",
            all if fulfilled == all => "yes",
            _ => "NO",
        };
        self.table.add_row(cells.into_iter().chain([judged.to_owned()]));
    }

    /// Prints it.
    pub fn print(&self) {
        println!("{}\n{} goals met, {} missed", self.table, self.met, self.missed);
    }
}
