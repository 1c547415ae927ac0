//! `Summary`: counts the requests of one run of `gymhook listen`, and prints the totals.

use std::collections::BTreeMap;

use serde::Serialize;

use super::shown_request::Shown;
use crate::failure::Failure;
use crate::output::Output;

/// What came while it listened.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summary {
    record: &'static str,
    pub(crate) requests: u64,
    accepted: u64,
    pub(crate) refused: u64,
    pub(crate) repeats: u64,
    by_status: BTreeMap<u16, u64>,
    by_reason: BTreeMap<&'static str, u64>,
    not_shown: u64,
}

impl Summary {
    pub(crate) fn new() -> Self {
        Self { record: "summary", ..Self::default() }
    }

    /// Adds those that came too fast to be shown.
    pub(crate) fn add_missed(&mut self, missed: u64) {
        self.not_shown += missed;
        self.requests += missed;
    }

    pub(crate) fn count(&mut self, request: &Shown) {
        self.requests += 1;
        if request.verdict == "accepted" {
            self.accepted += 1;
        } else {
            self.refused += 1;
        }
        self.repeats += u64::from(request.repeat.is_some());
        *self.by_status.entry(request.status).or_default() += 1;
        if let Some(reason) = request.reason {
            *self.by_reason.entry(reason).or_default() += 1;
        }
    }

    pub(crate) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        output.record(self)?;
        let statuses: Vec<String> =
            self.by_status.iter().map(|(status, times)| format!("{status}: {times}")).collect();
        let reasons: Vec<String> =
            self.by_reason.iter().map(|(reason, times)| format!("{reason}: {times}")).collect();
        let missed =
            if self.not_shown > 0 { format!(", {} not shown", self.not_shown) } else { String::new() };
        output.line(&format!(
            "{} requests: {} accepted, {} refused, {} repeats{missed}",
            self.requests, self.accepted, self.refused, self.repeats
        ))?;
        if !statuses.is_empty() {
            output.line(&format!("answers  {}", statuses.join(", ")))?;
        }
        if !reasons.is_empty() {
            output.line(&format!("refused  {}", reasons.join(", ")))?;
        }
        Ok(())
    }
}
