//! The lines of the table, and how a figure is written.

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

/// The table.
#[derive(Debug)]
pub(crate) struct Report(gymhook_benches::Report);

impl Report {
    pub(crate) fn new() -> Self {
        Self(gymhook_benches::Report::new(["task", "what", "result", "ratio", "goal"], [2, 3]))
    }

    /// Adds a line, and tells it at once: the whole takes minutes.
    pub(crate) fn add(&mut self, row: Row) {
        let Row { task, what, result, ratio, goal, met } = row;
        eprintln!("{task}, {what}: {result} {ratio}");
        self.0.add([task, what, result, ratio, goal.to_owned()], met);
    }

    pub(crate) fn print(&self) {
        self.0.print();
    }
}

/// A rate per second, in words.
pub(crate) fn rate(a_second: f64) -> String {
    format!("{a_second:.0}/s")
}
