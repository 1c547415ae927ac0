//! `Rotation`, `Pause` and `TestResult`: the JSON of what subscriptions and destinations share: rotating a secret,
//! pausing and testing.

use core::time::Duration;

use gymhook_engine::{TestFailure, TestOutcome};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::Problem;
use crate::actions::tests_of_endpoints::Tested;

/// How a secret is rotated.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"overlap_seconds": 86_400}))]
pub(crate) struct Rotation {
    /// The new secret; drawn and shown once if it is left out.
    #[schema(value_type = Option<String>)]
    pub(super) secret: Option<Zeroizing<String>>,
    /// For how long the old one signs as well, where the platform's signature has room for both; a day by default.
    #[schema(maximum = 2_592_000)]
    pub(super) overlap_seconds: Option<u32>,
}

/// How long an old secret signs if nothing else is asked for. Our choice.
const OVERLAP: u32 = 24 * 60 * 60;
/// The longest overlap: 30 days. Our choice.
pub(crate) const LONGEST_OVERLAP: u32 = 30 * OVERLAP;

/// The overlap of a rotation.
pub(super) fn overlap(seconds: Option<u32>) -> Result<Duration, Problem> {
    let seconds = seconds.unwrap_or(OVERLAP);
    if seconds > LONGEST_OVERLAP {
        let detail = format!("it is at most {LONGEST_OVERLAP} seconds");
        return Err(Problem::invalid("/overlap_seconds", detail));
    }
    Ok(Duration::from_secs(seconds.into()))
}

/// Until when nothing is sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"until": "2026-01-31T12:00:00Z"}))]
pub(crate) struct Pause {
    /// Within a year.
    #[schema(format = "date-time")]
    pub(super) until: String,
}

/// The longest time to wait for a test's outcome, in seconds. Our choice.
const LONGEST_WAIT: u32 = 30;

/// How long to wait for a test's outcome.
pub(super) fn patience(wait_seconds: Option<u32>) -> Result<Duration, Problem> {
    let seconds = wait_seconds.unwrap_or(5);
    if seconds > LONGEST_WAIT {
        return Err(Problem::invalid("/wait_seconds", format!("it is at most {LONGEST_WAIT} seconds")));
    }
    Ok(Duration::from_secs(seconds.into()))
}

/// How a test went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"delivery": "0192ab34-0000-7000-8000-000000000001", "outcome": "succeeded", "status": 204}))]
pub(crate) struct TestResult {
    /// Its delivery, in the log.
    #[schema(format = "uuid")]
    delivery: String,
    /// succeeded, failed or pending.
    outcome: &'static str,
    /// The status of the answer, if there was one.
    status: Option<u16>,
    /// The answer's first characters.
    response: Option<String>,
    /// Why it failed, or has not been sent.
    detail: Option<String>,
}

impl From<Tested> for TestResult {
    fn from(tested: Tested) -> Self {
        let delivery = tested.delivery.to_string();
        let (outcome, status, response, detail) = match tested.outcome {
            TestOutcome::Succeeded(answer) => ("succeeded", Some(answer.status), answer.body, None),
            TestOutcome::Failed(TestFailure::Answered(answer)) => {
                ("failed", Some(answer.status), answer.body, None)
            }
            TestOutcome::Failed(failure) => ("failed", None, None, Some(failure.to_string())),
            TestOutcome::Pending { problem } => ("pending", None, None, problem),
            _ => ("pending", None, None, None),
        };
        Self { delivery, outcome, status, response, detail }
    }
}
