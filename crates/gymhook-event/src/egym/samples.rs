//! `SAMPLES` of EGYM: one body for every event type.

use crate::{Provenance, Sample, Vendor};

/// A sample of every event type.
#[must_use]
pub fn samples() -> &'static [Sample] {
    SAMPLES
}

const fn sample(event_type: &'static str, description: &'static str, body: &'static str) -> Sample {
    Sample::new(Vendor::EGYM, event_type, Provenance::Documented, description, body)
}

const SAMPLES: &[Sample] = &[
    sample(
        "GYM_CHECKIN",
        "A person has physically checked in at a gym.",
        r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#,
    ),
    sample(
        "GYM_CHECKOUT",
        "A person has physically checked out from a gym.",
        r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667926712004,"type":"GYM_CHECKOUT"}"#,
    ),
    sample(
        "EQUIPMENT_CHECKIN",
        "A person has logged in to equipment.",
        r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921845310,"type":"EQUIPMENT_CHECKIN"}"#,
    ),
    sample(
        "MEMBERSHIP_DELETE",
        "A member's data was deleted from EGYM.",
        r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1711022400000,"type":"MEMBERSHIP_DELETE"}"#,
    ),
    sample(
        "GENIUS_ONBOARDING_COMPLETED",
        "A member completed the Genius onboarding.",
        r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1711026000500,"type":"GENIUS_ONBOARDING_COMPLETED"}"#,
    ),
    sample(
        "TEST",
        "EGYM tries whether the endpoint answers; account and time may be absent.",
        r#"{"accountId":"00000000-0000-0000-0000-000000000000","timestamp":1667921300000,"type":"TEST"}"#,
    ),
];
