//! `RehearsalArgs` make the endpoint answer with failures and delays on purpose; `Seen` recognises attempts and
//! repeats of a delivery.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use clap::{ArgGroup, Args};
use http::StatusCode;

use crate::when;

/// How to answer what was accepted.
#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("failing").args(["fail_first", "fail_rate"]).multiple(true))]
pub(crate) struct RehearsalArgs {
    /// Answer accepted requests with this status
    #[arg(long, value_name = "STATUS", default_value = "200", value_parser = status, help_heading = "Rehearsal")]
    pub(crate) status: StatusCode,
    /// Wait this long before every answer
    #[arg(long, value_name = "LENGTH", value_parser = when::length, default_value = "0s", help_heading = "Rehearsal")]
    pub(crate) delay: Duration,
    /// Fail the first N attempts of every delivery
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Rehearsal")]
    pub(crate) fail_first: u32,
    /// Fail this share of all requests, such as 0.2 or 20%
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = share, help_heading = "Rehearsal")]
    pub(crate) fail_rate: f64,
    /// The status of those that fail
    #[arg(long, value_name = "STATUS", default_value = "503", value_parser = status, requires = "failing", help_heading = "Rehearsal")]
    pub(crate) fail_status: StatusCode,
    /// Ask failed requests to wait this long (`Retry-After`)
    #[arg(long, value_name = "LENGTH", value_parser = seconds, requires = "failing", help_heading = "Rehearsal")]
    pub(crate) retry_after: Option<Duration>,
}

fn status(text: &str) -> Result<StatusCode, String> {
    let status = text.parse::<StatusCode>().ok().filter(|status| (200..=599).contains(&status.as_u16()));
    status.ok_or_else(|| "write a status from 200 to 599".to_owned())
}

/// What `Retry-After` can say.
fn seconds(text: &str) -> Result<Duration, String> {
    let length = when::length(text)?;
    if length.subsec_nanos() == 0 { Ok(length) } else { Err("write whole seconds, such as 90s".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 100.0));
    let share = number.parse::<f64>().ok().map(|share| share / whole);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "write a share from 0 to 1, or per cent: 0.2 or 20%".to_owned())
}

/// What repeats of a request share: a digest of its id where it has one, else of its body.
pub(super) type RequestName = [u8; 32];

/// Deliveries that were seen, by what their repeats have in common; the oldest are forgotten.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    deliveries: BTreeMap<RequestName, Delivery>,
    order: VecDeque<RequestName>,
}

#[derive(Debug)]
struct Delivery {
    first: i64,
    digest: [u8; 32],
    attempts: u32,
}

/// How an attempt relates to those before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Repeat {
    /// The number of the request that was the first.
    pub(crate) first: i64,
    /// Whether it has another body.
    pub(crate) other_body: bool,
}

const REMEMBERED: usize = 10_000;

impl Seen {
    /// Takes note of an attempt; says which one it is, counted from 1, and of what it is a repeat.
    pub(crate) fn note(
        &mut self,
        name: RequestName,
        request: i64,
        digest: [u8; 32],
    ) -> (u32, Option<Repeat>) {
        if let Some(known) = self.deliveries.get_mut(&name) {
            known.attempts = known.attempts.saturating_add(1);
            return (known.attempts, Some(Repeat { first: known.first, other_body: known.digest != digest }));
        }
        if self.order.len() == REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.deliveries.remove(&oldest);
        }
        self.order.push_back(name);
        self.deliveries.insert(name, Delivery { first: request, digest, attempts: 1 });
        (1, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_and_a_long_run_is_forgotten() {
        let mut seen = Seen::default();
        assert_eq!(seen.note([1; 32], 1, [0; 32]), (1, None));
        assert_eq!(seen.note([1; 32], 2, [0; 32]), (2, Some(Repeat { first: 1, other_body: false })));
        assert_eq!(seen.note([1; 32], 3, [1; 32]), (3, Some(Repeat { first: 1, other_body: true })));
        for number in 0..=REMEMBERED {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&number.to_be_bytes());
            seen.note(name, 4, [0; 32]);
        }
        assert_eq!(seen.deliveries.len(), REMEMBERED);
        assert_eq!(seen.note([1; 32], 5, [0; 32]), (1, None));
    }

    #[test]
    fn shares_are_read() {
        assert!((share("20%").unwrap() - 0.2).abs() < 1e-9 && (share("0.2").unwrap() - 0.2).abs() < 1e-9);
        assert!(share("2").is_err() && share("-1%").is_err() && share("NaN").is_err() && share("").is_err());
    }
}
