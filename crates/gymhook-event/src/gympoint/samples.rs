//! `SAMPLES` of GymPoint: one body for every event type.

use crate::{Provenance, Sample, Vendor};

/// A sample of every event type; the envelope and all of `data` are assumptions, see [the module](super).
#[must_use]
pub fn samples() -> &'static [Sample] {
    SAMPLES
}

const fn sample(event_type: &'static str, description: &'static str, body: &'static str) -> Sample {
    Sample::new(Vendor::GYMPOINT, event_type, Provenance::Ours, description, body)
}

const SAMPLES: &[Sample] = &[
    sample(
        "member.created",
        "A new member was added.",
        r#"{"event":"member.created","data":{"id":"m_1042","firstName":"Ada","lastName":"Example"}}"#,
    ),
    sample(
        "member.updated",
        "A member's profile was changed.",
        r#"{"event":"member.updated","data":{"id":"m_1042","email":"ada@example.org"}}"#,
    ),
    sample("member.deleted", "A member was removed.", r#"{"event":"member.deleted","data":{"id":"m_1042"}}"#),
    sample(
        "membership.activated",
        "A membership plan became active.",
        r#"{"event":"membership.activated","data":{"memberId":"m_1042","plan":"Unlimited"}}"#,
    ),
    sample(
        "membership.canceled",
        "A membership was cancelled.",
        r#"{"event":"membership.canceled","data":{"memberId":"m_1042","plan":"Unlimited"}}"#,
    ),
    sample(
        "payment.successful",
        "A payment was processed.",
        r#"{"event":"payment.successful","data":{"memberId":"m_1042","amount":49.90,"currency":"USD"}}"#,
    ),
    sample(
        "payment.failed",
        "A payment attempt failed.",
        r#"{"event":"payment.failed","data":{"memberId":"m_1042","amount":49.90,"currency":"USD"}}"#,
    ),
    sample(
        "payment.refunded",
        "A payment was refunded.",
        r#"{"event":"payment.refunded","data":{"memberId":"m_1042","amount":49.90,"currency":"USD"}}"#,
    ),
    sample(
        "checkin.created",
        "A member checked in.",
        r#"{"event":"checkin.created","data":{"memberId":"m_1042","location":"Main Street"}}"#,
    ),
];
