//! `Data` of a PerfectGym event: the fields of `data` that are known.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::lenient::{self, FromJson};
use crate::{Decimal, Id, IsoTime};

/// The fields that receivers have seen in `data`; the vendor does not publish them, so each may be absent.
///
/// Each is read independently: one with another form is `None`, does not affect the others, and stays in
/// [`Entry::raw_data`](super::Entry::raw_data).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Data {
    /// The person; PerfectGym's API calls it member id.
    #[serde(default, deserialize_with = "lenient::field", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// The contract.
    #[serde(default, deserialize_with = "lenient::field", skip_serializing_if = "Option::is_none")]
    pub contract_id: Option<Id>,
    /// When the contract was signed.
    #[serde(default, deserialize_with = "lenient::field", skip_serializing_if = "Option::is_none")]
    pub contract_sign_date: Option<IsoTime>,
    /// The payment plan's name.
    #[serde(default, deserialize_with = "lenient::field", skip_serializing_if = "Option::is_none")]
    pub payment_plan_name: Option<String>,
    /// One session of a class; PerfectGym's API calls it `Classes.id`.
    #[serde(default, deserialize_with = "lenient::field", skip_serializing_if = "Option::is_none")]
    pub time_table_event_id: Option<Id>,
    /// The booking of a personal training.
    #[serde(default, deserialize_with = "lenient::field", skip_serializing_if = "Option::is_none")]
    pub personal_training_booking_id: Option<Id>,
    /// The person as an object.
    #[serde(default, deserialize_with = "lenient::field", skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
}

impl Data {
    /// The person: `userId`, else `user.userId`.
    #[must_use]
    pub fn person(&self) -> Option<&Id> {
        self.user_id.as_ref().or_else(|| self.user.as_ref()?.user_id.as_ref())
    }
}

/// The person inside [`Data`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct User {
    /// The person.
    #[serde(default, deserialize_with = "lenient::field", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
}

impl FromJson for User {
    fn from_json(json: Box<RawValue>) -> Option<Self> {
        serde_json::from_str(json.get()).ok()
    }
}

/// What `data` holds in a `Test`, as printed on the vendor's page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TestData {
    /// A number, `12345678` on the page.
    pub value_long: i64,
    /// A text.
    pub value_text: String,
    /// An object within.
    pub nested_data: NestedTestData,
}

/// The object within [`TestData`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NestedTestData {
    /// A text.
    pub text: String,
    /// A time.
    pub date: IsoTime,
    /// An amount, `33.78` on the page.
    pub amount: Decimal,
}
