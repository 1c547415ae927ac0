//! What holds for every body, drawn at random.

use gymhook_event::{AnyNotification, Notification as _, Vendor, check_strict, encode, samples};
use proptest::prelude::*;
use serde_json::{Map, Value};

fn vendor() -> impl Strategy<Value = Vendor> {
    prop::sample::select(Vendor::ALL)
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A body with the known fields of a vendor, each present or not, and fields of a future version.
fn body() -> impl Strategy<Value = (Vendor, Value)> {
    let data = || prop::option::of(json());
    let name = prop_oneof![
        prop::sample::select(samples().map(|sample| sample.event_type).collect::<Vec<_>>())
            .prop_map(String::from),
        Just("ClassesBookedOnStadbyList".to_owned()),
        Just("CONTRACT_UPDATE".to_owned()),
        any::<String>(),
    ];
    let unknown = prop::collection::btree_map("x[a-zA-Z\u{e9}\"\\\\]{0,5}", json(), 0..3);
    let id = prop_oneof![any::<i64>().prop_map(Value::from), any::<String>().prop_map(Value::from)];
    (vendor(), name, 0..i64::MAX, id, prop::collection::vec(data(), 0..3), unknown).prop_map(
        |(vendor, name, millis, id, data, unknown)| {
            let mut object: Map<String, Value> = unknown.into_iter().collect();
            let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
            let first = data.first().cloned().flatten();
            match vendor {
                Vendor::GYMPOINT => {
                    put(if millis % 2 == 0 { "event" } else { "type" }, name.into());
                    first.map(|data| put("data", data));
                }
                Vendor::EGYM => {
                    put("type", name.into());
                    put("timestamp", millis.into());
                    put("accountId", id.to_string().into());
                }
                Vendor::PERFECTGYM => {
                    put("event", name.into());
                    put("triggeredDate", id.to_string().into());
                    first.map(|data| put("data", data));
                }
                Vendor::PG_NEXT => {
                    let items = data.into_iter().map(|content| {
                        let mut item = Map::from_iter([
                            ("timestamp".to_owned(), millis.into()),
                            ("type".to_owned(), name.clone().into()),
                        ]);
                        content.map(|content| item.insert("content".to_owned(), content));
                        Value::Object(item)
                    });
                    put("payload", items.collect());
                    put("uuid", id.to_string().into());
                    put("entityId", id);
                }
                _ => {
                    put("eventType", name.into());
                    put("userId", id);
                    put("payload", data.into_iter().map(Option::unwrap_or_default).collect());
                }
            }
            (vendor, Value::Object(object))
        },
    )
}

fn ask_everything(notification: &AnyNotification) {
    for event in notification.events() {
        assert_eq!(event.vendor, notification.vendor());
        let _ = (event.subject.to_string(), event.occurred_at, event.data);
    }
    assert_eq!(notification.events().count(), notification.event_count());
    let _ = (notification.dedupe_key(), format!("{notification:?}"));
    if let AnyNotification::PgNext(notification) = notification {
        assert!(
            notification.items().iter().all(|item| item.content().is_ok() || item.raw_content().is_some())
        );
    }
    if let AnyNotification::Point(notification) = notification {
        let read =
            notification.items().iter().filter(|item| item.workout().is_ok() || item.insight().is_ok());
        assert!(read.count() <= notification.event_count());
    }
    if let AnyNotification::PerfectGym(notification) = notification {
        assert!(
            notification.entries().iter().all(|entry| entry.data().is_ok() || entry.raw_data().is_some())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_bytes_panic(vendor in vendor(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = AnyNotification::decode(vendor, &bytes);
        let _ = check_strict(&bytes);
    }

    #[test]
    fn no_json_panics(vendor in vendor(), json in json()) {
        let text = serde_json::to_vec(&json).unwrap();
        prop_assert_eq!(check_strict(&text), Ok(()));
        if let Ok(notification) = AnyNotification::decode(vendor, &text) {
            ask_everything(&notification);
        }
    }

    #[test]
    fn no_damaged_sample_panics(
        sample in prop::sample::select(samples().collect::<Vec<_>>()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = sample.body.as_bytes().to_vec();
        for (index, byte) in damage {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = check_strict(&bytes);
        if let Ok(notification) = AnyNotification::decode(sample.vendor, &bytes) {
            ask_everything(&notification);
            let again = AnyNotification::decode(sample.vendor, &encode(&notification).unwrap());
            prop_assert_eq!(again, Ok(notification));
        }
    }

    #[test]
    fn nothing_is_lost_between_decode_and_encode((vendor, body) in body()) {
        let text = serde_json::to_vec(&body).unwrap();
        let notification = AnyNotification::decode(vendor, &text).unwrap();
        ask_everything(&notification);
        let encoded = encode(&notification).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Value>(&encoded).unwrap(), &serde_json::from_slice::<Value>(&text).unwrap());
        prop_assert_eq!(AnyNotification::decode(vendor, &encoded), Ok(notification));
    }

    #[test]
    fn a_key_that_is_doubled_anywhere_is_found(json in json(), key in "[a-z\u{e9}\"\\\\]{0,6}", indexes in 0..4_usize) {
        let key = serde_json::to_string(&key).unwrap();
        let value = serde_json::to_string(&json).unwrap();
        let doubled = format!("{{{key}:{value},\"~\":1,{key}:{value}}}");
        let body = format!("[{}{doubled}]", format!("{value},").repeat(indexes));
        prop_assert!(check_strict(body.as_bytes()).is_err());
    }
}
