//! The table of each task: the first contender, and the others beside it.

use gymhook_benches::{Goal, Report};

/// What the goals are compared with.
pub(crate) const FIRST: &str = "the first";

/// One contender.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) figure: String,
    /// To the first contender.
    pub(crate) ratio: f64,
}

/// A row each, under a column for the name, the figure and the ratio. Every row but the first is judged by the goal.
pub(crate) fn table(
    [name, figure, ratio]: [&str; 3],
    rows: impl IntoIterator<Item = Row>,
    goal: Goal,
) -> Report {
    let mut report = Report::new([name, figure, ratio, "goal"], [1, 2, 3]);
    for (at, Row { name, figure, ratio }) in rows.into_iter().enumerate() {
        let goal = (at > 0).then_some(goal);
        report.add(
            [
                name.to_owned(),
                figure,
                format!("{ratio:.2}"),
                goal.map_or_else(String::new, |goal| goal.to_string()),
            ],
            goal.map(|goal| goal.is_met_by(ratio)),
        );
    }
    report
}
