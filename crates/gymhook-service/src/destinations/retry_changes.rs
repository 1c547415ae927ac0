//! `RetryChanges`: reads what a request or a form changes of how a destination is retried.

use core::time::Duration;

use super::Retry;
use super::retry::{attempt_timeout, check_one_of_both, delay, exponential};
use crate::Problem;

/// What is changed of [`Retry`]: what is `None` stays as it is, and `Some(None)` is the default again.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetryChanges {
    pub(super) delays: Option<Option<Vec<Duration>>>,
    pub(super) attempt_timeout: Option<Option<Duration>>,
}

impl RetryChanges {
    /// Reads the settings as people write them. Delays and the rule that they follow are one setting, of which at most one is
    /// given: if the other is `null`, it does not count.
    ///
    /// # Errors
    /// What cannot be used, with its place.
    pub(crate) fn read(
        delays: Option<Option<Vec<String>>>,
        rule: Option<Option<String>>,
        timeout: Option<Option<String>>,
    ) -> Result<Self, Problem> {
        let at = |place: String| move |problem: String| Problem::invalid(place, problem);
        let rule_place = || "/retry_exponential".to_owned();
        let is_given = delays.is_some() || rule.is_some();
        let (delays, rule) = (delays.flatten(), rule.flatten());
        check_one_of_both(delays.is_some(), rule.is_some()).map_err(at(rule_place()))?;
        let delays = match (delays, rule) {
            (Some(delays), _) => {
                let all = delays.iter().enumerate();
                let all = all.map(|(place, text)| delay(text).map_err(at(format!("/retry_delays/{place}"))));
                Some(all.collect::<Result<Vec<_>, _>>()?)
            }
            (None, rule) => rule.as_deref().map(exponential).transpose().map_err(at(rule_place()))?,
        };
        let timeout = timeout.map(|timeout| timeout.as_deref().map(attempt_timeout).transpose());
        let attempt_timeout = timeout.transpose().map_err(at("/attempt_timeout".to_owned()))?;
        Retry::new(delays.as_deref(), attempt_timeout.flatten())
            .map_err(|(field, problem)| Problem::invalid(format!("/{field}"), problem))?;
        Ok(Self { delays: is_given.then_some(delays), attempt_timeout })
    }
}
