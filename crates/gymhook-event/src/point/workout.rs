//! `Workout` and `Ratings`: the payload of Point's `workout.created`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Decimal, Id, IsoTime};

/// A recorded workout.
///
/// The vendor's pages and its SDKs disagree on what may be `null`, so every field may be absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Workout {
    /// The workout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// The kind of activity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_id: Option<Id>,
    /// Who worked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// The name of the activity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_name: Option<String>,
    /// Calories burned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calories: Option<Decimal>,
    /// Distance covered; the vendor does not publish the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<Decimal>,
    /// How long it took; the vendor does not publish the unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Decimal>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<IsoTime>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<IsoTime>,
    /// How the person rated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratings: Option<Ratings>,
    /// When it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<IsoTime>,
    /// When the record was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<IsoTime>,
    /// The recommendation it followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workout_recommendation_id: Option<Id>,
    /// How intense it was; the vendor does not publish the scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workout_intensity: Option<Decimal>,
    /// Whatever the data source adds, as raw JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_metadata: Option<Box<RawValue>>,
}

/// How a person rated a workout; the vendor does not publish the scales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ratings {
    /// How energetic the person felt.
    pub energy: Option<i64>,
    /// How difficult it was.
    pub difficulty: Option<i64>,
    /// How good the instructor was.
    pub instructor: Option<i64>,
}
