//! The runner against planted mistakes: wrong expectations must fail, and what it cannot understand must too.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use gymhook_conformance::own_files;
use gymhook_vectors::{Report, VectorFile};
use serde_json::{Value, json};

const REASONS: [&str; 7] = [
    "missing-header",
    "duplicate-header",
    "malformed-header",
    "unknown-key",
    "signature-mismatch",
    "timestamp-too-old",
    "timestamp-too-new",
];

/// The failure's line, if the case fails.
fn failure(case: &Value) -> Option<String> {
    let file = json!({"format": "gymhook-vectors/1", "cases": [case]}).to_string();
    let mut report = Report::default();
    report.run(&VectorFile::parse("planted.json", &file).unwrap());
    let lines: Vec<_> = report.failures().iter().map(ToString::to_string).collect();
    assert_eq!(report.passed() + lines.len(), 1, "a case passes or fails, and is counted once");
    lines.into_iter().next()
}

fn own_cases(kind: &str) -> Vec<Value> {
    let files = own_files().unwrap().into_iter().map(|path| std::fs::read_to_string(path).unwrap());
    let cases = files.flat_map(|text| {
        let mut file: Value = serde_json::from_str(&text).unwrap();
        file["cases"].as_array_mut().map(core::mem::take).unwrap()
    });
    let cases: Vec<Value> = cases.filter(|case| case["kind"] == kind).collect();
    assert!(!cases.is_empty());
    cases
}

fn with(case: &Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut changed = case.clone();
    changed.pointer_mut(parent).unwrap()[name] = value;
    changed
}

fn without(case: &Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut changed = case.clone();
    changed.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name).unwrap();
    changed
}

fn assert_fails(case: &Value) {
    assert!(failure(case).is_some(), "passes with a wrong expectation: {case}");
}

fn api_key() -> Value {
    json!({
        "kind": "signature", "name": "planted", "why": "because",
        "scheme": {"type": "api-key"},
        "keys": [{"id": "studio", "secret": "k-1", "secret_encoding": "utf8"}],
        "now": "2026-01-01T00:00:00Z", "tolerance_seconds": 300,
        "headers": [["x-api-key", "k-1"]],
        "body_base64": "e30=",
        "expect": {"verdict": "accept", "key": "studio", "proves": ["sender"]},
    })
}

fn check_in() -> Value {
    // {"accountId":"0c7fa1d1-8a2f-4a55-8a54-5f3f8e3f4d11","timestamp":0,"type":"GYM_CHECKIN"}
    json!({
        "kind": "event", "name": "planted", "why": "because", "vendor": "egym",
        "body_base64": "eyJhY2NvdW50SWQiOiIwYzdmYTFkMS04YTJmLTRhNTUtOGE1NC01ZjNmOGUzZjRkMTEiLCJ0aW1lc3RhbXAiOjAsInR5cGUiOiJHWU1fQ0hFQ0tJTiJ9",
        "expect": {"events": [{
            "type": "GYM_CHECKIN", "kind": "check-in", "subject": "account",
            "subject_id": "0c7fa1d1-8a2f-4a55-8a54-5f3f8e3f4d11", "occurred_at": "1970-01-01T00:00:00Z",
        }]},
    })
}

#[test]
fn every_own_signature_case_fails_with_any_other_verdict() {
    for case in own_cases("signature") {
        let expected = case["expect"].clone();
        if expected["verdict"] == "reject" {
            assert_fails(&with(&case, "/expect", json!({"verdict": "accept"})));
            for reason in REASONS.into_iter().filter(|reason| expected["reason"] != *reason) {
                assert_fails(&with(&case, "/expect/reason", reason.into()));
            }
            continue;
        }
        assert_fails(&with(&case, "/expect", json!({"verdict": "reject"})));
        assert_fails(&with(&case, "/expect/key", "nobody".into()));
        let proves: Vec<Value> = expected["proves"].as_array().unwrap().clone();
        assert_fails(&with(&case, "/expect/proves", json!([])));
        assert_fails(&with(&case, "/expect/proves", Value::from(&proves[1..])));
        for claim in
            ["sender", "body", "time", "id"].into_iter().filter(|claim| !proves.contains(&json!(claim)))
        {
            let more: Vec<Value> = proves.iter().cloned().chain([claim.into()]).collect();
            assert_fails(&with(&case, "/expect/proves", more.into()));
        }
    }
}

#[test]
fn every_own_event_case_fails_with_any_other_reading() {
    for case in own_cases("event") {
        if case["expect"]["error"] == true {
            assert_fails(&with(&case, "/expect", json!({"error": false})));
            assert_fails(&with(&case, "/expect", json!({"events": []})));
            continue;
        }
        assert_fails(&with(&case, "/expect", json!({"error": true})));
        assert_fails(&with(&case, "/expect/dedupe_key", "another".into()));
        let Some(events) = case["expect"]["events"].as_array() else { continue };
        let more: Vec<Value> = events.iter().cloned().chain([json!({})]).collect();
        assert_fails(&with(&case, "/expect/events", more.into()));
        for (n, event) in events.iter().enumerate() {
            for name in event.as_object().unwrap().keys() {
                let wrong = if name == "occurred_at" { "2001-02-03T04:05:06Z" } else { "another" };
                assert_fails(&with(&case, &format!("/expect/events/{n}/{name}"), wrong.into()));
            }
        }
    }
}

#[test]
fn every_own_retry_case_fails_with_any_other_course() {
    for case in own_cases("retry") {
        let offsets = case["expect"]["attempt_offsets_ms"].as_array().unwrap().clone();
        let more: Vec<Value> = offsets.iter().cloned().chain([json!(1)]).collect();
        assert_fails(&with(&case, "/expect/attempt_offsets_ms", more.into()));
        assert_fails(&with(&case, "/expect/attempt_offsets_ms", json!([])));
        for (n, offset) in offsets.iter().enumerate() {
            let mut shifted = offsets.clone();
            shifted[n] = json!(offset.as_u64().unwrap() + 1);
            assert_fails(&with(&case, "/expect/attempt_offsets_ms", shifted.into()));
        }
        for end in ["delivered", "undeliverable", "endpoint-gone", "waiting", "another"] {
            if case["expect"]["end"] != end {
                assert_fails(&with(&case, "/expect/end", end.into()));
            }
        }
    }
}

#[test]
fn what_is_absent_is_not_compared_and_null_means_none() {
    for pointer in ["/expect/key", "/expect/proves", "/name", "/why", "/now", "/tolerance_seconds"] {
        assert_eq!(failure(&without(&api_key(), pointer)), None, "{pointer}");
    }
    for name in ["type", "kind", "subject", "subject_id", "occurred_at"] {
        assert_eq!(failure(&without(&check_in(), &format!("/expect/events/0/{name}"))), None, "{name}");
    }
    assert_eq!(failure(&with(&check_in(), "/expect", json!({"error": false}))), None);
    for name in ["subject_id", "occurred_at"] {
        assert_fails(&with(&check_in(), &format!("/expect/events/0/{name}"), Value::Null));
    }
    assert_fails(&with(&check_in(), "/expect/dedupe_key", Value::Null));
}

#[test]
fn proofs_are_compared_as_sets_and_times_as_instants() {
    let hmac =
        own_cases("signature").into_iter().find(|case| case["name"] == "body-hmac: all defaults").unwrap();
    assert_eq!(failure(&with(&hmac, "/expect/proves", json!(["body", "sender"]))), None);
    for same in ["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00.000Z"] {
        assert_eq!(failure(&with(&check_in(), "/expect/events/0/occurred_at", same.into())), None, "{same}");
    }
}

#[test]
fn a_failure_names_file_case_expectation_outcome_and_reason_in_one_line() {
    let line = failure(&with(&api_key(), "/expect/key", "nobody".into())).unwrap();
    assert_eq!(
        line,
        "planted.json: planted: expected accept by key \"nobody\" proving sender; \
         got accept by key \"studio\" proving sender; why: because"
    );
    let line = failure(&with(&check_in(), "/expect/events/0/kind", "check-out".into())).unwrap();
    assert_eq!(
        line,
        "planted.json: planted: expected events[0].kind \"check-out\"; got events[0].kind \"check-in\"; why: because"
    );
    let case = with(&with(&api_key(), "/expect/key", "nobody".into()), "/why", "two\nlines\u{1b}[2J".into());
    assert!(failure(&case).unwrap().ends_with("; why: two\\nlines\\u{1b}[2J"));
}

#[test]
fn a_case_that_is_not_understood_fails_and_names_the_field() {
    let case = api_key();
    for (broken, problem) in [
        (json!(7), "case 1: the case cannot be run: field (the case itself): not an object"),
        (without(&case, "/kind"), "field kind is missing"),
        (with(&case, "/kind", "handshake".into()), "kind \"handshake\" is not supported"),
        (with(&case, "/kind", 7.into()), "field kind: "),
        (without(&case, "/scheme"), "field scheme is missing"),
        (with(&case, "/scheme/type", "rot13".into()), "field scheme.type: no such scheme: \"rot13\""),
        (with(&case, "/scheme/colour", "red".into()), "field scheme.colour is unknown"),
        (with(&case, "/scheme/unit", "ms".into()), "field scheme.unit is unknown"),
        (with(&case, "/scheme/header", "two words".into()), "field scheme.header: "),
        (
            with(&case, "/scheme", json!({"type": "body-hmac", "encoding": "rot13"})),
            "field scheme.encoding: ",
        ),
        (with(&case, "/scheme", json!({"type": "timestamped-hmac", "unit": "h"})), "field scheme.unit: "),
        (
            with(&case, "/scheme", json!({"type": "standard-webhooks", "header": "x"})),
            "field scheme.header: ",
        ),
        (with(&case, "/keys", json!([])), "field keys: "),
        (with(&case, "/keys/0/secret", "".into()), "field keys[0].secret: "),
        (with(&case, "/keys/0/secret_encoding", "rot13".into()), "field keys[0].secret_encoding: "),
        (with(&case, "/keys/0/secret_encoding", "base64".into()), "field keys[0].secret: "),
        (with(&case, "/keys/0/not_after", "2026".into()), "field keys[0].not_after is unknown"),
        (with(&case, "/headers", json!([["x-api-key"]])), "field headers: "),
        (with(&case, "/body_base64", "e30".into()), "field body_base64: "),
        (without(&case, "/body_base64"), "field body_base64 is missing"),
        (with(&case, "/now", "yesterday".into()), "field now: "),
        (without(&case, "/expect"), "field expect is missing"),
        (without(&case, "/expect/verdict"), "field expect.verdict is missing"),
        (with(&case, "/expect/verdict", "perhaps".into()), "field expect.verdict: "),
        (with(&case, "/expect/proves", json!(["soul"])), "field expect.proves: "),
        (with(&case, "/expect/reason", "unknown-key".into()), "field expect.reason is unknown"),
        (with(&case, "/expect", json!({"verdict": "reject", "reason": "bad"})), "field expect.reason: "),
        (with(&check_in(), "/vendor", "acme".into()), "field vendor: unknown vendor; choose one of "),
        (with(&check_in(), "/expect", json!({})), "field expect.events is missing"),
        (
            with(&check_in(), "/expect", json!({"error": true, "events": []})),
            "field expect.events is unknown",
        ),
        (
            with(&check_in(), "/expect/events/0/colour", "red".into()),
            "field expect.events[0].colour is unknown",
        ),
        (
            with(&check_in(), "/expect/events/0/occurred_at", "then".into()),
            "field expect.events[0].occurred_at: ",
        ),
    ] {
        let line = failure(&broken).unwrap_or_else(|| panic!("passes: {broken}"));
        assert!(line.starts_with("planted.json: "), "{line}");
        assert!(line.contains(problem), "{line}\ndoes not say\n{problem}");
    }
}

#[test]
fn a_time_that_is_judged_needs_a_clock_and_a_tolerance() {
    let case = own_cases("signature")
        .into_iter()
        .find(|case| case["name"] == "timestamped-hmac: all defaults")
        .unwrap();
    assert!(failure(&without(&case, "/now")).unwrap().contains("field now is missing"));
    assert!(
        failure(&without(&case, "/tolerance_seconds"))
            .unwrap()
            .contains("field tolerance_seconds is missing")
    );
}

#[test]
fn a_key_twice_in_a_case_is_not_quietly_read_as_the_last_one() {
    let twice = api_key().to_string().replacen("\"verdict\":", "\"verdict\":\"reject\",\"verdict\":", 1);
    let file = format!(r#"{{"format":"gymhook-vectors/1","cases":[{twice}]}}"#);
    let mut report = Report::default();
    report.run(&VectorFile::parse("planted.json", &file).unwrap());
    assert_eq!(report.to_string(), "0 passed, 1 failed");
}

#[test]
fn a_header_that_nothing_can_carry_is_malformed_if_it_is_the_schemes() {
    let reject = |reason: &str| json!({"verdict": "reject", "reason": reason});
    let judged = |headers: Value, expect: Value| {
        failure(&with(&with(&api_key(), "/headers", headers), "/expect", expect))
    };
    let accept = json!({"verdict": "accept"});
    assert_eq!(judged(json!([["x-api-key", "k-1\n"]]), reject("malformed-header")), None);
    assert_eq!(
        judged(json!([["x-api-key", "k-1"], ["x-api-key", "\u{0}"]]), reject("duplicate-header")),
        None
    );
    assert_eq!(judged(json!([["x-other", "a\nb"], ["x-api-key", "k-1"]]), accept.clone()), None);
    assert_eq!(judged(json!([["x other", "a"], ["x-api-key", "k-1"]]), accept), None);
}

#[test]
fn a_file_that_cannot_be_used_is_a_failure() {
    for (json, problem) in [
        ("", "planted.json is not a file of vectors: "),
        ("[]", "planted.json is not a file of vectors: "),
        (r#"{"cases": []}"#, "missing field `format`"),
        (r#"{"format": "gymhook-vectors/2", "cases": [{}]}"#, "has the format \"gymhook-vectors/2\""),
        (r#"{"format": "gymhook-vectors/1", "cases": []}"#, "planted.json has no cases"),
        (r#"{"format": "gymhook-vectors/1", "cases": {}}"#, "planted.json is not a file of vectors: "),
    ] {
        let error = VectorFile::parse("planted.json", json).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}\ndoes not say\n{problem}");
    }
    let mut report = Report::default();
    report.run_path(std::path::Path::new("no/such/file.json"));
    assert_eq!(report.to_string(), "0 passed, 1 failed");
    assert!(report.failures()[0].to_string().starts_with("no/such/file.json cannot be read: "));
}
