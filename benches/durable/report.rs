//! The table.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// One line.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) task: String,
    pub(crate) what: String,
    pub(crate) result: String,
    pub(crate) ratio: String,
    pub(crate) goal: &'static str,
    /// Whether the goal is met; nothing if there is none.
    pub(crate) met: Option<bool>,
}

#[derive(Debug)]
pub(crate) struct Report {
    table: Table,
    met: u32,
    missed: u32,
}

impl Report {
    pub(crate) fn new() -> Self {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN);
        table.set_header(["task", "what", "result", "ratio", "goal", "met"]);
        for column in [2, 3] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        Self { table, met: 0, missed: 0 }
    }

    pub(crate) fn add(&mut self, row: Row) {
        let met = match row.met {
            Some(true) => {
                self.met += 1;
                "yes"
            }
            Some(false) => {
                self.missed += 1;
                "NO"
            }
            None => "",
        };
        eprintln!("{}, {}: {} {}", row.task, row.what, row.result, row.ratio);
        self.table.add_row([row.task, row.what, row.result, row.ratio, row.goal.to_owned(), met.to_owned()]);
    }

    pub(crate) fn print(&self) {
        println!("{}\n{} goals met, {} missed", self.table, self.met, self.missed);
    }
}

/// So many in a second, in words.
pub(crate) fn rate(a_second: f64) -> String {
    format!("{a_second:.0}/s")
}

/// The middle one; not a number if there is none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(values, 50)
}

/// The value that so many percent are not above.
pub(crate) fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(f64::NAN)
}
