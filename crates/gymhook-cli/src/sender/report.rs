//! `Reporter`: prints each attempt of `send` and `replay`, and at the end the totals and percentiles.

use core::time::Duration;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use gymhook::retry::AttemptNumber;
use http::{HeaderValue, header};
use indicatif::ProgressBar;
use serde::Serialize;

use super::{Delivery, Id};
use crate::exchange::{Exchange, clock_ahead};
use crate::failure::Failure;
use crate::output::{Output, Tone, shown};
use crate::when;

/// An attempt that ended.
#[derive(Debug)]
pub(crate) struct Attempted {
    delivery: Id,
    label: Arc<str>,
    attempt: AttemptNumber,
    seen: Option<Exchange>,
    /// The response's `Date`, the only one of its headers that is looked at.
    date: Option<HeaderValue>,
    problem: Option<String>,
    next: Next,
}

/// What follows an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    Delivered,
    Retry { attempt: AttemptNumber, wait: Duration },
    Undeliverable,
    EndpointGone,
}

impl Attempted {
    pub(crate) fn of(delivery: &Delivery, attempt: AttemptNumber, mut seen: Exchange, next: Next) -> Self {
        let (delivery, label) = (delivery.id.clone(), Arc::clone(&delivery.label));
        let date = core::mem::take(&mut seen.headers).remove(header::DATE);
        Self { delivery, label, attempt, date, problem: seen.problem.take(), seen: Some(seen), next }
    }

    pub(crate) fn not_sent(delivery: &Delivery, attempt: AttemptNumber, problem: String) -> Self {
        let (delivery, label) = (delivery.id.clone(), Arc::clone(&delivery.label));
        Self {
            delivery,
            label,
            attempt,
            seen: None,
            date: None,
            problem: Some(problem),
            next: Next::Undeliverable,
        }
    }

    /// The status, the kind of fault, or that nothing was sent.
    fn word(&self) -> &str {
        self.seen.as_ref().map_or("not sent", Exchange::word)
    }
}

#[derive(Serialize)]
struct AttemptRecord<'a> {
    record: &'static str,
    delivery: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
    attempt: u32,
    status: Option<u16>,
    error: Option<&'a str>,
    took_ms: Option<f64>,
    next: &'static str,
    retry_in_ms: Option<u64>,
    answer: Option<String>,
}

/// What came of it all.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summary {
    record: &'static str,
    pub(crate) deliveries: usize,
    pub(crate) delivered: usize,
    pub(crate) undeliverable: usize,
    pub(crate) attempts: usize,
    by_answer: BTreeMap<String, usize>,
    latency_ms: Option<Percentiles>,
    elapsed_ms: u64,
    interrupted: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

/// Prints attempts as they end, and a summary.
pub(crate) struct Reporter<'o> {
    output: &'o mut Output,
    bar: ProgressBar,
    speed: f64,
    latencies: Vec<Duration>,
    pub(crate) summary: Summary,
    /// The last date that was compared with this machine's clock.
    compared: Option<HeaderValue>,
    warned_of_clock: bool,
}

impl<'o> Reporter<'o> {
    pub(crate) fn new(output: &'o mut Output, bar: ProgressBar, speed: f64) -> Self {
        let summary = Summary { record: "summary", ..Summary::default() };
        Self { output, bar, speed, latencies: Vec::new(), summary, compared: None, warned_of_clock: false }
    }

    /// Reports these, and writes their lines together.
    pub(crate) fn report_all(&mut self, attempts: impl Iterator<Item = Attempted>) -> Result<(), Failure> {
        self.output.hold();
        for attempted in attempts {
            self.report(attempted)?;
        }
        let output = &mut *self.output;
        self.bar.suspend(|| output.release())
    }

    pub(crate) fn report(&mut self, attempted: Attempted) -> Result<(), Failure> {
        self.count(&attempted);
        if !self.warned_of_clock {
            self.compare_clocks(&attempted);
        }
        if self.output.is_json() {
            return self.output.record(&record(&attempted));
        }
        if self.output.is_quiet() {
            return Ok(());
        }
        let line = self.line(&attempted);
        if self.output.is_holding() {
            return self.output.line(&line);
        }
        let output = &mut *self.output;
        self.bar.suspend(|| output.line(&line))
    }

    fn count(&mut self, attempted: &Attempted) {
        self.summary.attempts += 1;
        match self.summary.by_answer.get_mut(attempted.word()) {
            Some(times) => *times += 1,
            None => drop(self.summary.by_answer.insert(attempted.word().to_owned(), 1)),
        }
        self.latencies.extend(attempted.seen.as_ref().map(|seen| seen.took));
        match attempted.next {
            Next::Retry { .. } => return,
            Next::Delivered => self.summary.delivered += 1,
            Next::Undeliverable | Next::EndpointGone => self.summary.undeliverable += 1,
        }
        self.summary.deliveries += 1;
        self.bar.inc(1);
    }

    /// Warns once if the receiver's clock is far from this one.
    fn compare_clocks(&mut self, attempted: &Attempted) {
        const ODD: Duration = Duration::from_secs(30);
        if attempted.date == self.compared {
            return;
        }
        self.compared.clone_from(&attempted.date);
        let Some(ahead) = clock_ahead(attempted.date.as_ref()) else { return };
        if ahead.unsigned_abs() > ODD {
            self.warned_of_clock = true;
            let direction = if ahead.is_negative() { "behind" } else { "ahead of" };
            let by = when::span(Duration::from_secs(ahead.unsigned_abs().as_secs()));
            self.output.warn(&format!("the receiver's clock is {by} {direction} this one (its Date header): signed times may be refused"));
        }
    }

    fn line(&self, attempted: &Attempted) -> String {
        let took = attempted.seen.as_ref().map(|seen| when::span(seen.took)).unwrap_or_default();
        let (tone, next) = match attempted.next {
            Next::Delivered => (Tone::Good, Cow::Borrowed("delivered")),
            Next::Undeliverable => (Tone::Bad, Cow::Borrowed("undeliverable")),
            Next::EndpointGone => (Tone::Bad, Cow::Borrowed("the endpoint is gone")),
            Next::Retry { attempt, wait } => (Tone::Warning, Cow::Owned(self.retry(attempt, wait))),
        };
        let id = attempted.delivery.as_str();
        let id = id.get(..8).unwrap_or(id);
        let (style, faint, word) = (tone.style(), Tone::Faint.style(), attempted.word());
        let (label, attempt) = (shown(&attempted.label), attempted.attempt);
        let mut line = format!(
            "{style}{word:<8}{style:#} {took:>8}  {label}  {faint}{id}{faint:#}  attempt {attempt}: {next}"
        );
        if let Some(problem) = &attempted.problem {
            line += &format!(" ({})", shown(problem));
        }
        if self.output.is_verbose()
            && let Some(answer) = answer(attempted)
        {
            line += &format!("\n         {}", Tone::Faint.paint(&shown(&answer)));
        }
        line
    }

    fn retry(&self, attempt: AttemptNumber, wait: Duration) -> String {
        let real = wait.div_f64(self.speed);
        let at_speed =
            if real == wait { String::new() } else { format!(" ({} at {}x)", when::span(real), self.speed) };
        format!("attempt {attempt} in {}{at_speed}", when::span(wait))
    }

    /// The last words.
    pub(crate) fn finish(&mut self, elapsed: Duration, interrupted: bool) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        self.latencies.sort_unstable();
        self.summary.latency_ms = percentiles(&self.latencies);
        self.summary.elapsed_ms = when::millis(elapsed);
        self.summary.interrupted = interrupted;
        self.output.record(&self.summary)?;
        let summary = &self.summary;
        let ended = if interrupted { "interrupted: " } else { "" };
        let rate =
            if elapsed.as_secs_f64() > 0.0 { count(summary.attempts) / elapsed.as_secs_f64() } else { 0.0 };
        self.output.line(&format!(
            "{ended}{} delivered, {} undeliverable in {} ({} attempts, {rate:.0}/s)",
            summary.delivered,
            summary.undeliverable,
            when::span(elapsed),
            summary.attempts
        ))?;
        let by_answer: Vec<String> =
            summary.by_answer.iter().map(|(word, times)| format!("{word}: {times}")).collect();
        if !by_answer.is_empty() {
            self.output.line(&format!("answers  {}", by_answer.join(", ")))?;
        }
        if let Some(Percentiles { p50, p90, p99, max }) = summary.latency_ms {
            self.output.line(&format!(
                "latency  p50 {p50:.1} ms, p90 {p90:.1} ms, p99 {p99:.1} ms, max {max:.1} ms"
            ))?;
        }
        Ok(())
    }
}

fn record(attempted: &Attempted) -> AttemptRecord<'_> {
    let (next, wait) = match attempted.next {
        Next::Delivered => ("delivered", None),
        Next::Undeliverable => ("undeliverable", None),
        Next::EndpointGone => ("endpoint-gone", None),
        Next::Retry { wait, .. } => ("retry", Some(when::millis(wait))),
    };
    AttemptRecord {
        record: "attempt",
        delivery: attempted.delivery.as_str(),
        event_type: &attempted.label,
        attempt: attempted.attempt.get(),
        status: attempted.seen.as_ref().and_then(Exchange::status).map(|status| status.as_u16()),
        error: attempted.problem.as_deref(),
        took_ms: attempted.seen.as_ref().map(|seen| seen.took.as_secs_f64() * 1_000.0),
        next,
        retry_in_ms: wait,
        answer: answer(attempted),
    }
}

fn answer(attempted: &Attempted) -> Option<String> {
    const SHOWN: usize = 1_000;
    let body = attempted.seen.as_ref().map(|seen| &seen.body).filter(|body| !body.is_empty())?;
    Some(String::from_utf8_lossy(body).chars().take(SHOWN).collect())
}

/// By the nearest-rank method: the smallest value that this share of all does not exceed.
fn percentiles(sorted: &[Duration]) -> Option<Percentiles> {
    let rank = |percent: usize| {
        let rank = sorted.len().saturating_mul(percent).div_ceil(100).max(1);
        sorted.get(rank - 1).map(|value| value.as_secs_f64() * 1_000.0)
    };
    Some(Percentiles { p50: rank(50)?, p90: rank(90)?, p99: rank(99)?, max: rank(100)? })
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let millis: Vec<Duration> = (1..=10).map(Duration::from_millis).collect();
        let Percentiles { p50, p90, p99, max } = percentiles(&millis).unwrap();
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
        // Of ten values the fifth, the ninth, and the tenth twice.
        assert!(near(p50, 5.0) && near(p90, 9.0) && near(p99, 10.0) && near(max, 10.0));
        assert!(percentiles(&[]).is_none());
    }
}
