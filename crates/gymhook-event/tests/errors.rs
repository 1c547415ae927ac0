//! What a refused body is told, and what the telling never gives away.

use gymhook_event::{AnyNotification, DecodeError, Vendor, decode, egym, perfectgym, pg_next, point};

#[test]
fn what_is_not_json_is_refused_by_every_vendor() {
    let complete = r#"{"event":"Test","accountId":"a","timestamp":1,"type":"TEST","entityId":1,"uuid":"u","payload":[],"eventType":"x","userId":"u"}"#;
    for &vendor in Vendor::ALL {
        assert!(AnyNotification::decode(vendor, complete.as_bytes()).is_ok(), "{vendor}");
        for body in [format!("{complete}x"), format!("{complete}{complete}")] {
            let error = AnyNotification::decode(vendor, body.as_bytes()).unwrap_err();
            assert!(matches!(error, DecodeError::NotJson { .. }), "{vendor}: {error}");
        }
        let marked = format!("\u{feff}{complete}");
        assert_eq!(AnyNotification::decode(vendor, marked.as_bytes()), Err(DecodeError::ByteOrderMark));
        for empty in ["", " \r\n\t"] {
            assert_eq!(AnyNotification::decode(vendor, empty.as_bytes()), Err(DecodeError::Empty));
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
            "payload[0].timestamp",
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

/// Paths by hand from the bodies, words from JSON's grammar; columns counted in the text.
#[test]
fn a_value_that_does_not_fit_is_named_by_its_path_and_in_json_s_words_in_all_five() {
    let millis = "a whole number of milliseconds since 1970, not negative";
    let id = "an id: a whole number, or a string";
    let cases = [
        (
            Vendor::EGYM,
            r#"{"accountId":"a","timestamp":"1667921312188","type":"TEST"}"#,
            "timestamp",
            "a string",
            millis,
        ),
        (Vendor::EGYM, r#"{"accountId":"a","timestamp":1.5,"type":"TEST"}"#, "timestamp", "a number", millis),
        (Vendor::EGYM, r#"{"accountId":"a","timestamp":-1,"type":"TEST"}"#, "timestamp", "a number", millis),
        (Vendor::EGYM, r#"{"accountId":[7],"timestamp":1,"type":"TEST"}"#, "accountId", "an array", id),
        (Vendor::EGYM, r#"{"type":null}"#, "type", "null", "a name as a string"),
        (Vendor::EGYM, "[]", "", "an array", "an EGYM notification, an object"),
        (Vendor::GYMPOINT, r#"{"event":["member.created"]}"#, "event", "an array", "a name as a string"),
        (Vendor::GYMPOINT, "null", "", "null", "a GymPoint notification, an object"),
        (
            Vendor::PERFECTGYM,
            r#"[{"event":"Test"},{"event":{"name":"Test"}}]"#,
            "[1].event",
            "an object",
            "a name as a string",
        ),
        (Vendor::PERFECTGYM, r#"[{"event":"Test"},17]"#, "[1]", "a number", "a PerfectGym event, an object"),
        (Vendor::PERFECTGYM, "true", "", "true or false", "an object or an array of objects"),
        (Vendor::PG_NEXT, r#"{"entityId":{"id":1},"uuid":"u","payload":[]}"#, "entityId", "an object", id),
        (
            Vendor::PG_NEXT,
            r#"{"entityId":1,"uuid":"u","payload":[{"timestamp":1,"type":"x"},{"timestamp":"1","type":"x"}]}"#,
            "payload[1].timestamp",
            "a string",
            millis,
        ),
        (
            Vendor::PG_NEXT,
            r#"{"entityId":1,"uuid":"u","payload":{"timestamp":1,"type":7}}"#,
            "payload.type",
            "a number",
            "a name as a string",
        ),
        (
            Vendor::PG_NEXT,
            r#"{"entityId":1,"uuid":"u","payload":"x"}"#,
            "payload",
            "a string",
            "an object or an array of objects",
        ),
        (Vendor::PG_NEXT, r#"{"entityId":{"id":{}},"uuid":"u","payload":[]}"#, "entityId", "an object", id),
        (Vendor::PG_NEXT, r#"{"entityId":{},"uuid":"u","payload":[]}"#, "entityId", "an object", id),
        (Vendor::PG_NEXT, r#"{"entityId":1.5,"uuid":"u","payload":[]}"#, "entityId", "a number", id),
        (Vendor::POINT, r#"{"eventType":"x","userId":"u","payload":null}"#, "payload", "null", "an array"),
        (Vendor::POINT, r#"{"eventType":"x","userId":[1],"payload":[]}"#, "userId", "an array", id),
    ];
    for (vendor, body, path, found, expected) in cases {
        let error = AnyNotification::decode(vendor, body.as_bytes()).unwrap_err();
        let subject = if path.is_empty() { "the JSON".to_owned() } else { format!("field `{path}`") };
        let said = format!("{subject} is {found}, expected {expected}, at line 1 column ");
        assert!(error.to_string().starts_with(&said), "{body}\n{error}\n{said}");
    }
    for (vendor, body, path) in [
        (
            Vendor::PG_NEXT,
            r#"{"entityId":1,"uuid":"u","payload":[{"timestamp":1,"type":"x"},{"timestamp":1}]}"#,
            "payload[1].type",
        ),
        (Vendor::PERFECTGYM, r#"[{"event":"Test"},{}]"#, "[1].event"),
    ] {
        let error = AnyNotification::decode(vendor, body.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("field `{path}` is missing, at line 1 ")), "{error}");
    }
}

#[test]
fn the_views_of_raw_data_name_paths_within_it() {
    let body = r#"[{"event":"Test","data":{"valueLong":"1","valueText":"t","nestedData":{}}},{"event":"ContractCreated","data":{"user":{"userId":[]}}}]"#;
    let notification = decode::<perfectgym::Notification>(body.as_bytes()).unwrap();
    let test = notification.entries()[0].test_data().unwrap_err().to_string();
    assert!(test.starts_with("field `valueLong` is a string, expected a whole number, at line 1"), "{test}");
    assert_eq!(notification.entries()[1].data().unwrap().person(), None, "each field is read independently");
    let body = r#"{"eventType":"x","userId":"u","payload":[{"calories":1},{"calories":true}]}"#;
    let view = decode::<point::Notification>(body.as_bytes()).unwrap().items()[1].workout().unwrap_err();
    assert!(
        view.to_string().starts_with("field `calories` is true or false, expected a number or"),
        "{view}"
    );
}

/// A custom type may take any key: then a path holds keys of the body, escaped and cut.
#[test]
fn keys_of_the_body_are_escaped_and_cut_in_a_path() {
    type Anything = std::collections::BTreeMap<String, i64>;
    let body = format!(r#"{{"\n\u001b[31m{}":"x"}}"#, "k".repeat(1_000));
    let error = decode::<Anything>(body.as_bytes()).unwrap_err().to_string();
    let key = format!(r#"\n\u{{1b}}[31m{}..."#, "k".repeat(29 - 12));
    assert!(
        error.starts_with(&format!("field `[\"{key}\"]` is a string, expected a whole number, at line 1")),
        "{error}"
    );
    let error = decode::<Vec<bool>>(b"[true, 1]").unwrap_err().to_string();
    assert_eq!(error, "field `[1]` is a number, expected true or false, at line 1 column 8");
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
    for &vendor in Vendor::ALL {
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
    let said =
        "field `calories` is a string, expected a number or a string that holds one, at line 1 column 21";
    assert_eq!(error.to_string(), said);
}

#[test]
fn a_sixth_vendor_has_no_decoder_here() {
    let refused = AnyNotification::decode(Vendor::new("acme"), b"{}");
    assert_eq!(refused, Err(DecodeError::UnknownVendor));
}
