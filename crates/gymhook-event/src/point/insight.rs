//! `Insight`: the payload of Point's `insight.created`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::InsightType;
use crate::{Id, IsoTime};

/// A conclusion drawn from a person's workouts.
///
/// The vendor's pages and its SDKs disagree on what may be `null`, so every field may be absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Insight {
    /// The insight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Id>,
    /// Whom it concerns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insight: Option<InsightType>,
    /// Figures that go with it, as raw JSON: their form depends on what it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_fields: Option<Box<RawValue>>,
    /// When it was drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<IsoTime>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<IsoTime>,
    /// When it was last processed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_processed_at: Option<IsoTime>,
}
