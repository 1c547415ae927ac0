//! Reads the retry settings of a destination from a request.

use crate::Problem;
use crate::destinations::{Retry, attempt_timeout, delay, exponential};

/// What is given of how a destination is retried.
pub(super) fn retry(
    delays: Option<Vec<String>>,
    growing: Option<&str>,
    timeout: Option<&str>,
) -> Result<Retry, Problem> {
    let at = |place: String| move |problem: String| Problem::invalid(place, problem);
    let rule = || "/retry_exponential".to_owned();
    let delays = match (delays, growing) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid(rule(), "it excludes retry_delays: leave one of the two out"));
        }
        (None, growing) => growing.map(exponential).transpose().map_err(at(rule()))?,
        (Some(delays), None) => {
            let all = delays.iter().enumerate();
            let all = all.map(|(place, text)| delay(text).map_err(at(format!("/retry_delays/{place}"))));
            Some(all.collect::<Result<Vec<_>, _>>()?)
        }
    };
    let timeout = timeout.map(attempt_timeout).transpose().map_err(at("/attempt_timeout".to_owned()))?;
    Retry::new(delays.as_deref(), timeout)
        .map_err(|(field, problem)| Problem::invalid(format!("/{field}"), problem))
}
