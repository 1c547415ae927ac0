//! What several examples share: how they print a table and their progress, a receiver to deliver to, and the platforms.

mod loopback;
pub mod platforms;
mod progress;

use std::error::Error;
use std::fmt::Display;

use comfy_table::{ContentArrangement, Table, presets};

pub use self::loopback::{Arrived, receive_on_loopback, subscription, transport};
pub use self::progress::Progress;

/// Whatever went wrong.
pub type AnyError = Box<dyn Error + Send + Sync>;

/// The width of a [`wrapped_table`], in columns of the terminal.
const WIDTH: u16 = 150;

/// An empty table under `header`, as wide as its contents.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header.iter().copied());
    table
}

/// An empty table under `header` that wraps long texts within their column.
pub fn wrapped_table(header: &[&str]) -> Table {
    let mut table = table(header);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table
}

/// The value's text, or a dash where there is none.
pub fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
