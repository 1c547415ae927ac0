//! EGYM: three fields, and what may be absent when.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use gymhook_event::egym::{EventType, Notification};
use gymhook_event::{DecodeError, Kind, Notification as _, SubjectKind, decode, encode};
use time::UtcDateTime;

const ACCOUNT: &str = "4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c";
const REAL_EVENTS: [&str; 5] =
    ["GYM_CHECKIN", "GYM_CHECKOUT", "EQUIPMENT_CHECKIN", "MEMBERSHIP_DELETE", "GENIUS_ONBOARDING_COMPLETED"];

fn body(event_type: &str, timestamp: i64, account: &str) -> String {
    format!(r#"{{"accountId":"{account}","timestamp":{timestamp},"type":"{event_type}"}}"#)
}

fn read(body: &str) -> Notification {
    decode(body.as_bytes()).unwrap()
}

#[test]
fn account_and_time_are_kept_exactly() {
    let notification = read(&body("GYM_CHECKIN", 1_667_921_312_188, ACCOUNT));
    assert_eq!(notification.account_id(), Some(&ACCOUNT.into()));
    assert_eq!(notification.account_uuid(), ACCOUNT.parse().ok());
    let at = notification.event(0).unwrap().occurred_at.unwrap();
    assert_eq!((at.unix_timestamp(), at.millisecond()), (1_667_921_312, 188));
    assert_eq!(read(&body("GYM_CHECKIN", 1, "no uuid")).account_uuid(), None);
}

#[test]
fn real_events_need_account_and_time() {
    for event_type in REAL_EVENTS {
        for (rest, field) in [
            (r#""timestamp":1"#, "accountId"),
            (r#""accountId":"a""#, "timestamp"),
            (r#""accountId":null,"timestamp":1"#, "accountId"),
            (r#""accountId":"a","timestamp":null"#, "timestamp"),
        ] {
            let body = format!(r#"{{"type":"{event_type}",{rest}}}"#);
            let error = decode::<Notification>(body.as_bytes()).unwrap_err();
            assert!(matches!(&error, DecodeError::Missing { field: found, .. } if found == field), "{error}");
        }
    }
}

#[test]
fn a_test_and_an_unknown_type_need_neither() {
    for (event_type, kind) in [("TEST", Kind::Test), ("SOMETHING_NEW", Kind::Other)] {
        for rest in ["", r#","accountId":null,"timestamp":null"#, r#","gymId":17"#] {
            let notification = read(&format!(r#"{{"type":"{event_type}"{rest}}}"#));
            let event = notification.event(0).unwrap();
            assert_eq!((event.kind, event.subject.kind), (kind, SubjectKind::Account));
            assert_eq!((event.subject.id, event.occurred_at, event.event_type), (None, None, event_type));
            assert_eq!(notification.dedupe_key(), None);
        }
    }
    assert_eq!(encode(&Notification::test()).unwrap(), br#"{"type":"TEST"}"#);
}

#[test]
fn a_time_that_is_none_is_refused() {
    for timestamp in ["-1", "1.0", "1e3", "\"1667921312188\"", "9223372036854775808", "true", "[1]"] {
        let body = format!(r#"{{"accountId":"a","timestamp":{timestamp},"type":"TEST"}}"#);
        let error = decode::<Notification>(body.as_bytes()).unwrap_err();
        assert!(matches!(error, DecodeError::Mismatch { .. }), "{timestamp}: {error}");
    }
    let far = read(&body("GYM_CHECKIN", i64::MAX, "a"));
    assert_eq!(far.timestamp().unwrap().get(), i64::MAX);
    assert_eq!(far.event(0).unwrap().occurred_at, None, "beyond the calendar, but not lost");
}

#[test]
fn the_key_tells_events_apart_and_never_guesses() {
    let key = |body: &str| read(body).dedupe_key().map(|key| key.to_string());
    let first = key(&body("GYM_CHECKIN", 1, "a"));
    assert_eq!(first.as_deref(), Some("egym:1:GYM_CHECKIN:a"));
    for other in [body("GYM_CHECKIN", 2, "a"), body("GYM_CHECKIN", 1, "b"), body("GYM_CHECKOUT", 1, "a")] {
        assert_ne!(key(&other), first);
    }
    assert_ne!(key(&body("GYM_CHECKIN", 1, "a:b")), key(&body("GYM_CHECKIN", 1, "a%3Ab")));
    assert_eq!(key(&body("GYM_CHECKIN", 1, "")), None, "an empty account names nobody");
    assert_eq!(key(&body("TEST", 1, "a")), None, "a test is sent as often as it is asked for");
    assert_eq!(key(&body("SOMETHING_NEW", 1, "a")), None, "its events may differ in a field not known here");
}

#[test]
fn a_deleted_membership_is_not_the_deletion_of_a_person() {
    let deleted = read(&body("MEMBERSHIP_DELETE", 1, "a"));
    let event = deleted.event(0).unwrap();
    assert_eq!(event.kind, Kind::MembershipDeleted);
    assert!(event.kind.changes_membership());
}

#[test]
fn an_account_that_is_a_number_is_read_as_what_it_spells() {
    for (json, text) in [("17", "17"), ("17.0", "17"), ("123456789012345678901", "123456789012345678901")] {
        let body = format!(r#"{{"accountId":{json},"timestamp":1,"type":"GYM_CHECKIN"}}"#);
        let notification = read(&body);
        assert_eq!(notification.event(0).unwrap().subject.to_string(), format!("account {text}"));
        assert_eq!(encode(&notification).unwrap(), body.as_bytes());
    }
}

#[test]
fn escaped_names_are_read() {
    let escaped =
        r#"{"\u0061ccountId":"\u0041","timestam\u0070":1,"type":"GYM\u005fCHECKIN","\u00fcber":"\n"}"#;
    let notification = read(escaped);
    assert_eq!(notification.event_type(), &EventType::GymCheckin);
    assert_eq!(notification.account_id(), Some(&"A".into()));
    assert_eq!(notification.extra().get("über").unwrap().get(), r#""\n""#);
}

#[test]
fn times_before_1970_cannot_be_written() {
    let before = UtcDateTime::from_unix_timestamp_nanos(-1).unwrap();
    assert!(Notification::new(EventType::GymCheckin, ACCOUNT, before).is_err());
    let at = UtcDateTime::from_unix_timestamp_nanos(1_999_999).unwrap();
    let notification = Notification::new(EventType::from("CUSTOM"), "a", at).unwrap();
    assert_eq!(encode(&notification).unwrap(), body("CUSTOM", 1, "a").as_bytes());
}
