//! `Content` and `Checkout` of a PG Next event: the fields of `content` that are known.

use core::fmt;

use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::raw::Raw;
use crate::{Decimal, Id, IsoTime};

/// The published fields of `content`, of which each type has a few.
///
/// | types | fields |
/// |---|---|
/// | `AGGREGATOR_MEMBER_CREATED` | `aggregator_id` |
/// | `AUTOMATIC_CUSTOMER_CHECKOUT` | `checkouts` |
/// | `CONTRACT_CREATED`, `_UPDATED`, `_CANCELLED`; `CUSTOMER_CHECKIN_STUDIOS_UPDATED` | `contract_id` |
/// | `CONTRACT_ADDITIONAL_MODULE_…` | `contract_id` (the main contract), `module_contract_id` |
/// | `CONTRACT_IDLE_PERIOD_…` | `contract_id`, `idle_period_id`, perhaps `idle_period_amount`, `used_free_terms_in_days` |
/// | `CUSTOMER_HOME_STUDIO_UPDATED` | `source_studio_id`, `target_studio_id` |
/// | `CLASS_SLOT_…` | `class_id` |
/// | `FINANCE_DEBT_COLLECTION_CASE_UPDATED` | [`case_id`](Content::case_id) |
///
/// Types gain fields over time, so one structure serves all: what is absent or `null` is `None`, and what is not known
/// here is in [`Item::raw_content`](super::Item::raw_content).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Content {
    /// The person as a member of the aggregator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregator_id: Option<Id>,
    /// The main contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_id: Option<Id>,
    /// The contract of the additional module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_contract_id: Option<Id>,
    /// The resting period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_period_id: Option<Id>,
    /// An amount that goes with the resting period; the vendor does not say of what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_period_amount: Option<Decimal>,
    /// Days of free terms that the resting period uses up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_free_terms_in_days: Option<Decimal>,
    /// The class of which this is one session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_id: Option<Id>,
    /// The former home studio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_studio_id: Option<Id>,
    /// The new home studio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_studio_id: Option<Id>,
    /// The collection agency's own id of the case; better ask [`case_id`](Self::case_id).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agency_debt_collection_case_id: Option<Id>,
    /// The same under the name that the vendor's page on use cases gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agency_collection_case_id: Option<Id>,
    /// PG Next's id of the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection_case_id: Option<Id>,
    /// Who was checked out; an object around the array is read too, since the vendor's page prints one.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "checkouts")]
    pub checkouts: Vec<Checkout>,
}

impl Content {
    /// The debt collection case: the agency's id under either name if it is set, else PG Next's.
    #[must_use]
    pub fn case_id(&self) -> Option<&Id> {
        [&self.agency_debt_collection_case_id, &self.agency_collection_case_id, &self.collection_case_id]
            .into_iter()
            .find_map(Option::as_ref)
    }
}

/// One person who was checked out automatically.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Checkout {
    /// The customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Id>,
    /// When they were checked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkout_time: Option<IsoTime>,
}

impl Checkout {
    /// That customer was checked out then.
    #[must_use]
    pub fn new(customer_id: impl Into<Id>, checkout_time: IsoTime) -> Self {
        Self { customer_id: Some(customer_id.into()), checkout_time: Some(checkout_time) }
    }
}

fn checkouts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Checkout>, D::Error> {
    deserializer.deserialize_any(CheckoutsVisitor)
}

struct CheckoutsVisitor;

impl<'de> Visitor<'de> for CheckoutsVisitor {
    type Value = Vec<Checkout>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of checkouts")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut checkouts = Vec::new();
        while let Some(checkout) = array.next_element()? {
            checkouts.push(checkout);
        }
        Ok(checkouts)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut wrapper: A) -> Result<Self::Value, A::Error> {
        let mut checkouts = Vec::new();
        while let Some((_, value)) = wrapper.next_entry::<IgnoredAny, Raw>()? {
            let inner: Vec<Checkout> = serde_json::from_str(value.get().get())
                .map_err(|_| de::Error::custom("in its wrapper, expected an array of checkouts"))?;
            checkouts.extend(inner);
        }
        Ok(checkouts)
    }
}
