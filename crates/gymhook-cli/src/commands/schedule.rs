//! `gymhook schedule`: prints the times of a delivery's attempts, and when it is given up.

use core::time::Duration;

use clap::{ArgGroup, Args};
use gymhook::retry::{Anchor, Jitter, RetryPolicy, RetrySchedule, time_math};
use serde::Serialize;
use time::UtcDateTime;

use crate::failure::Failure;
use crate::output::Output;
use crate::platform::Platform;
use crate::when;

/// Show when a delivery that never succeeds is attempted, and when it is given up
#[derive(Args, Debug)]
#[command(after_help = "\
EARLIEST: every attempt fails at once. LATEST: each takes its whole timeout, and every spread its longest wait.

Example: when does GymPoint give up on what was sent at noon?
  gymhook schedule gympoint --from 2026-01-01T12:00:00Z")]
#[command(group = ArgGroup::new("which").required(true).args(["platform", "delays", "exponential"]))]
pub(crate) struct Arguments {
    /// The platform's own schedule
    platform: Option<Platform>,
    /// Waits one after another: 5m,30m,2h
    #[arg(long, value_name = "LENGTHS", value_delimiter = ',', value_parser = when::length)]
    delays: Option<Vec<Duration>>,
    /// The first wait, its factor, the longest wait and the number of retries: 1m,2,1h,5
    #[arg(long, value_name = "FIRST,FACTOR,MAX,RETRIES", value_parser = exponential)]
    exponential: Option<RetrySchedule>,
    /// When the first attempt starts: RFC 3339, or Unix seconds or milliseconds; now by default
    #[arg(long, value_name = "TIME", value_parser = when::instant)]
    from: Option<UtcDateTime>,
    /// How long an attempt may take, in place of the platform's limit
    #[arg(long, value_name = "LENGTH", value_parser = when::length)]
    timeout: Option<Duration>,
    /// Count every wait from the first failure, not from the last
    #[arg(long)]
    from_first_failure: bool,
    /// Spread the waits: none, full, equal, decorrelated, or per cent to either side, such as 10
    #[arg(long, value_parser = jitter)]
    jitter: Option<Jitter>,
}

#[derive(Serialize)]
struct Attempt {
    record: &'static str,
    attempt: u32,
    earliest: String,
    latest: String,
    earliest_ms: u64,
    latest_ms: u64,
}

#[derive(Serialize)]
struct GivesUp {
    record: &'static str,
    at: String,
    after_ms: u64,
    at_if_throttled: String,
}

/// A longer schedule is shown in part.
const MAX_ROWS: usize = 1_000;

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let policy = policy(arguments)?;
    let start = arguments.from.unwrap_or_else(UtcDateTime::now);
    let preview = policy.preview(start);
    let mut rows = Vec::new();
    for attempt in preview.clone().take(MAX_ROWS) {
        let since = |at| time_math::elapsed(start, at);
        output.record(&Attempt {
            record: "planned-attempt",
            attempt: attempt.attempt.get(),
            earliest: when::text(attempt.earliest),
            latest: when::text(attempt.latest),
            earliest_ms: when::millis(since(attempt.earliest)),
            latest_ms: when::millis(since(attempt.latest)),
        })?;
        rows.push([
            attempt.attempt.to_string(),
            after(since(attempt.earliest)),
            after(since(attempt.latest)),
            when::local(attempt.earliest),
            when::local(attempt.latest),
        ]);
    }
    let all = u64::from(policy.schedule().retries()).saturating_add(1);
    let left_out = all.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    output.table(&["attempt", "earliest", "latest", "local time", "at the latest"], rows)?;
    if left_out > 0 {
        output.line(&format!("… and {left_out} more"))?;
        return Ok(());
    }
    let gives_up = preview.gives_up_at();
    let throttled = preview.gives_up_at_throttled();
    output.line(&format!(
        "gives up {} at the latest, {}; with a Retry-After in every answer {}",
        when::local(gives_up),
        after(time_math::elapsed(start, gives_up)),
        when::local(throttled)
    ))?;
    output.record(&GivesUp {
        record: "give-up",
        at: when::text(gives_up),
        after_ms: when::millis(time_math::elapsed(start, gives_up)),
        at_if_throttled: when::text(throttled),
    })
}

fn policy(arguments: &Arguments) -> Result<RetryPolicy, Failure> {
    let mut policy = match (arguments.platform, &arguments.delays, &arguments.exponential) {
        (Some(platform), _, _) => platform.retry(),
        (None, Some(delays), _) => RetryPolicy::new(RetrySchedule::fixed(delays.clone())),
        (None, None, Some(schedule)) => RetryPolicy::new(schedule.clone()),
        (None, None, None) => {
            return Err(Failure::usage("name a platform, or give --delays or --exponential"));
        }
    };
    if let Some(timeout) = arguments.timeout {
        policy = policy.with_attempt_timeout(timeout);
    }
    if arguments.from_first_failure {
        policy = policy.with_anchor(Anchor::FirstFailure);
    }
    if let Some(jitter) = arguments.jitter {
        policy = policy.with_jitter(jitter);
    }
    Ok(policy)
}

fn after(length: Duration) -> String {
    if length.is_zero() { "at once".to_owned() } else { format!("+{}", when::span(length)) }
}

fn exponential(text: &str) -> Result<RetrySchedule, String> {
    const WANTED: &str =
        "write the first wait, a factor, the longest wait and the number of retries: 1m,2,1h,5";
    let parts: Vec<&str> = text.split(',').collect();
    let [first, factor, max, retries] = parts.as_slice() else { return Err(WANTED.to_owned()) };
    let retries = retries.parse().map_err(|_| WANTED.to_owned())?;
    let factor = factor.parse().map_err(|_| WANTED.to_owned())?;
    RetrySchedule::exponential(when::length(first)?, factor, when::length(max)?, retries)
        .map_err(|error| error.to_string())
}

fn jitter(text: &str) -> Result<Jitter, String> {
    Ok(match text {
        "none" => Jitter::None,
        "full" => Jitter::Full,
        "equal" => Jitter::Equal,
        "decorrelated" => Jitter::Decorrelated,
        _ => {
            let percent = text.parse().ok().filter(|percent| *percent <= 100);
            let percent =
                percent.ok_or("write none, full, equal, decorrelated, or a number from 0 to 100")?;
            Jitter::Proportional { percent }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_attempts_is_one_more_than_the_retries() {
        let schedule = exponential("1m,2,1h,5").unwrap();
        assert_eq!(RetryPolicy::new(schedule).preview(UtcDateTime::UNIX_EPOCH).count(), 6);
    }
}
