//! `Reading`: reads from a PG Next item's content what the common form of an event needs. Each field is read by
//! itself, when it is first requested.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use time::UtcDateTime;

use super::EventType;
use crate::raw::Raw;
use crate::{Id, IsoTime, SubjectKind, decode, lenient};

/// What an item is about beside its entity.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    pub(super) related: Option<(SubjectKind, Id)>,
    /// The part of the contract that is related.
    pub(super) part: Option<(SubjectKind, Id)>,
    pub(super) checkouts: Vec<CheckedOut>,
}

/// One person who was checked out automatically.
#[derive(Clone, Debug)]
pub(super) struct CheckedOut {
    pub(super) customer: Option<Id>,
    pub(super) at: Option<UtcDateTime>,
    pub(super) json: Raw,
}

impl Reading {
    pub(super) fn of(event_type: &EventType, content: Option<&RawValue>) -> Self {
        let Some(content) = content.and_then(|raw| decode::view::<Fields>(raw).ok()) else {
            return Self::default();
        };
        if *event_type == EventType::AutomaticCustomerCheckout {
            let checkouts = content.checkouts.iter().flat_map(elements).map(CheckedOut::read).collect();
            return Self { checkouts, ..Self::default() };
        }
        Self { part: content.part(event_type), related: content.related(event_type), checkouts: Vec::new() }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    #[serde(default, deserialize_with = "lenient::field")]
    aggregator_id: Option<Id>,
    #[serde(default, deserialize_with = "lenient::field")]
    contract_id: Option<Id>,
    #[serde(default, deserialize_with = "lenient::field")]
    module_contract_id: Option<Id>,
    #[serde(default, deserialize_with = "lenient::field")]
    idle_period_id: Option<Id>,
    #[serde(default, deserialize_with = "lenient::field")]
    class_id: Option<Id>,
    #[serde(default, deserialize_with = "lenient::field")]
    target_studio_id: Option<Id>,
    #[serde(default, deserialize_with = "lenient::field")]
    agency_debt_collection_case_id: Option<Id>,
    #[serde(default, deserialize_with = "lenient::field")]
    agency_collection_case_id: Option<Id>,
    #[serde(default, deserialize_with = "lenient::field")]
    collection_case_id: Option<Id>,
    checkouts: Option<Raw>,
}

impl Fields {
    fn part(&self, event_type: &EventType) -> Option<(SubjectKind, Id)> {
        let (kind, id) = if is_about_a_module(event_type) {
            (SubjectKind::ContractModule, &self.module_contract_id)
        } else if is_about_an_idle_period(event_type) {
            (SubjectKind::IdlePeriod, &self.idle_period_id)
        } else {
            return None;
        };
        Some((kind, id.clone()?))
    }

    fn related(self, event_type: &EventType) -> Option<(SubjectKind, Id)> {
        let (kind, id) = if is_about_a_contract(event_type) {
            (SubjectKind::Contract, self.contract_id)
        } else if matches!(event_type, EventType::ClassSlotCancelled | EventType::ClassSlotUpdated) {
            (SubjectKind::Class, self.class_id)
        } else if *event_type == EventType::AggregatorMemberCreated {
            (SubjectKind::AggregatorMember, self.aggregator_id)
        } else if *event_type == EventType::CustomerHomeStudioUpdated {
            (SubjectKind::Studio, self.target_studio_id)
        } else if *event_type == EventType::FinanceDebtCollectionCaseUpdated {
            let agency = self.agency_debt_collection_case_id.or(self.agency_collection_case_id);
            (SubjectKind::DebtCollectionCase, agency.or(self.collection_case_id))
        } else {
            return None;
        };
        Some((kind, id?))
    }
}

/// Whether `contractId` is published for the type, or goes with what receivers have seen of it.
fn is_about_a_contract(event_type: &EventType) -> bool {
    is_about_a_module(event_type)
        || is_about_an_idle_period(event_type)
        || matches!(
            event_type,
            EventType::ContractUpdated
                | EventType::ContractCreated
                | EventType::ContractCancelled
                | EventType::CustomerCheckinStudiosUpdated
                | EventType::ContractReversed
        )
}

fn is_about_a_module(event_type: &EventType) -> bool {
    matches!(
        event_type,
        EventType::ContractAdditionalModuleCreated
            | EventType::ContractAdditionalModuleDeleted
            | EventType::ContractAdditionalModuleUpdated
            | EventType::ContractAdditionalModuleCancelled
    )
}

fn is_about_an_idle_period(event_type: &EventType) -> bool {
    matches!(
        event_type,
        EventType::ContractIdlePeriodCreated
            | EventType::ContractIdlePeriodCancelled
            | EventType::ContractIdlePeriodUpdated
    )
}

impl CheckedOut {
    fn read(json: Raw) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields {
            #[serde(default, deserialize_with = "lenient::field")]
            customer_id: Option<Id>,
            #[serde(default, deserialize_with = "lenient::field")]
            checkout_time: Option<IsoTime>,
        }
        let Fields { customer_id, checkout_time } = decode::view(json.get()).unwrap_or_default();
        Self { customer: customer_id, at: checkout_time.and_then(|time| time.to_utc()), json }
    }
}

/// The elements of an array, or of the arrays in an object around it, which is how the vendor's page prints it.
fn elements(checkouts: &Raw) -> Vec<Raw> {
    let array = |json: &Raw| serde_json::from_str::<Vec<Raw>>(json.get().get());
    array(checkouts).unwrap_or_else(|_| {
        let wrapper =
            serde_json::from_str::<BTreeMap<String, Raw>>(checkouts.get().get()).unwrap_or_default();
        wrapper.values().flat_map(|json| array(json).unwrap_or_default()).collect()
    })
}
