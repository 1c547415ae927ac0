//! Decoding: each vendor's notification against serde_json into a plain owned struct of the same content.
//!
//! The plain structs know five fields and lose all others; what gymhook reads lazily (`data`, `content`, `payload`) is raw JSON
//! in them, too. Where a second group reads that as well, the floor has it all typed and reads it in one go.

use core::hint::black_box;

use gymhook::event::{Sample, decode, egym, gympoint, perfectgym, pg_next, point};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Goal, Group, Outcome};

const FLOOR: &str = "floor";

/// One group a vendor, then those that read the typed data, too.
pub fn groups() -> impl Iterator<Item = Outcome<Group>> {
    let builds: [fn() -> Outcome<Group>; 8] = [
        || envelope::<plain::GymPoint, gympoint::Notification>("decode GymPoint", GYMPOINT),
        || envelope::<plain::Egym, egym::Notification>("decode EGYM", EGYM),
        || envelope::<plain::PerfectGym, perfectgym::Notification>("decode PerfectGym", PERFECTGYM),
        || envelope::<plain::PgNext, pg_next::Notification>("decode PG Next", PG_NEXT),
        || envelope::<plain::Point, point::Notification>("decode Point", POINT),
        perfectgym_with_data,
        pg_next_with_content,
        point_with_workout,
    ];
    builds.into_iter().map(|build| build())
}

/// Where a sample is: its vendor's list and its event type.
type Place = (fn() -> &'static [Sample], &'static str);

const GYMPOINT: Place = (gympoint::samples, "payment.successful");
const EGYM: Place = (egym::samples, "GYM_CHECKIN");
const PERFECTGYM: Place = (perfectgym::samples, "ContractCreated");
const PG_NEXT: Place = (pg_next::samples, "CONTRACT_ADDITIONAL_MODULE_CREATED");
const POINT: Place = (point::samples, "workout.created");

fn body((samples, event_type): Place) -> Outcome<&'static [u8]> {
    let sample = samples().iter().find(|sample| sample.event_type == event_type);
    Ok(sample.ok_or("no such sample")?.body.as_bytes())
}

fn envelope<Plain: DeserializeOwned, Notification: DeserializeOwned>(
    name: &'static str,
    place: Place,
) -> Outcome<Group> {
    let body = body(place)?;
    Group::new(name, body.len())
        .with(FLOOR, move || plainly::<Plain>(body).is_some())?
        .with_goals("gymhook", &[Goal::AtMost(1.3, FLOOR)], None, move || {
            black_box(&decode::<Notification>(black_box(body))).is_ok()
        })?
        .with("serde_json::Value", move || plainly::<Value>(body).is_some())
}

fn perfectgym_with_data() -> Outcome<Group> {
    whole::<plain::PerfectGymWhole>("decode PerfectGym, data too", PERFECTGYM, |body| {
        let notification: perfectgym::Notification = decode(body).ok()?;
        let data = notification.entries().first()?.data().ok()?;
        black_box(&data);
        Some(())
    })
}

fn pg_next_with_content() -> Outcome<Group> {
    whole::<plain::PgNextWhole>("decode PG Next, content too", PG_NEXT, |body| {
        let notification: pg_next::Notification = decode(body).ok()?;
        let content = notification.items().first()?.content().ok()?;
        black_box(&content);
        Some(())
    })
}

fn point_with_workout() -> Outcome<Group> {
    whole::<plain::PointWhole>("decode Point, workout too", POINT, |body| {
        let notification: point::Notification = decode(body).ok()?;
        let workout = notification.items().first()?.workout().ok()?;
        black_box(&workout);
        Some(())
    })
}

fn whole<Plain: DeserializeOwned>(
    name: &'static str,
    place: Place,
    gymhook: fn(&[u8]) -> Option<()>,
) -> Outcome<Group> {
    let body = body(place)?;
    Group::new(name, body.len())
        .with(FLOOR, move || plainly::<Plain>(body).is_some())?
        .with("gymhook", move || gymhook(black_box(body)).is_some())?
        .with("serde_json::Value", move || plainly::<Value>(body).is_some())
}

/// The faster one of serde_json's two ways.
fn plainly<T: DeserializeOwned>(body: &[u8]) -> Option<()> {
    let text = core::str::from_utf8(black_box(body)).ok()?;
    let value: T = serde_json::from_str(text).ok()?;
    black_box(&value);
    Some(())
}

/// What one would write without a library.
mod plain {
    #![allow(dead_code, reason = "filled by serde_json, and that is all")]

    use super::{Deserialize, RawValue};

    #[derive(Deserialize)]
    pub(super) struct GymPoint {
        event: String,
        data: Option<Box<RawValue>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Egym {
        account_id: Option<String>,
        timestamp: Option<i64>,
        r#type: String,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct PerfectGym<Data = Box<RawValue>> {
        event: String,
        triggered_date: Option<String>,
        data: Option<Data>,
    }

    pub(super) type PerfectGymWhole = PerfectGym<Contract>;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Contract {
        user_id: Option<i64>,
        contract_id: Option<i64>,
        contract_sign_date: Option<String>,
        payment_plan_name: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct PgNext<Content = Box<RawValue>> {
        entity_id: Option<i64>,
        uuid: String,
        payload: Vec<PgNextItem<Content>>,
    }

    #[derive(Deserialize)]
    pub(super) struct PgNextItem<Content> {
        timestamp: i64,
        r#type: String,
        content: Option<Content>,
    }

    pub(super) type PgNextWhole = PgNext<Module>;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Module {
        contract_id: Option<i64>,
        module_contract_id: Option<i64>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Point<Item = Box<RawValue>> {
        event_type: String,
        user_id: String,
        user_external_id: Option<String>,
        data_source: Option<String>,
        client_id: Option<String>,
        payload: Vec<Item>,
    }

    pub(super) type PointWhole = Point<Workout>;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Workout {
        id: Option<i64>,
        activity_id: Option<i64>,
        user_id: Option<String>,
        activity_name: Option<String>,
        calories: Option<f64>,
        distance: Option<f64>,
        duration: Option<i64>,
        start: Option<String>,
        end: Option<String>,
        ratings: Option<Ratings>,
        created_at: Option<String>,
        updated_at: Option<String>,
        workout_recommendation_id: Option<i64>,
        workout_intensity: Option<i64>,
        external_metadata: Option<Box<RawValue>>,
    }

    #[derive(Deserialize)]
    pub(super) struct Ratings {
        energy: Option<i64>,
        difficulty: Option<i64>,
        instructor: Option<i64>,
    }
}
