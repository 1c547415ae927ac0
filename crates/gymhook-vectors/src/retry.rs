//! `RetryCase`, the kind `retry`: when a delivery is attempted again, and how it ends.

use core::time::Duration;

use gymhook_retry::{
    AttemptNumber, Decision, Fault, Jitter, Outcome, RetryAfter, RetryPolicy, RetrySchedule, draw, time_math,
};
use http::StatusCode;
use time::UtcDateTime;
use time::macros::utc_datetime;

use crate::case::{Check, Mismatch};
use crate::field::{FieldError, Object};

/// Offsets count from the first attempt, so any start serves; the dates in the vectors are long past it or far ahead.
const START: UtcDateTime = utc_datetime!(2026-01-01 0:00);

const ENDS: [&str; 4] = ["delivered", "undeliverable", "endpoint-gone", "waiting"];

/// A policy, what was seen at the end of each attempt, and the expected course.
#[derive(Debug)]
pub(crate) struct RetryCase {
    name: String,
    policy: RetryPolicy,
    seen: Vec<Seen>,
    expect: Expect,
}

/// What was seen at the end of one attempt, and how long it took.
#[derive(Debug)]
struct Seen {
    what: What,
    took: Duration,
}

#[derive(Debug)]
enum What {
    Response { status: StatusCode, retry_after: Option<String> },
    Failure(Fault),
}

/// What is `None` is not compared.
#[derive(Debug)]
struct Expect {
    attempt_offsets_ms: Option<Vec<u128>>,
    end: Option<&'static str>,
}

/// What the outcomes come to.
struct Course {
    attempt_offsets_ms: Vec<u128>,
    end: &'static str,
}

impl RetryCase {
    pub(crate) fn read(case: &Object<'_>) -> Result<Box<dyn Check>, FieldError> {
        let policy = read_policy(case)?;
        let policy = match case.optional::<&str>("jitter")? {
            Some("none") => policy.with_jitter(Jitter::None),
            None => policy,
            Some(_) => return Err(case.invalid("jitter", "\"none\" is the only jitter of the format")),
        };
        Ok(Box::new(Self {
            name: case.optional::<String>("name")?.unwrap_or_default(),
            policy,
            seen: case.objects("outcomes")?.iter().map(read_seen).collect::<Result<_, _>>()?,
            expect: read_expect(&case.object("expect")?)?,
        }))
    }

    fn course(&self) -> Course {
        let (mut attempt, mut at, mut first_failure) = (AttemptNumber::FIRST, START, None);
        let mut attempt_offsets_ms = vec![0];
        for seen in &self.seen {
            let ended = time_math::later(at, seen.took);
            let outcome = seen.what.outcome(ended);
            let decision =
                self.policy.decide(attempt, first_failure, &outcome, draw(&self.name, attempt), ended);
            first_failure = first_failure.or(Some(ended));
            let end = match decision {
                Decision::RetryAt { at: due, attempt: next, .. } => {
                    (at, attempt) = (due, next);
                    attempt_offsets_ms.push(time_math::elapsed(START, at).as_millis());
                    continue;
                }
                Decision::Delivered => "delivered",
                Decision::Undeliverable { .. } => "undeliverable",
                Decision::EndpointGone => "endpoint-gone",
            };
            return Course { attempt_offsets_ms, end };
        }
        Course { attempt_offsets_ms, end: "waiting" }
    }
}

impl Check for RetryCase {
    fn run(&self) -> Result<(), Mismatch> {
        let course = self.course();
        self.compare(Some(&course.attempt_offsets_ms), Some(course.end))
    }

    fn judge(&self, answer: &Object<'_>) -> Result<Result<(), Mismatch>, FieldError> {
        let Expect { attempt_offsets_ms, end } = read_expect(answer)?;
        Ok(self.compare(attempt_offsets_ms.as_deref(), end))
    }
}

impl RetryCase {
    /// What one side leaves out is not compared.
    fn compare(&self, got_offsets: Option<&[u128]>, got_end: Option<&str>) -> Result<(), Mismatch> {
        let Expect { attempt_offsets_ms, end } = &self.expect;
        let same_offsets = match (attempt_offsets_ms, got_offsets) {
            (Some(expected), Some(got)) => expected == got,
            (None, _) | (_, None) => true,
        };
        let same_end = match (end, got_end) {
            (Some(expected), Some(got)) => *expected == got,
            (None, _) | (_, None) => true,
        };
        if same_offsets && same_end {
            return Ok(());
        }
        let at = |offsets: Option<&[u128]>| {
            offsets.map_or_else(|| "any".to_owned(), |offsets| format!("{offsets:?}"))
        };
        let course = |offsets, end: Option<&str>| {
            format!("attempts at {} ms, then {}", at(offsets), end.unwrap_or("any end"))
        };
        Err(Mismatch {
            expected: course(attempt_offsets_ms.as_deref(), *end),
            got: course(got_offsets, got_end),
        })
    }
}

impl What {
    /// A `Retry-After` counts from the end of the attempt that brought it.
    fn outcome(&self, ended: UtcDateTime) -> Outcome {
        match self {
            Self::Response { status, retry_after } => Outcome::Response {
                status: *status,
                retry_after: retry_after.as_ref().and_then(|value| RetryAfter::parse(value, ended)),
            },
            Self::Failure(fault) => Outcome::Failure(*fault),
        }
    }
}

fn read_policy(case: &Object<'_>) -> Result<RetryPolicy, FieldError> {
    if let Ok(name) = case.required::<&str>("policy") {
        return match name {
            "gympoint" => Ok(RetryPolicy::gympoint()),
            "egym" => Ok(RetryPolicy::egym()),
            "perfectgym" => Ok(RetryPolicy::perfectgym()),
            "pg-next" => Ok(RetryPolicy::pg_next()),
            "point" => Ok(RetryPolicy::point()),
            "standard-webhooks" => Ok(RetryPolicy::standard_webhooks()),
            _ => Err(case.invalid("policy", "no preset has this name")),
        };
    }
    let policy = case.object("policy")?;
    let millis = |name: &str| policy.required(name).map(Duration::from_millis);
    let schedule = if policy.has("delays_ms") {
        policy.only(&["delays_ms"])?;
        let delays: Vec<u64> = policy.required("delays_ms")?;
        RetrySchedule::fixed(delays.into_iter().map(Duration::from_millis).collect::<Vec<_>>())
    } else if policy.has("constant_ms") {
        policy.only(&["constant_ms", "retries"])?;
        RetrySchedule::constant(millis("constant_ms")?, policy.required("retries")?)
    } else {
        policy.only(&["initial_ms", "factor", "max_ms", "retries"])?;
        let (initial, max) = (millis("initial_ms")?, millis("max_ms")?);
        RetrySchedule::exponential(initial, policy.required("factor")?, max, policy.required("retries")?)
            .map_err(|error| case.invalid("policy", error))?
    };
    Ok(RetryPolicy::new(schedule))
}

fn read_seen(outcome: &Object<'_>) -> Result<Seen, FieldError> {
    let took = Duration::from_millis(outcome.required("took_ms")?);
    let what = if outcome.has("error") {
        outcome.only(&["error", "took_ms"])?;
        let fault = outcome.required::<&str>("error")?.parse();
        What::Failure(fault.map_err(|error| outcome.invalid("error", error))?)
    } else {
        outcome.only(&["status", "retry_after", "took_ms"])?;
        let status = StatusCode::from_u16(outcome.required("status")?);
        let status = status.map_err(|error| outcome.invalid("status", error))?;
        What::Response { status, retry_after: outcome.optional("retry_after")? }
    };
    Ok(Seen { what, took })
}

fn read_expect(expect: &Object<'_>) -> Result<Expect, FieldError> {
    expect.only(&["attempt_offsets_ms", "end"])?;
    let offsets: Option<Vec<u64>> = expect.optional("attempt_offsets_ms")?;
    let end = match expect.optional::<&str>("end")? {
        None => None,
        Some(end) => {
            let known = ENDS.into_iter().find(|known| *known == end);
            Some(known.ok_or_else(|| expect.invalid("end", format!("one of {ENDS:?} is wanted")))?)
        }
    };
    if offsets.is_none() && end.is_none() {
        return Err(expect.missing("end"));
    }
    Ok(Expect { attempt_offsets_ms: offsets.map(|at| at.into_iter().map(u128::from).collect()), end })
}
