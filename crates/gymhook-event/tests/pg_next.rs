//! PG Next: envelope, payload and content.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's helpers may fail the test")]

use gymhook_event::pg_next::{Content, EventType, Item, Notification};
use gymhook_event::{DecodeError, DedupeKey, Id, Notification as _, decode, encode};
use time::UtcDateTime;
use uuid::Uuid;

const UUID: &str = "095be615-a8ad-4c33-8e9c-c7612fbf6c9f";

fn with_content(content: &str) -> Item {
    let body = format!(
        r#"{{"entityId":1,"uuid":"{UUID}","payload":[{{"timestamp":0,"type":"T","content":{content}}}]}}"#
    );
    decode::<Notification>(body.as_bytes()).unwrap().items()[0].clone()
}

fn missing<T>(result: Result<T, DecodeError>) -> String {
    if let Err(DecodeError::Missing { field, .. }) = result { field } else { "none".to_owned() }
}

#[test]
fn the_vendors_own_sample_is_read() {
    let body = br#"
        {
          "entityId": 7893459,
          "uuid": "095be615-a8ad-4c33-8e9c-c7612fbf6c9f",
          "payload": [
            {
              "timestamp": 1642779144176,
              "type": "CUSTOMER_CREATED"
            }
          ]
        }"#;
    let notification: Notification = decode(body).unwrap();
    assert_eq!(notification.entity_id(), Some(&Id::from(7_893_459)));
    assert_eq!(notification.uuid(), UUID.parse::<Uuid>().ok());
    assert_eq!(notification.items()[0].event_type(), &EventType::CustomerCreated);
    assert_eq!(notification.items()[0].timestamp().get(), 1_642_779_144_176);
    assert_eq!(notification.dedupe_key(), Some(DedupeKey::Provided(UUID.to_owned())));
}

#[test]
fn the_key_is_the_uuid_as_received() {
    let upper = UUID.to_uppercase();
    let body = format!(r#"{{"entityId":1,"uuid":"{upper}","payload":[]}}"#);
    assert_eq!(decode::<Notification>(body.as_bytes()).unwrap().dedupe_key().unwrap().as_str(), upper);
    let empty: Notification = decode(br#"{"entityId":1,"uuid":"","payload":[]}"#).unwrap();
    assert_eq!(empty.dedupe_key(), None, "an empty id would merge everything");
}

#[test]
fn a_payload_holds_none_one_many_or_is_the_one() {
    let item = r#"{"timestamp":1,"type":"CUSTOMER_CHECKIN"}"#;
    for (payload, count) in
        [("[]".to_owned(), 0), (format!("[{item},{item},{item}]"), 3), (item.to_owned(), 1)]
    {
        let body = format!(r#"{{"entityId":"17","uuid":"{UUID}","payload":{payload}}}"#);
        let notification: Notification = decode(body.as_bytes()).unwrap();
        assert_eq!(notification.event_count(), count);
        assert!(notification.events().all(|event| event.subject.to_string() == "customer 17"));
        assert!(notification.event(count).is_none());
        assert_eq!(encode(&notification).unwrap(), body.as_bytes());
    }
}

#[test]
fn the_entity_is_required_where_its_meaning_is_published() {
    let body = |entity: &str, event_type: &str| {
        format!(r#"{{{entity}"uuid":"{UUID}","payload":[{{"timestamp":1,"type":"{event_type}"}}]}}"#)
    };
    for entity in ["", r#""entityId":null,"#] {
        let lenient = body(entity, "FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED");
        let notification: Notification = decode(lenient.as_bytes()).unwrap();
        assert_eq!(notification.event(0).unwrap().subject.id, None);
        assert_eq!(
            encode(&notification).unwrap(),
            lenient.as_bytes(),
            "null stays null, absent stays absent"
        );
        assert!(decode::<Notification>(body(entity, "NEW_TYPE").as_bytes()).is_ok());
        let strict = body(entity, "CUSTOMER_CREATED");
        assert_eq!(missing(decode::<Notification>(strict.as_bytes())), "entityId");
    }
    assert_eq!(missing(decode::<Notification>(br#"{"uuid":"u","payload":[]}"#)), "entityId");
    assert_eq!(missing(decode::<Notification>(br#"{"entityId":1,"payload":[]}"#)), "uuid");
    assert_eq!(missing(decode::<Notification>(br#"{"entityId":1,"uuid":"u"}"#)), "payload");
    let no_type = br#"{"entityId":1,"uuid":"u","payload":[{"timestamp":1}]}"#;
    assert_eq!(missing(decode::<Notification>(no_type)), "payload[0].type");
    let no_time = br#"{"entityId":1,"uuid":"u","payload":[{"type":"X"}]}"#;
    assert_eq!(missing(decode::<Notification>(no_time)), "payload[0].timestamp");
}

#[test]
fn every_published_field_of_content_is_typed() {
    let content = with_content(
        r#"{"aggregatorId":1,"contractId":"2","moduleContractId":3,"idlePeriodId":4,"idlePeriodAmount":14.50,
            "usedFreeTermsInDays":30,"classId":5,"sourceStudioId":6,"targetStudioId":7,"unheardOf":{"a":1}}"#,
    );
    assert!(content.raw_content().unwrap().get().contains(r#""unheardOf":{"a":1}"#));
    let content = content.content().unwrap();
    assert_eq!(content.aggregator_id, Some(1.into()));
    assert_eq!(content.contract_id, Some("2".into()));
    assert_eq!(content.module_contract_id, Some(3.into()));
    assert_eq!(content.idle_period_id, Some(4.into()));
    assert_eq!(content.idle_period_amount.unwrap().as_str(), "14.50");
    assert_eq!(content.used_free_terms_in_days.unwrap().as_str(), "30");
    assert_eq!(content.class_id, Some(5.into()));
    assert_eq!(content.source_studio_id, Some(6.into()));
    assert_eq!(content.target_studio_id, Some(7.into()));
}

#[test]
fn a_debt_collection_case_is_named_by_the_agency_if_it_can_be() {
    let case = |json: &str| with_content(json).content().unwrap().case_id().map(Id::to_string);
    let both = r#"{"agencyDebtCollectionCaseId":"AG-1","collectionCaseId":9}"#;
    assert_eq!(case(both).as_deref(), Some("AG-1"));
    assert_eq!(case(r#"{"agencyCollectionCaseId":5,"collectionCaseId":9}"#).as_deref(), Some("5"));
    assert_eq!(case(r#"{"agencyDebtCollectionCaseId":null,"collectionCaseId":9}"#).as_deref(), Some("9"));
    assert_eq!(case("{}"), None);
    let both_names = r#"{"agencyDebtCollectionCaseId":"AG-1","agencyCollectionCaseId":"AG-1"}"#;
    assert_eq!(case(both_names).as_deref(), Some("AG-1"));
}

#[test]
fn checkouts_are_an_array_or_an_object_around_one() {
    let one = r#"[{"customerId":1,"checkoutTime":"2025-12-04T22:00:00Z"},{"customerId":"2","checkoutTime":"later"}]"#;
    for checkouts in [one.to_owned(), format!(r#"{{"checkouts":{one}}}"#), format!(r#"{{"":{one}}}"#)] {
        let content = with_content(&format!(r#"{{"checkouts":{checkouts}}}"#)).content().unwrap();
        assert_eq!(content.checkouts.len(), 2);
        assert_eq!(content.checkouts[0].customer_id, Some(1.into()));
        let time = content.checkouts[0].checkout_time.as_ref().and_then(|time| time.to_utc());
        assert_eq!(time.map(UtcDateTime::unix_timestamp), Some(1_764_885_600));
        assert_eq!(content.checkouts[1].checkout_time.as_ref().map(|time| time.as_str()), Some("later"));
    }
    assert_eq!(with_content(r#"{"checkouts":null}"#).content().unwrap(), Content::default());
}

#[test]
fn content_that_is_something_else_is_kept_raw() {
    for content in [r#""text""#, "[1]", "17", r#"{"contractId":1.5}"#, r#"{"checkouts":[1]}"#] {
        let item = with_content(content);
        assert_eq!(item.raw_content().unwrap().get(), content);
        assert!(item.content().is_err(), "{content}");
    }
    assert_eq!(with_content("null").raw_content().map(|json| json.get()), None);
}

#[test]
fn what_is_unknown_survives_and_the_alias_keeps_its_spelling() {
    let body = format!(
        r#"{{"entityId":1,"uuid":"{UUID}","payload":[{{"timestamp":1,"type":"CONTRACT_UPDATE","content":{{"x": 1e999}},"y":[1.0]}}],"z":{{"deep":null}}}}"#
    );
    let notification: Notification = decode(body.as_bytes()).unwrap();
    assert_eq!(notification.items()[0].event_type(), &EventType::ContractUpdated);
    assert_eq!(notification.items()[0].extra().get("y").unwrap().get(), "[1.0]");
    assert_eq!(notification.extra().get("z").unwrap().get(), r#"{"deep":null}"#);
    assert_eq!(encode(&notification).unwrap(), body.as_bytes());
}

#[test]
fn a_notification_is_made_from_its_parts() {
    let at = UtcDateTime::from_unix_timestamp(1_764_885_600).unwrap();
    let mut content = Content::default();
    content.contract_id = Some(550_120.into());
    let item = Item::new(EventType::ContractCreated, at).unwrap().with_content(&content).unwrap();
    let notification = Notification::new(7_893_459, UUID.parse().unwrap(), vec![item]);
    let body = format!(
        r#"{{"entityId":7893459,"uuid":"{UUID}","payload":[{{"timestamp":1764885600000,"type":"CONTRACT_CREATED","content":{{"contractId":550120}}}}]}}"#
    );
    assert_eq!(encode(&notification).unwrap(), body.as_bytes());
    assert!(Item::new(EventType::ContractCreated, UtcDateTime::MIN).is_err());
}
