//! `received`, `accepted`, `refused` and `describe_metrics`: the metrics, log lines and observers of a source. Labels
//! come from closed sets, and none contains a secret, a signature or a byte of a body.
//!
//! The table of metrics is on the front page of this crate.

use core::error::Error;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use gymhook::event::Vendor;
use gymhook::signature::{KeyId, Proof};
use gymhook::text::one_line;
use http::StatusCode;

use crate::RefusalReason;

/// A request that was refused: the argument of the callback of [`WebhookSource::on_refusal`](crate::WebhookSource::on_refusal).
#[derive(Debug)]
#[non_exhaustive]
pub struct Refused<'r> {
    /// The platform of the source.
    pub platform: Vendor,
    /// The reason, from a closed set.
    pub reason: RefusalReason,
    /// The answer's status.
    pub status: StatusCode,
    /// The key that matched, if the proof held.
    pub key: Option<&'r KeyId>,
    /// The error: a [`Refusal`](crate::Refusal), or an inbox's `AcceptError`.
    pub error: &'r (dyn Error + 'static),
}

/// Tells the metrics recorder of this process what each metric of this crate means, for example as Prometheus' `# HELP`.
///
/// Call it once, after the recorder is installed. Without it the metrics are counted all the same.
pub fn describe_metrics() {
    quietly(|| {
        metrics::describe_counter!("gymhook_received_total", "Webhooks that were received, by platform.");
        metrics::describe_counter!(
            "gymhook_refusals_total",
            "Requests that were refused, by platform and reason."
        );
        metrics::describe_counter!(
            "gymhook_accepted_total",
            "Webhooks that an inbox stored or knew, by platform."
        );
    });
}

/// The user's callback for refusals.
pub(crate) type Hook = dyn Fn(&Refused<'_>) + Send + Sync;

/// Counts and logs a refusal, and calls the user's callback.
pub(crate) fn refused(refused: &Refused<'_>, hook: Option<&Hook>) {
    let Refused { platform, reason, status, key, error } = refused;
    let (platform, reason, status) = (platform.as_str(), reason.as_str(), status.as_u16());
    let key = key.map(|key| key.as_str());
    quietly(|| {
        metrics::counter!("gymhook_refusals_total", "platform" => platform, "reason" => reason).increment(1);
        let detail = one_line(&error.to_string());
        match weight(refused.reason) {
            Weight::Error => {
                tracing::error!(platform, reason, status, key, detail, "a webhook was refused");
            }
            Weight::Warning => {
                tracing::warn!(platform, reason, status, key, detail, "a webhook was refused");
            }
            Weight::Note => tracing::info!(platform, reason, status, key, detail, "a webhook was refused"),
        }
    });
    if let Some(hook) = hook {
        let told = catch_unwind(AssertUnwindSafe(|| hook(refused)));
        if told.is_err() {
            quietly(|| tracing::error!(platform, "the on_refusal callback panicked"));
        }
    }
}

pub(crate) fn received(platform: Vendor, proof: &Proof) {
    let platform = platform.as_str();
    quietly(|| {
        metrics::counter!("gymhook_received_total", "platform" => platform).increment(1);
        tracing::debug!(platform, key = proof.key().as_str(), "a webhook was received");
    });
}

/// An inbox has it on disk.
#[cfg(feature = "inbox")]
pub(crate) fn accepted(platform: Vendor, outcome: &'static str) {
    let platform = platform.as_str();
    quietly(|| {
        metrics::counter!("gymhook_accepted_total", "platform" => platform, "outcome" => outcome)
            .increment(1);
    });
}

/// The log level of a refusal.
enum Weight {
    /// The receiver is at fault.
    Error,
    /// A platform's request may have been lost, or somebody is guessing.
    Warning,
    /// A peer that does not speak as a platform does.
    Note,
}

const fn weight(reason: RefusalReason) -> Weight {
    match reason {
        RefusalReason::BodyNotSigned | RefusalReason::Store => Weight::Error,
        RefusalReason::Busy
        | RefusalReason::Conflict
        | RefusalReason::NotVerified(_)
        | RefusalReason::Unreadable
        | RefusalReason::Unstorable => Weight::Warning,
        RefusalReason::BodyTooLarge
        | RefusalReason::ContentEncoding
        | RefusalReason::MalformedRequest
        | RefusalReason::MethodNotAllowed
        | RefusalReason::TimedOut => Weight::Note,
    }
}

/// Logs or counts something. A subscriber that panics, for example because the disk is full, does not fail the request.
fn quietly(log: impl FnOnce()) {
    // The panic cannot be logged: it was the logger that panicked.
    let _untold = catch_unwind(AssertUnwindSafe(log));
}
