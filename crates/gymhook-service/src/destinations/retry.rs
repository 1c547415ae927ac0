//! `Retry`: the retry settings of a destination that differ from the default, read from text such as `1m,2,1h,5` and
//! checked.

use core::time::Duration;

use gymhook::delivery::EndpointPolicy;
use gymhook::retry::{AttemptNumber, RetrySchedule};
use gymhook::text::parse_length;
use serde::{Deserialize, Serialize};

use super::{RetryChanges, platform};

/// What of the [policy of destinations](platform::policy) a destination has of its own, in whole seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Retry {
    #[serde(skip_serializing_if = "Option::is_none")]
    delays: Option<Vec<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt_timeout: Option<u64>,
}

/// How often a delivery is retried at most, and how long its attempts and the delays between them may be. Our choice: the page
/// shows all of them, and a log is kept for 30 days.
const MAX_RETRIES: usize = 100;
const LONGEST_DELAY: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const LONGEST_ATTEMPT: Duration = Duration::from_secs(2 * 60);

impl Retry {
    /// What is not given is the default.
    ///
    /// # Errors
    /// The name of the field that cannot be used, and why not.
    pub(crate) fn new(
        delays: Option<&[Duration]>,
        attempt_timeout: Option<Duration>,
    ) -> Result<Self, (&'static str, String)> {
        let delays = delays.map(|delays| {
            if delays.len() > MAX_RETRIES {
                return Err(too_many());
            }
            delays.iter().map(|delay| within(*delay, LONGEST_DELAY)).collect()
        });
        let attempt_timeout = attempt_timeout.map(|timeout| within(timeout, LONGEST_ATTEMPT));
        Ok(Self {
            delays: delays.transpose().map_err(|problem| ("retry_delays", problem))?,
            attempt_timeout: attempt_timeout.transpose().map_err(|problem| ("attempt_timeout", problem))?,
        })
    }

    /// The same with these changes.
    pub(crate) fn changed(&self, by: &RetryChanges) -> Self {
        let seconds = |delays: &Vec<Duration>| delays.iter().map(Duration::as_secs).collect();
        Self {
            delays: match &by.delays {
                Some(delays) => delays.as_ref().map(seconds),
                None => self.delays.clone(),
            },
            attempt_timeout: match by.attempt_timeout {
                Some(timeout) => timeout.map(|timeout| timeout.as_secs()),
                None => self.attempt_timeout,
            },
        }
    }

    /// The delays that it has of its own, as people write them.
    pub(crate) fn own_delays(&self) -> Option<Vec<String>> {
        let delays = self.delays.as_ref()?.iter();
        Some(delays.map(|seconds| written(Duration::from_secs(*seconds))).collect())
    }

    /// The longest attempt that it has of its own, as people write it.
    pub(crate) fn own_attempt_timeout(&self) -> Option<String> {
        self.attempt_timeout.map(|seconds| written(Duration::from_secs(seconds)))
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// How the destination is retried, limited and disabled.
    pub(crate) fn policy(&self) -> EndpointPolicy {
        let policy = platform::policy();
        let mut retry = policy.retry().clone();
        if let Some(delays) = &self.delays {
            let delays: Vec<_> = delays.iter().copied().map(Duration::from_secs).collect();
            retry = retry.with_schedule(RetrySchedule::fixed(delays));
        }
        if let Some(timeout) = self.attempt_timeout {
            retry = retry.with_attempt_timeout(Duration::from_secs(timeout));
        }
        policy.with_retry(retry)
    }
}

fn too_many() -> String {
    format!("more than {MAX_RETRIES} retries are too many: leave some out")
}

fn within(length: Duration, longest: Duration) -> Result<u64, String> {
    if length.subsec_nanos() > 0 || length.is_zero() || length > longest {
        return Err(format!("write whole seconds from 1s to {}", written(longest)));
    }
    Ok(length.as_secs())
}

/// Refuses delays if there is a rule that they would follow as well.
pub(crate) fn check_one_of_both(has_delays: bool, has_rule: bool) -> Result<(), String> {
    if has_delays && has_rule {
        return Err("a list of delays and a rule exclude one another: leave one of the two out".to_owned());
    }
    Ok(())
}

/// A delay between two attempts, as people write it.
pub(crate) fn delay(text: &str) -> Result<Duration, String> {
    length_within(text, LONGEST_DELAY)
}

/// How long an attempt may take, as people write it.
pub(crate) fn attempt_timeout(text: &str) -> Result<Duration, String> {
    length_within(text, LONGEST_ATTEMPT)
}

fn length_within(text: &str, longest: Duration) -> Result<Duration, String> {
    let length = parse_length(text).map_err(|error| format!("{text:?} is {error}"))?;
    within(length, longest).map_err(|problem| format!("{text:?} cannot be used: {problem}"))?;
    Ok(length)
}

/// The delays of a growing schedule, before jitter, as `gymhook schedule --exponential` has it: the first delay, its factor, the longest delay and
/// the number of retries.
pub(crate) fn exponential(text: &str) -> Result<Vec<Duration>, String> {
    let wanted = || {
        format!(
            "{text:?} cannot be used: write the first delay, its factor, the longest delay and the number of retries, as 1m,2,1h,5"
        )
    };
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [first, factor, max, retries] = parts.as_slice() else { return Err(wanted()) };
    let factor = factor.parse().map_err(|_| wanted())?;
    let retries: u32 = retries.parse().map_err(|_| wanted())?;
    if usize::try_from(retries).is_ok_and(|retries| retries > MAX_RETRIES) {
        return Err(too_many());
    }
    let schedule = RetrySchedule::exponential(delay(first)?, factor, delay(max)?, retries)
        .map_err(|error| format!("{text:?} cannot be used: {error}"))?;
    Ok(delays(&schedule))
}

/// The delays of a schedule, one after the other.
fn delays(schedule: &RetrySchedule) -> Vec<Duration> {
    let failed = (1..=schedule.retries()).filter_map(AttemptNumber::new);
    failed.map_while(|failed| schedule.delay_after(failed)).take(MAX_RETRIES).collect()
}

/// The delays between the attempts of a policy, and how long an attempt may take, as people write them.
pub(crate) fn shown(policy: &EndpointPolicy) -> (Vec<String>, String) {
    let retry = policy.retry();
    let delays = delays(retry.schedule());
    (delays.into_iter().map(written).collect(), written(retry.attempt_timeout()))
}

/// A length in the largest unit that divides it.
fn written(length: Duration) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let seconds = length.as_secs();
    let unit = UNITS.into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (unit, name) = unit.unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_written_again() {
        let (delays_of, timeout) = shown(&platform::policy());
        // The specification's schedule.
        assert_eq!(delays_of, ["5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "1d"]);
        assert_eq!(timeout, "15s");
        let again: Vec<_> = delays_of.iter().map(|text| delay(text).unwrap()).collect();
        let retry = Retry::new(Some(&again), Some(attempt_timeout(&timeout).unwrap())).unwrap();
        assert_eq!(shown(&retry.policy()), (delays_of, timeout));
    }

    #[test]
    fn a_growing_schedule_is_the_delays_that_it_has() {
        let text = |all: &[Duration]| all.iter().copied().map(written).collect::<Vec<_>>();
        assert_eq!(text(&exponential("90s, 3, 10m, 4").unwrap()), ["90s", "270s", "10m", "10m"]);
        assert!(exponential("1m,2,1h,0").unwrap().is_empty());
        for wrong in
            ["", "1m,2,1h", "1m,2,1h,5,6", "1m,x,1h,5", "1m,0,1h,5", "1h,2,1m,5", "0s,2,1m,5", "1m,2,1h,101"]
        {
            assert!(exponential(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_no_one_would_want_is_refused() {
        assert!(["0s", "500ms", "31d", "x", ""].iter().all(|text| delay(text).is_err()));
        assert!(["0s", "1500ms", "121s"].iter().all(|text| attempt_timeout(text).is_err()));
        let second = Duration::from_secs(1);
        assert_eq!(Retry::new(Some(&[second; 101]), None).unwrap_err().0, "retry_delays");
        assert_eq!(Retry::new(None, Some(Duration::ZERO)).unwrap_err().0, "attempt_timeout");
        assert!(Retry::new(Some(&[second; 100]), Some(second)).is_ok());
    }
}
