//! GymPoint: the open envelope.

use gymhook_event::gympoint::{EventType, NameField, Notification};
use gymhook_event::{DecodeError, Kind, Notification as _, decode, encode};

#[test]
fn either_field_names_the_event_and_stays_the_one() {
    for (body, name_field) in [
        (r#"{"event":"checkin.created","data":[1.50]}"#, NameField::Event),
        (r#"{"type":"checkin.created","data":[1.50]}"#, NameField::Type),
        (r#"{"event":"checkin.created","data":null,"type":{"any":1}}"#, NameField::Event),
        (r#"{"type":"checkin.created","event":null}"#, NameField::Type),
        (r#"{"event":"checkin.created","type":null,"id":"d-1"}"#, NameField::Event),
    ] {
        let notification: Notification = decode(body.as_bytes()).unwrap();
        assert_eq!(notification.event_type(), &EventType::CheckinCreated);
        assert_eq!(notification.name_field(), name_field, "{body}");
        assert_eq!(notification.event(0).unwrap().kind, Kind::CheckIn);
        let value: serde_json::Value = serde_json::from_str(body).unwrap();
        let again: serde_json::Value = serde_json::from_slice(&encode(&notification).unwrap()).unwrap();
        assert_eq!(again, value);
    }
}

#[test]
fn event_wins_over_type_in_either_order() {
    for body in
        [r#"{"event":"payment.failed","type":"webhook"}"#, r#"{"type":"webhook","event":"payment.failed"}"#]
    {
        let notification: Notification = decode(body.as_bytes()).unwrap();
        assert_eq!(notification.event_type(), &EventType::PaymentFailed);
        assert_eq!(notification.extra().get("type").unwrap().get(), r#""webhook""#);
    }
}

#[test]
fn a_body_without_a_name_is_refused() {
    for body in ["{}", r#"{"data":{}}"#, r#"{"event":null}"#, r#"{"type":17}"#, r#"{"type":null}"#] {
        let error = decode::<Notification>(body.as_bytes()).unwrap_err();
        assert!(matches!(&error, DecodeError::Missing { field, .. } if field == "event"), "{body}: {error}");
    }
    for body in [r#"{"event":17}"#, r#"{"event":{"name":"member.created"}}"#] {
        assert!(
            matches!(decode::<Notification>(body.as_bytes()), Err(DecodeError::Mismatch { .. })),
            "{body}"
        );
    }
}

#[test]
fn an_unknown_event_and_any_data_are_kept() {
    let body = r#"{"event":"locker.opened","data":{"nr":12,"at": 1e999},"deliveryId":"d-1"}"#;
    let notification: Notification = decode(body.as_bytes()).unwrap();
    assert_eq!(notification.event_type(), &EventType::Other("locker.opened".into()));
    assert_eq!(notification.data().unwrap().get(), r#"{"nr":12,"at": 1e999}"#);
    assert_eq!(notification.dedupe_key(), None);
    assert_eq!(encode(&notification).unwrap(), body.as_bytes());
}

#[test]
fn a_notification_is_made_from_its_parts() {
    let made = Notification::new(EventType::MemberCreated).with_data(&["a"]).unwrap();
    assert_eq!(encode(&made).unwrap(), br#"{"event":"member.created","data":["a"]}"#);
    let typed = Notification::new(EventType::MemberDeleted).with_name_field(NameField::Type);
    assert_eq!(encode(&typed).unwrap(), br#"{"type":"member.deleted"}"#);
}
