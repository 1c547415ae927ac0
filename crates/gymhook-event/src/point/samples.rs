//! `SAMPLES` of Point: one body for every event type.

use crate::{Provenance, Sample, Vendor};

/// A sample of every event type with all published fields.
#[must_use]
pub fn samples() -> &'static [Sample] {
    SAMPLES
}

const SAMPLES: &[Sample] = &[
    Sample::new(
        Vendor::POINT,
        "workout.created",
        Provenance::Documented,
        "A workout was recorded.",
        r#"{"eventType":"workout.created","userId":"b9e2ce2a-9e0b-4f7b-8f43-6f2f3f1c2d11","userExternalId":"member-1042","dataSource":"fitbit","clientId":"c-1","payload":[{"id":48211,"activityId":7,"userId":"b9e2ce2a-9e0b-4f7b-8f43-6f2f3f1c2d11","activityName":"Spinning","calories":412.75,"distance":18.20,"duration":2700,"start":"2022-11-21T17:55:00.000Z","end":"2022-11-21T18:40:00.000Z","ratings":{"energy":4,"difficulty":3,"instructor":null},"createdAt":"2022-11-21T18:44:00.352Z","updatedAt":"2022-11-21T18:44:00.352Z","workoutRecommendationId":null,"workoutIntensity":2,"externalMetadata":{"device":"Charge 5"}}]}"#,
    ),
    Sample::new(
        Vendor::POINT,
        "insight.created",
        Provenance::Documented,
        "An insight was drawn from a person's workouts.",
        r#"{"eventType":"insight.created","userId":"b9e2ce2a-9e0b-4f7b-8f43-6f2f3f1c2d11","userExternalId":"member-1042","dataSource":"fitbit","clientId":"c-1","payload":[{"id":9917,"userId":"b9e2ce2a-9e0b-4f7b-8f43-6f2f3f1c2d11","insight":"record_calories_burned","additionalFields":{"calories":412.75},"createdAt":"2022-11-21T19:00:00.000Z","updatedAt":"2022-11-21T19:00:00.000Z","lastProcessedAt":null}]}"#,
    ),
];
