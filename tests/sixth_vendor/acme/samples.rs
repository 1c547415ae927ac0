//! One sample of every type.

use crate::{Provenance, Sample, Vendor};

/// A sample of every event type.
#[must_use]
pub fn samples() -> &'static [Sample] {
    SAMPLES
}

const SAMPLES: &[Sample] = &[Sample::new(
    Vendor::ACME,
    "turnstile.passed",
    Provenance::Ours,
    "A turnstile let somebody in.",
    r#"{"event":"turnstile.passed","member":4711}"#,
)];
