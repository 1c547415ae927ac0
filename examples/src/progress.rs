//! How far it has come: a bar on a terminal, a line for each tenth elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar, or lines where nobody could see one.
pub struct Progress {
    bar: ProgressBar,
    total: u64,
    tenths: u64,
}

impl Progress {
    /// None of `total` is done.
    pub fn new(total: u64) -> Self {
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template("{bar:50} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self { bar, total, tenths: 0 }
    }

    /// The number that is done; `what` says what is to be known besides.
    pub fn show(&mut self, done: u64, what: impl Into<String>) {
        let what = what.into();
        let tenths = done.saturating_mul(10) / self.total.max(1);
        if self.bar.is_hidden() && tenths > self.tenths {
            println!("{done:>6} of {}: {what}", self.total);
        }
        self.tenths = tenths;
        self.bar.set_message(what);
        self.bar.set_position(done);
    }

    /// Prints a line above the bar.
    pub fn say(&self, line: &str) {
        self.bar.suspend(|| println!("{line}"));
    }

    /// Leaves the bar as it is.
    pub fn end(self) {
        self.bar.abandon();
    }
}
