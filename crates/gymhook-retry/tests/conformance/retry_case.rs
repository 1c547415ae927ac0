//! Replays one `retry` case of gymhook-vectors/1 through the public API.

use core::time::Duration;

use gymhook_retry::{
    AttemptNumber, Decision, Fault, Jitter, Outcome, RetryAfter, RetryPolicy, RetrySchedule, draw, moment,
};
use http::StatusCode;
use serde_json::Value;
use time::UtcDateTime;
use time::macros::utc_datetime;

/// Offsets count from the first attempt, so any start serves; dates in the vectors are long past or far ahead of it.
const START: UtcDateTime = utc_datetime!(2026-01-01 0:00);

/// What a replay comes to, in the words of `expect`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) attempt_offsets_ms: Vec<u64>,
    pub(crate) end: &'static str,
}

/// Runs the outcomes of a case one after another, or says in words what is wrong with the case.
pub(crate) fn replay(case: &Value) -> Result<Replay, String> {
    let policy = policy(&case["policy"])?;
    let policy = match case["jitter"].as_str() {
        Some("none") => policy.with_jitter(Jitter::None),
        None => policy,
        Some(other) => return Err(format!("unknown jitter {other}")),
    };
    let name = case["name"].as_str().unwrap_or_default();
    let (mut attempt, mut at, mut first_failure) = (AttemptNumber::FIRST, START, None);
    let mut attempt_offsets_ms = vec![0];
    for seen in case["outcomes"].as_array().ok_or("no outcomes")? {
        let ended = moment::later(at, millis(&seen["took_ms"])?);
        let decision =
            policy.decide(attempt, first_failure, &outcome(seen, ended)?, draw(name, attempt), ended);
        first_failure = first_failure.or(Some(ended));
        match decision {
            Decision::Delivered => return Ok(Replay { attempt_offsets_ms, end: "delivered" }),
            Decision::Undeliverable { .. } => return Ok(Replay { attempt_offsets_ms, end: "undeliverable" }),
            Decision::EndpointGone => return Ok(Replay { attempt_offsets_ms, end: "endpoint-gone" }),
            Decision::RetryAt { at: due, attempt: next, .. } => (at, attempt) = (due, next),
        }
        let offset = moment::elapsed(START, at).as_millis();
        attempt_offsets_ms.push(u64::try_from(offset).map_err(|error| error.to_string())?);
    }
    Ok(Replay { attempt_offsets_ms, end: "waiting" })
}

fn policy(value: &Value) -> Result<RetryPolicy, String> {
    if let Some(name) = value.as_str() {
        return match name {
            "gympoint" => Ok(RetryPolicy::gympoint()),
            "egym" => Ok(RetryPolicy::egym()),
            "perfectgym" => Ok(RetryPolicy::perfectgym()),
            "pg-next" => Ok(RetryPolicy::pg_next()),
            "point" => Ok(RetryPolicy::point()),
            "standard-webhooks" => Ok(RetryPolicy::standard_webhooks()),
            other => Err(format!("unknown policy {other}")),
        };
    }
    let schedule = if let Some(delays) = value["delays_ms"].as_array() {
        RetrySchedule::fixed(delays.iter().map(millis).collect::<Result<Vec<_>, _>>()?)
    } else if !value["constant_ms"].is_null() {
        RetrySchedule::constant(millis(&value["constant_ms"])?, number(&value["retries"])?)
    } else {
        RetrySchedule::exponential(
            millis(&value["initial_ms"])?,
            number(&value["factor"])?,
            millis(&value["max_ms"])?,
            number(&value["retries"])?,
        )
        .map_err(|error| error.to_string())?
    };
    Ok(RetryPolicy::new(schedule))
}

fn outcome(seen: &Value, ended: UtcDateTime) -> Result<Outcome, String> {
    if let Some(error) = seen["error"].as_str() {
        return error.parse::<Fault>().map(Outcome::Failure).map_err(|_| format!("unknown error {error}"));
    }
    let status = u16::try_from(seen["status"].as_u64().ok_or("neither status nor error")?)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or("no status of HTTP")?;
    let retry_after = seen["retry_after"].as_str().and_then(|value| RetryAfter::parse(value, ended));
    Ok(Outcome::Response { status, retry_after })
}

fn millis(value: &Value) -> Result<Duration, String> {
    value.as_u64().map(Duration::from_millis).ok_or_else(|| format!("{value} is no number of milliseconds"))
}

fn number(value: &Value) -> Result<u32, String> {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).ok_or_else(|| format!("{value} is no 32-bit number"))
}
