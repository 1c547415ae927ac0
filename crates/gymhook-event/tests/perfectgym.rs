//! PerfectGym: names with two spellings, dates that may not be read, data that may be anything.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use gymhook_event::perfectgym::{Data, Entry, EventType, Notification};
use gymhook_event::{DecodeError, Kind, Notification as _, SubjectKind, decode, encode};
use time::UtcDateTime;

fn read(body: &str) -> Notification {
    decode(body.as_bytes()).unwrap()
}

#[test]
fn both_spellings_are_one_type_and_keep_their_letters() {
    for spelling in ["ClassesBookedOnStandbyList", "ClassesBookedOnStadbyList"] {
        let body = format!(r#"{{"event":"{spelling}","triggeredDate":"2020-06-01T14:44:46Z","data":{{}}}}"#);
        let notification = read(&body);
        assert_eq!(notification.entries()[0].event_type(), &EventType::ClassesBookedOnStandbyList);
        assert_eq!(notification.event(0).unwrap().event_type, spelling);
        assert_eq!(notification.event(0).unwrap().kind, Kind::ClassWaitlisted);
        assert_eq!(encode(&notification).unwrap(), body.as_bytes());
        assert_eq!(EventType::from(spelling).as_str(), "ClassesBookedOnStandbyList");
    }
}

#[test]
fn the_vendors_test_is_typed() {
    let sample =
        gymhook_event::perfectgym::samples().iter().find(|sample| sample.event_type == "Test").unwrap();
    let data = read(sample.body).entries()[0].test_data().unwrap().unwrap();
    assert_eq!((data.value_long, data.value_text.as_str()), (12_345_678, "some text value"));
    assert_eq!(data.nested_data.amount.as_str(), "33.78");
    assert_eq!(data.nested_data.text, "nested some text value");
    assert!(data.nested_data.date.to_utc().is_some());
}

#[test]
fn no_event_is_lost_for_its_date() {
    for (date, seconds) in [
        ("2020-06-01T14:44:46Z", Some(1_591_022_686)),
        ("2020-06-01T14:44:46.123Z", Some(1_591_022_686)),
        ("2020-06-01T16:44:46+02:00", Some(1_591_022_686)),
        ("2020-06-01T14:44:46", None),
        ("01.06.2020", None),
        ("2020-02-30T00:00:00Z", None),
        ("", None),
    ] {
        let body = format!(r#"{{"event":"UserModified","triggeredDate":"{date}","data":{{"userId":1}}}}"#);
        let notification = read(&body);
        let event = notification.event(0).unwrap();
        assert_eq!(event.occurred_at.map(UtcDateTime::unix_timestamp), seconds, "{date}");
        assert_eq!(notification.entries()[0].triggered_date().unwrap().as_str(), date);
        assert_eq!(event.subject.to_string(), "user 1");
        assert_eq!(encode(&notification).unwrap(), body.as_bytes());
    }
    assert_eq!(read(r#"{"event":"UserModified"}"#).event_count(), 1);
}

#[test]
fn the_name_is_required() {
    for (body, path) in [(r#"{"triggeredDate":"x","data":{}}"#, "event"), (r#"[{"data":{}}]"#, "[0].event")] {
        let error = decode::<Notification>(body.as_bytes()).unwrap_err();
        assert!(matches!(&error, DecodeError::Missing { field, .. } if field == path), "{error}");
    }
}

#[test]
fn an_array_is_a_batch() {
    let body = r#"[{"event":"UserModified","data":{"userId":1}},{"event":"New","x":1.0},{"event":"Test","data":null}]"#;
    let notification = read(body);
    let types: Vec<_> = notification.events().map(|event| event.event_type).collect();
    assert_eq!(types, ["UserModified", "New", "Test"]);
    assert!(notification.event(2).unwrap().data.is_none(), "null is no data");
    assert_eq!(encode(&notification).unwrap(), body.as_bytes());
    assert_eq!(read("[]").event_count(), 0);
    assert_eq!(encode(&read(r#"[{"event":"Test"}]"#)).unwrap(), br#"[{"event":"Test"}]"#);
}

#[test]
fn data_in_an_unexpected_form_loses_the_id_but_not_the_event() {
    for data in [r#""text""#, "[]", r#"{"contractId":1.5}"#, r#"{"contractId":{"id":1}}"#, "{}"] {
        let notification = read(&format!(r#"{{"event":"ContractCreated","data":{data}}}"#));
        let event = notification.event(0).unwrap();
        assert_eq!((event.subject.kind, event.subject.id), (SubjectKind::Contract, None), "{data}");
        assert_eq!(event.data.unwrap().get(), data);
    }
}

#[test]
fn an_id_that_is_text_keeps_its_spelling() {
    let notification = read(r#"{"event":"UserModified","data":{"userId":"007"}}"#);
    assert_eq!(notification.event(0).unwrap().subject.to_string(), "user 007");
}

#[test]
fn a_notification_is_made_from_its_parts() {
    let at = UtcDateTime::from_unix_timestamp(1_591_022_686).unwrap();
    let mut data = Data::default();
    data.user_id = Some(5120.into());
    let entry = Entry::new(EventType::UserModified, at).unwrap().with_data(&data).unwrap();
    let body = r#"{"event":"UserModified","triggeredDate":"2020-06-01T14:44:46Z","data":{"userId":5120}}"#;
    assert_eq!(encode(&Notification::from(entry.clone())).unwrap(), body.as_bytes());
    assert_eq!(encode(&Notification::from(vec![entry])).unwrap(), format!("[{body}]").as_bytes());
}
