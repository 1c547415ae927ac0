//! What a refused body is told, and what the telling never gives away.

use gymhook_event::{AnyNotification, DecodeError, Vendor, decode, egym, pg_next, point};

#[test]
fn what_is_not_json_is_refused_by_every_vendor() {
    let complete = r#"{"event":"Test","accountId":"a","timestamp":1,"type":"TEST","entityId":1,"uuid":"u","payload":[],"eventType":"x","userId":"u"}"#;
    for vendor in Vendor::ALL {
        assert!(AnyNotification::decode(vendor, complete.as_bytes()).is_ok(), "{vendor}");
        for body in [
            format!("\u{feff}{complete}"),
            format!("{complete}x"),
            format!("{complete}{complete}"),
            String::new(),
        ] {
            let error = AnyNotification::decode(vendor, body.as_bytes()).unwrap_err();
            assert!(matches!(error, DecodeError::NotJson { .. }), "{vendor}: {error}");
        }
        for length in 1..complete.len() {
            let error = AnyNotification::decode(vendor, &complete.as_bytes()[..length]).unwrap_err();
            assert!(matches!(error, DecodeError::NotJson { line: 1, .. }), "{vendor} {length}: {error}");
        }
        for body in ["null", "17", "true", "\"text\"", "[[]]", "1.5"] {
            assert!(AnyNotification::decode(vendor, body.as_bytes()).is_err(), "{vendor} {body}");
        }
        let mut bytes = complete.as_bytes().to_vec();
        bytes[12] = 0xff;
        assert_eq!(AnyNotification::decode(vendor, &bytes), Err(DecodeError::NotUtf8 { valid_up_to: 12 }));
    }
}

#[test]
fn half_a_surrogate_pair_is_refused() {
    for text in [r"\ud800", r"\udc00", r"\ud800\u0041"] {
        let id = format!(r#"{{"accountId":"{text}","timestamp":1,"type":"TEST"}}"#);
        assert!(decode::<egym::Notification>(id.as_bytes()).is_err(), "{id}");
        let body = format!(r#"{{"accountId":"a","timestamp":1,"type":"{text}"}}"#);
        let error = decode::<egym::Notification>(body.as_bytes()).unwrap_err();
        assert!(matches!(error, DecodeError::NotJson { line: 1, .. }), "{error}");
    }
}

#[test]
fn a_known_field_stands_once() {
    for (vendor, body, name) in [
        (Vendor::GYMPOINT, r#"{"event":"a","event":"b"}"#, "event"),
        (Vendor::EGYM, r#"{"type":"TEST","typ\u0065":"GYM_CHECKIN"}"#, "type"),
        (Vendor::PERFECTGYM, r#"{"event":"Test","data":{},"data":{}}"#, "data"),
        (Vendor::PG_NEXT, r#"{"entityId":null,"entityId":1,"uuid":"u","payload":[]}"#, "entityId"),
        (
            Vendor::PG_NEXT,
            r#"{"entityId":1,"uuid":"u","payload":[{"timestamp":1,"timestamp":1,"type":"x"}]}"#,
            "timestamp",
        ),
        (Vendor::POINT, r#"{"eventType":"x","userId":"u","payload":[],"payload":[]}"#, "payload"),
    ] {
        let error = AnyNotification::decode(vendor, body.as_bytes()).unwrap_err();
        assert!(matches!(&error, DecodeError::Repeated { field, line: 1, .. } if field == name), "{error}");
    }
}

#[test]
fn the_place_is_named() {
    let body = b"{\n  \"accountId\": \"a\",\n  \"timestamp\": \"CANARY\",\n  \"type\": \"TEST\"\n}";
    let error = decode::<egym::Notification>(body).unwrap_err();
    assert!(matches!(error, DecodeError::Mismatch { line: 3, column: 23, .. }), "{error:?}");
}

#[test]
fn no_error_repeats_the_body() {
    let canaries = [
        r#"{"accountId":["CANARY"],"timestamp":1,"type":"TEST"}"#,
        r#"{"accountId":"a","timestamp":"CANARY, expected CANARY at line 1 column 1","type":"TEST"}"#,
        r#"{"accountId":"a","timestamp":-1,"type":{"CANARY":1}}"#,
        r#"{"CANARY":1,"CANARY":2}"#,
        r#"{"entityId":{"CANARY":1},"uuid":"u","payload":[]}"#,
        r#"{"entityId":1,"uuid":"u","payload":"missing field `CANARY`"}"#,
        r#"{"entityId":1,"uuid":"u","payload":["duplicate field `CANARY`"]}"#,
        r#"{"eventType":"x","userId":"u","payload":"CANARY"}"#,
        r#"{"event":{"CANARY":1}}"#,
        r#"{"event":"Test","triggeredDate":{"CANARY":1}}"#,
        r#"{"event":"x" CANARY}"#,
        r#""CANARY""#,
    ];
    for vendor in Vendor::ALL {
        for body in canaries {
            let Err(error) = AnyNotification::decode(vendor, body.as_bytes()) else { continue };
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{vendor}: {error:?}");
        }
    }
    let views = br#"{"entityId":1,"uuid":"u","payload":[{"timestamp":1,"type":"x","content":{"contractId":["CANARY"],"idlePeriodAmount":"CANARY"}}]}"#;
    let error = decode::<pg_next::Notification>(views).unwrap().items()[0].content().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    let views = br#"{"eventType":"x","userId":"u","payload":[{"calories":"CANARY"}]}"#;
    let error = decode::<point::Notification>(views).unwrap().items()[0].workout().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    assert!(error.to_string().starts_with("expected a number or a string that holds one"), "{error}");
}

#[test]
fn a_sixth_vendor_has_no_decoder_here() {
    let refused = AnyNotification::decode(Vendor::new("acme"), b"{}");
    assert_eq!(refused, Err(DecodeError::UnknownVendor));
}
