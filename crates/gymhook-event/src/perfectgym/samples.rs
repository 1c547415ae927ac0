//! `SAMPLES` of PerfectGym: one body for every event type.

use crate::{Provenance, Sample, Vendor};

/// A sample of every event type; `data` holds the fields that receivers have seen, see [`Data`](super::Data).
#[must_use]
pub fn samples() -> &'static [Sample] {
    SAMPLES
}

const fn sample(event_type: &'static str, description: &'static str, body: &'static str) -> Sample {
    Sample::new(Vendor::PERFECTGYM, event_type, Provenance::Seen, description, body)
}

const SAMPLES: &[Sample] = &[
    sample(
        "ClassesBooked",
        "A class was booked.",
        r#"{"event":"ClassesBooked","triggeredDate":"2025-09-01T06:30:12Z","data":{"timeTableEventId":88214,"userId":5120}}"#,
    ),
    sample(
        "ClassesBookedOnStandbyList",
        "A class was booked and the person stays on its standby list.",
        r#"{"event":"ClassesBookedOnStandbyList","triggeredDate":"2025-09-01T06:31:40Z","data":{"timeTableEventId":88214,"userId":5121}}"#,
    ),
    sample(
        "ClassesBookingCancelled",
        "A booking of a class was cancelled.",
        r#"{"event":"ClassesBookingCancelled","triggeredDate":"2025-09-01T07:02:00Z","data":{"timeTableEventId":88214,"userId":5120}}"#,
    ),
    sample(
        "ClassesBookingPromotedFromStandbyList",
        "A person moved from the standby list to the class's list.",
        r#"{"event":"ClassesBookingPromotedFromStandbyList","triggeredDate":"2025-09-01T07:02:01Z","data":{"timeTableEventId":88214,"userId":5121}}"#,
    ),
    sample(
        "ContractPaymentDone",
        "A payment for a contract was made.",
        r#"{"event":"ContractPaymentDone","triggeredDate":"2025-09-02T09:15:00Z","data":{"contractId":30771,"userId":5120}}"#,
    ),
    sample(
        "ContractCreated",
        "A contract was added.",
        r#"{"event":"ContractCreated","triggeredDate":"2025-09-02T09:12:31Z","data":{"userId":5120,"contractId":30771,"contractSignDate":"2025-09-02T09:12:00Z","paymentPlanName":"Monthly 12"}}"#,
    ),
    sample(
        "PersonalTrainingBooked",
        "A personal training was booked.",
        r#"{"event":"PersonalTrainingBooked","triggeredDate":"2025-09-03T10:00:00Z","data":{"personalTrainingBookingId":4410}}"#,
    ),
    sample(
        "PersonalTrainingBookingCancelled",
        "A booking of a personal training was cancelled.",
        r#"{"event":"PersonalTrainingBookingCancelled","triggeredDate":"2025-09-03T10:05:00Z","data":{"personalTrainingBookingId":4410}}"#,
    ),
    sample(
        "UserCardScanned",
        "Someone tried, successfully or not, to enter a club or zone.",
        r#"{"event":"UserCardScanned","triggeredDate":"2025-09-04T05:59:58Z","data":{"userId":5120}}"#,
    ),
    sample(
        "UserModified",
        "The personal data of a guest or member was changed.",
        r#"{"event":"UserModified","triggeredDate":"2025-09-04T08:00:00Z","data":{"userId":5120}}"#,
    ),
    sample(
        "UserPresenceChanged",
        "A member entered the club.",
        r#"{"event":"UserPresenceChanged","triggeredDate":"2025-09-04T06:00:00Z","data":{"userId":5120}}"#,
    ),
    sample(
        "AgreementAnswerModified",
        "A person answered an agreement differently.",
        r#"{"event":"AgreementAnswerModified","triggeredDate":"2025-09-04T08:01:00Z","data":{"userId":5120}}"#,
    ),
    Sample::new(
        Vendor::PERFECTGYM,
        "Test",
        Provenance::Documented,
        "A test of all webhooks, sent by hand; as printed on the vendor's page.",
        r#"{"event":"Test","triggeredDate":"2020-06-01T14:44:46Z","data":{"valueLong":12345678,"valueText":"some text value","nestedData":{"text":"nested some text value","date":"2020-06-01T14:44:46Z","amount":33.78}}}"#,
    ),
];
