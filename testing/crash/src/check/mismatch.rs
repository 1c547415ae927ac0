//! What both judges, of killed processes and of failing disks, compare in the same way.

use gymhook_engine::store::{AttemptOutcome, State};
use gymhook_retry::Fault;

use crate::rows::Row;

/// A delivery whose row or whose requests are not as they should be. Deliveries are named by their ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each is")]
pub enum Mismatch {
    #[error("{delivery:032x} has another body than was enqueued, or none")]
    BodyChanged { delivery: u128 },
    #[error("{delivery:032x} is at endpoint {endpoint}, or went there, which is not its own")]
    EndpointChanged { delivery: u128, endpoint: u32 },
    #[error("{delivery:032x} counts as delivered, and its endpoint never took it")]
    NotDelivered { delivery: u128 },
    #[error("{delivery:032x}: request {send} came after request {before}")]
    NumberNotRising { delivery: u128, send: u32, before: u32 },
    #[error("{delivery:032x}: request {send} was made, and the store knows of {known}")]
    NotRecordedFirst { delivery: u128, send: u32, known: u32 },
    #[error(
        "{delivery:032x}: the log of attempts has {logged} of request {send}, which the endpoint answered with {status:?}"
    )]
    LogWrong { delivery: u128, send: u32, logged: String, status: Option<u16> },
    #[error("endpoint {endpoint} got {delivery:032x} after {later:032x}, which was enqueued later")]
    OutOfOrder { endpoint: u32, delivery: u128, later: u128 },
}

/// A delivery as it was enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Its id.
    pub delivery: u128,
    /// Its endpoint's number.
    pub endpoint: u32,
    /// Its body's.
    pub digest: u64,
}

/// A request as its endpoint saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The endpoint's number.
    pub endpoint: u32,
    /// Its number among the delivery's requests.
    pub send: u32,
    /// The body's.
    pub digest: u64,
    /// The status that it was answered with; `None` if it was not.
    pub status: Option<u16>,
}

impl Expected {
    /// The delivery's row has its endpoint and its body.
    #[must_use]
    pub fn row(&self, row: &Row) -> Vec<Mismatch> {
        self.content(row.endpoint, row.digest)
    }

    /// A row that counts as delivered was taken: both the endpoint and the log of attempts say so of the same request.
    #[must_use]
    pub fn delivered(&self, row: &Row, requests: &[Seen]) -> Vec<Mismatch> {
        let is_taken = |request: &Seen| {
            is_accepted(request.status) && row.logged(request.send).is_some_and(|logged| logged.is_accepted())
        };
        if requests.iter().any(is_taken) {
            return Vec::new();
        }
        vec![Mismatch::NotDelivered { delivery: self.delivery }]
    }

    /// The delivery's requests, in the order in which they were seen, went to its endpoint with its body, and their numbers rise.
    #[must_use]
    pub fn requests(&self, requests: &[Seen]) -> Vec<Mismatch> {
        let delivery = self.delivery;
        let content = |request: &Seen| self.content(request.endpoint, Some(request.digest));
        let mut found: Vec<Mismatch> = requests.iter().flat_map(content).collect();
        for pair in requests.windows(2) {
            let [Seen { send: before, .. }, Seen { send, .. }] = *pair else { continue };
            if send <= before {
                found.push(Mismatch::NumberNotRising { delivery, send, before });
            }
        }
        found
    }

    /// The store was told of each request before it was made, and the log of attempts says what the endpoint did.
    #[must_use]
    pub fn log(&self, row: &Row, requests: &[Seen]) -> Vec<Mismatch> {
        let delivery = self.delivery;
        let mut found = Vec::new();
        for Seen { send, status, .. } in requests.iter().copied() {
            // What is quarantined counts nothing.
            if send > row.sends && row.state != State::Quarantined {
                found.push(Mismatch::NotRecordedFirst { delivery, send, known: row.sends });
            }
            let Some(logged) = row.logged(send) else { continue };
            let agrees = match logged.outcome {
                AttemptOutcome::Response => logged.status.is_some() && logged.status == status,
                // An answer may come too late, or find nobody.
                AttemptOutcome::Fault(Fault::Timeout) | AttemptOutcome::Lost => true,
                AttemptOutcome::Fault(_) | AttemptOutcome::Internal | AttemptOutcome::Panicked | _ => false,
            };
            if !agrees {
                let logged = format!("{} {:?}", logged.outcome, logged.status);
                found.push(Mismatch::LogWrong { delivery, send, logged, status });
            }
        }
        found
    }

    fn content(&self, endpoint: u32, digest: Option<u64>) -> Vec<Mismatch> {
        let delivery = self.delivery;
        let mut found = Vec::new();
        if digest != Some(self.digest) {
            found.push(Mismatch::BodyChanged { delivery });
        }
        if endpoint != self.endpoint {
            found.push(Mismatch::EndpointChanged { delivery, endpoint });
        }
        found
    }
}

/// Whether an answer with this status means that the endpoint took the delivery.
#[must_use]
pub fn is_accepted(status: Option<u16>) -> bool {
    status.is_some_and(|status| status / 100 == 2)
}
