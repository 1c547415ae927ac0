//! The check for repeated keys and unlimited nesting.

use gymhook_event::{AnyNotification, StrictError, Vendor, check_decoded, check_strict};

#[track_caller]
fn assert_repeated(body: &str, path: &str) {
    assert_eq!(
        check_strict(body.as_bytes()),
        Err(StrictError::RepeatedKey { path: path.to_owned() }),
        "{body}"
    );
}

#[test]
fn a_repeated_key_is_found_at_any_depth_and_named() {
    assert_repeated(r#"{"a":1,"a":2}"#, "a");
    assert_repeated(r#"{"payload":[{"x":{}},{"content":{"b":[{}],"c":1,"b":2}}]}"#, "payload[1].content.b");
    assert_repeated(r#"[[{"a":1},{"a":1,"b":{"a":1},"a":1}]]"#, "[0][1].a");
    assert_repeated(r#"{"contractId":1,"contract\u0049d":2}"#, "contractId");
    assert_repeated(r#"{"":1,"":2}"#, r#"[""]"#);
    assert_repeated(r#"{"a":{"k":1},"b":{"k":1},"k":{"k":{},"k":{}}}"#, "k.k");
    assert_repeated("{ \"a\" : 1 ,\n \"a\" : 2 }", "a");
}

#[test]
fn equal_keys_of_different_objects_and_equal_values_are_fine() {
    for body in [
        "{}",
        "[]",
        "17",
        "\"a\"",
        "null",
        r#"{"a":{"a":{"a":"a"}},"b":["a","a",{"a":"a"},{"a":"a"}],"c":"a"}"#,
        r#"{"\"a":1,"a\"":2,"\\":3,"\\\"":4,"{":5,"[":6,"}":7,",":8,":":9}"#,
        r#"[{"a":1},{"a":1}]"#,
        r#"{"a":1,"A":2,"a ":3}"#,
    ] {
        assert_eq!(check_strict(body.as_bytes()), Ok(()), "{body}");
    }
}

#[test]
fn the_path_is_bounded_and_printable() {
    let key = "\\n\u{1b}[31m\u{202e}".to_owned() + &"x".repeat(10_000);
    let key = key.replace('\u{1b}', "\\u001b");
    let nested =
        format!("{}{{\"{key}\":1,\"{key}\":2}}{}", format!("{{\"{key}\":").repeat(50), "}".repeat(50));
    let StrictError::RepeatedKey { path } = check_strict(nested.as_bytes()).unwrap_err() else { panic!() };
    assert!(path.len() < 16 * 40, "{}", path.len());
    assert!(path.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{path}");
    let deep = format!("{}{{\"z\":1,\"z\":2}}{}", "[".repeat(40), "]".repeat(40));
    assert_repeated(&deep, &format!("{}[...].z", "[0]".repeat(15)));
}

#[test]
fn nesting_ends_at_128() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        assert_eq!(check_strict(nested(128).as_bytes()), Ok(()));
        let refused = check_strict(nested(129).as_bytes()).unwrap_err();
        assert_eq!(refused, StrictError::TooDeep { limit: 128, offset: 128 * open.len() });
        let bomb = nested(200_000);
        assert!(matches!(check_strict(bomb.as_bytes()), Err(StrictError::TooDeep { .. })));
    }
}

#[test]
fn a_bomb_does_not_harm_decoding_either() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let bomb = format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
        for &vendor in Vendor::ALL {
            for field in ["data", "content", "payload", "extra", "type", "event", "entityId", "triggeredDate"]
            {
                let body = format!(r#"{{"{field}":{bomb}}}"#);
                let _ = AnyNotification::decode(vendor, body.as_bytes());
            }
            let _ = AnyNotification::decode(vendor, bomb.as_bytes());
        }
    }
}

#[test]
fn what_is_not_one_json_text_is_refused() {
    assert_eq!(check_strict("\u{feff}{}".as_bytes()), Err(StrictError::ByteOrderMark));
    for empty in ["", "\n"] {
        assert_eq!(check_strict(empty.as_bytes()), Err(StrictError::Empty));
    }
    for body in ["{", "{}{}", "{\"a\":1,}", "[1,]", "01", "\"\u{1}\"", "nul"] {
        assert!(matches!(check_strict(body.as_bytes()), Err(StrictError::NotJson { .. })), "{body:?}");
    }
    for surrogate in [r#"{"a":"\ud800"}"#, r#"{"\udc00":1}"#] {
        assert!(matches!(check_strict(surrogate.as_bytes()), Err(StrictError::NotJson { line: 1, .. })));
    }
    let second_line = check_strict(b"{\n \"\\ud800\": 1}");
    assert_eq!(second_line, Err(StrictError::NotJson { line: 2, column: 2 }));
    assert_eq!(check_strict(b"{\"a\":\"\xff\"}"), Err(StrictError::NotUtf8 { valid_up_to: 6 }));
}

/// Each form of doubt that the quick scan has, in a body that every vendor's decoder could have read.
#[test]
fn what_was_decoded_is_judged_alike() {
    let deep = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    let wide: Vec<String> = (0..200).map(|key| format!("\"key{key}\":{{}}")).collect();
    let wide_and_repeated = format!("{{{},\"key7\":1}}", wide.join(","));
    let bodies = [
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\u0061":1,"b":2}"#,
        r#"{"a":{"x":1},"b":[{"x":1},{"x":1,"x":2}]}"#,
        r#"{"a":"\ud83d\ude00"}"#,
        r#"{"a":"\ud83d"}"#,
        r#"{"a":"\\","\\":"\""}"#,
        "{}",
        &deep(16),
        &deep(17),
        &deep(128),
        &deep(129),
        &format!("{{{}}}", wide.join(",")),
        &wide_and_repeated,
    ];
    for body in bodies {
        assert_eq!(check_decoded(body.as_bytes()), check_strict(body.as_bytes()), "{body}");
    }
    let refused = bodies.iter().filter(|body| check_strict(body.as_bytes()).is_err()).count();
    assert_eq!(refused, 5, "both verdicts are among them");
}

/// An object of this many keys, in fourteen arrays.
fn object_of(keys: usize) -> String {
    let pairs: Vec<String> = (0..keys).map(|key| format!("\"key-{key}\":{{\"a\":1}}")).collect();
    format!("{}{{{}}}{}", "[".repeat(14), pairs.join(","), "]".repeat(14))
}

#[test]
fn what_was_decoded_is_checked_without_an_allocation() {
    let counted = |body: &str| {
        let counted = allocation_counter::measure(|| check_decoded(body.as_bytes()).unwrap());
        counted.count_total
    };
    for keys in [1, 31, 32, 100] {
        assert_eq!(counted(&object_of(keys)), 0, "{keys} keys");
    }
    assert!(counted(&object_of(200)) > 0, "more than the scan has room for");
}
