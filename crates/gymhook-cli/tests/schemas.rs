//! The schemas say what the types say: a body validates exactly when it is read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use ::gymhook::cloud_event::CloudEvent;
use ::gymhook::signature::{Keyring, Secret};
use ::gymhook::{Provider, Receiver};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gymhook_event::{AnyNotification, Vendor, check_strict, samples};
use jsonschema::Validator;
use serde_json::{Value, json};
use support::gymhook;
use time::UtcDateTime;

fn printed(arguments: &[&str]) -> Value {
    let output = gymhook("").arg("schema").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn validator(schema: &Value) -> Validator {
    assert!(jsonschema::meta::is_valid(schema), "the schema is not one");
    jsonschema::validator_for(schema).unwrap()
}

fn validators() -> Vec<(Vendor, Validator)> {
    Vendor::ALL.iter().copied().map(|vendor| (vendor, validator(&printed(&[vendor.as_str()])))).collect()
}

/// Whether the library reads it, as a receiver does.
fn is_read(vendor: Vendor, body: &[u8]) -> bool {
    check_strict(body).is_ok() && AnyNotification::decode(vendor, body).is_ok()
}

#[test]
fn every_sample_validates_and_so_does_no_other_vendor_s_where_that_can_be_told() {
    let validators = validators();
    for sample in samples() {
        for (vendor, validator) in &validators {
            let body: Value = serde_json::from_str(sample.body).unwrap();
            assert_eq!(
                validator.is_valid(&body),
                is_read(*vendor, sample.body.as_bytes()),
                "{vendor}: {}",
                sample.body
            );
            assert!(*vendor != sample.vendor || validator.is_valid(&body), "{}", sample.body);
        }
    }
}

/// The published cases: what they accept validates, and what they refuse does not, unless JSON itself was the reason.
#[test]
fn every_vector_validates_as_it_is_expected() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let (mut accepted, mut refused) = (0, 0);
    let mut mismatches = Vec::new();
    for (vendor, validator) in validators() {
        let file = std::fs::read_to_string(folder.join(format!("event-{vendor}.json"))).unwrap();
        let file: Value = serde_json::from_str(&file).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let bytes = STANDARD.decode(case["body_base64"].as_str().unwrap()).unwrap();
            // What is no JSON, or ambiguous JSON, is not for a schema to judge.
            let Ok(body) = serde_json::from_slice::<Value>(&bytes) else { continue };
            if check_strict(&bytes).is_err() {
                continue;
            }
            let expected = case["expect"]["error"] != Value::Bool(true);
            let valid = validator.is_valid(&body);
            if valid != expected {
                mismatches.push((case["name"].as_str().unwrap().to_owned(), valid));
            }
            *(if expected { &mut accepted } else { &mut refused }) += 1;
        }
    }
    // A number to a schema is its value, and the types refuse some by how they are written.
    let by_its_digits = ["egym: timestamp 1.0", "egym: timestamp with an exponent"];
    assert_eq!(mismatches, by_its_digits.map(|name| (name.to_owned(), true)));
    assert!(accepted > 200 && refused > 50, "{accepted} accepted, {refused} refused");
}

/// Removes each field, and puts values of every type in its place, at the first two levels and in the payload's items.
fn mutations(body: &Value) -> Vec<Value> {
    let mut paths = vec![Vec::new()];
    collect_paths(body, &mut Vec::new(), &mut paths);
    let mut mutated = Vec::new();
    for path in paths {
        for value in [
            json!(null),
            json!(true),
            json!(7),
            json!(-7),
            json!(1.5),
            json!("x"),
            json!(""),
            json!([]),
            json!({}),
            json!([7]),
        ] {
            let mut changed = body.clone();
            *changed.pointer_mut(&path.concat()).unwrap() = value;
            mutated.push(changed);
        }
        if let Some((name, parent)) = path.split_last() {
            let mut removed = body.clone();
            if let Some(fields) = removed.pointer_mut(&parent.concat()).and_then(Value::as_object_mut) {
                fields.remove(name.trim_start_matches('/'));
                mutated.push(removed);
            }
        }
    }
    mutated
}

fn collect_paths(value: &Value, at: &mut Vec<String>, paths: &mut Vec<Vec<String>>) {
    if at.len() == 3 {
        return;
    }
    let names: Vec<String> = match value {
        Value::Object(fields) => fields.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    for name in names {
        at.push(format!("/{name}"));
        paths.push(at.clone());
        collect_paths(value.pointer(&format!("/{name}")).unwrap(), at, paths);
        at.pop();
    }
}

#[test]
fn a_changed_body_validates_exactly_when_it_is_read() {
    let (mut valid, mut invalid) = (0, 0);
    for (vendor, validator) in validators() {
        for sample in samples().filter(|sample| sample.vendor == vendor) {
            for body in mutations(&serde_json::from_str(sample.body).unwrap()) {
                let read = is_read(vendor, body.to_string().as_bytes());
                assert_eq!(validator.is_valid(&body), read, "{vendor}: {body}");
                *(if read { &mut valid } else { &mut invalid }) += 1;
            }
        }
    }
    assert!(valid > 1_000 && invalid > 1_000, "{valid} valid, {invalid} invalid");
}

#[test]
fn every_type_is_described_with_where_it_is_known_from() {
    for vendor in Vendor::ALL.iter().copied() {
        let schema = printed(&[vendor.as_str()]);
        let types: Vec<&str> = schema["x-event-types"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["type"].as_str().unwrap())
            .collect();
        assert_eq!(types.len(), vendor.event_types().len(), "{vendor}");
        assert!(
            schema["x-event-types"].as_array().unwrap().iter().all(|row| row["x-provenance"].is_string())
        );
    }
}

#[test]
fn the_asyncapi_document_is_one() {
    let official: Value = serde_json::from_str(include_str!("data/asyncapi-3.0.0.json")).unwrap();
    let official = jsonschema::validator_for(&official).unwrap();
    let document = printed(&["--asyncapi"]);
    let problems: Vec<String> =
        official.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let messages: usize = document["channels"]
        .as_object()
        .unwrap()
        .values()
        .map(|channel| channel["messages"].as_object().unwrap().len())
        .sum();
    assert_eq!(messages, samples().count());
    let mut broken = document.clone();
    broken["operations"]["receive-egym"]["action"] = json!("take");
    assert!(!official.is_valid(&broken), "the official schema would let anything pass");
}

#[test]
fn the_reading_that_is_printed_validates() {
    let schema = validator(&printed(&["--cloudevents"])["properties"]["data"]);
    for sample in samples() {
        let folder = tempfile::tempdir().unwrap();
        let body = folder.path().join("body.json");
        std::fs::write(&body, sample.body).unwrap();
        let body = body.to_str().unwrap();
        let vendor = sample.vendor.as_str();
        let signed =
            gymhook("k-0123456789abcdef").args(["--json", "sign", vendor, "--body", body]).output().unwrap();
        let signed: Value = serde_json::from_slice(&signed.stdout).unwrap();
        let mut command = gymhook("k-0123456789abcdef");
        command.args(["--json", "verify", vendor, "--body", body]);
        for header in signed["headers"].as_array().unwrap() {
            command.arg("-H").arg(format!(
                "{}: {}",
                header[0].as_str().unwrap(),
                header[1].as_str().unwrap()
            ));
        }
        let (status, judged) = support::records(&mut command);
        assert_eq!(status, 0, "{sample}");
        for event in judged[0]["events"].as_array().unwrap() {
            assert!(schema.is_valid(event), "{event}");
        }
    }
}

/// As the gateway and `listen --as standard-webhooks` write them.
#[test]
fn the_cloud_event_of_every_sample_validates() {
    let printed = printed(&["--cloudevents"]);
    let schema = jsonschema::options().should_validate_formats(true).build(&printed).unwrap();
    for provider in Provider::all() {
        let keys = Keyring::single("Mitte / 1", Secret::new("k-0123456789abcdef").unwrap()).unwrap();
        let receiver = Receiver::<AnyNotification>::new(&provider, keys).unwrap();
        let now = UtcDateTime::UNIX_EPOCH;
        let mut count = 0;
        for sample in samples().filter(|sample| sample.vendor == provider.vendor()) {
            let headers = receiver.verifier().signer().sign("r-1", sample.body.as_bytes(), now).unwrap();
            let verified = receiver.receive(&headers, sample.body, now).unwrap();
            for event in CloudEvent::of_notification(&verified, "r-1") {
                let event = serde_json::to_value(event).unwrap();
                let problems: Vec<String> = schema
                    .iter_errors(&event)
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                assert!(problems.is_empty(), "{event}: {problems:?}");
                count += 1;
                let mut described = event.as_object().unwrap().keys();
                assert!(described.all(|name| printed["properties"].get(name).is_some()), "{event}");
                for (attribute, value) in
                    [("id", json!("")), ("gymhookproved", json!("body")), ("type", json!("check-in"))]
                {
                    let mut broken = event.clone();
                    broken[attribute] = value;
                    assert!(!schema.is_valid(&broken), "{broken}");
                }
            }
        }
        assert!(count >= 2, "{}: {count}", provider.vendor());
    }
    assert!(schema.is_valid(&serde_json::to_value(CloudEvent::test("t")).unwrap()));
}
