//! When does each platform retry, and when does it give up?
//!
//! `cargo run --example retry_table` prints every preset as a table: the earliest moment of each attempt (all fail at
//! once, jitter draws low) and the latest (each runs into its timeout, jitter draws high), counted from the first.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use gymhook_retry::{RetryPolicy, time_math};
use time::UtcDateTime;

fn main() {
    for (name, policy) in [
        ("GymPoint, \"after failure\" read as after the attempt that failed last", RetryPolicy::gympoint()),
        ("EGYM (no retries published; our default)", RetryPolicy::egym()),
        ("PerfectGym (no automatic retries published; our default)", RetryPolicy::perfectgym()),
        ("PG Next, by \"resend after 10 minutes, 3 repeats\"", RetryPolicy::pg_next()),
        ("PG Next, by \"there is no retry\"", RetryPolicy::pg_next_no_retry()),
        ("Point (schedule not published; our default)", RetryPolicy::point()),
        ("Standard Webhooks, the example schedule of its specification", RetryPolicy::standard_webhooks()),
    ] {
        println!("{name}\n{}\n", table(&policy));
    }
}

fn table(policy: &RetryPolicy) -> Table {
    let start = UtcDateTime::UNIX_EPOCH;
    let offset = |at| clock(time_math::elapsed(start, at));
    let preview = policy.preview(start);

    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(["attempt", "earliest", "latest"]);
    for row in preview.clone() {
        table.add_row([row.attempt.to_string(), offset(row.earliest), offset(row.latest)]);
    }
    table.add_row(["gives up at".to_owned(), String::new(), offset(preview.gives_up_at())]);
    table.add_row(["if asked to wait".to_owned(), String::new(), offset(preview.gives_up_at_throttled())]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Hours, minutes and seconds, as in `75:35:05`; with tenths where a second is not whole.
fn clock(offset: Duration) -> String {
    let seconds = offset.as_secs();
    let tenths = match offset.subsec_millis() / 100 {
        0 => String::new(),
        tenths => format!(".{tenths}"),
    };
    format!("{:02}:{:02}:{:02}{tenths}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}
