//! The lines of the table, and how their figures are made.

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

/// The middle one; not a number if there is none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(values, 50)
}

/// The percentile: the value that this share of all does not exceed.
pub(crate) fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * percent / 100).copied().unwrap_or(f64::NAN)
}
