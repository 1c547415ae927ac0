//! `bar`: a progress bar for long work, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

/// A bar on standard error if it is a terminal; none for scripts, and none where the work is short.
pub(crate) fn bar(output: &Output, total: usize, long: bool) -> ProgressBar {
    let total = u64::try_from(total).unwrap_or(u64::MAX);
    let shown = long && !output.is_json() && !output.is_quiet();
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {per_sec} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
