//! The published retry vectors, replayed through the public API.

mod retry_case;

use serde_json::Value;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/retry.json");

#[test]
fn every_published_retry_vector_holds() {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(VECTORS).unwrap()).unwrap();
    assert_eq!(file["format"], "gymhook-vectors/1");
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 100, "only {} cases were read", cases.len());

    let failures: Vec<String> = cases.iter().filter_map(failure).collect();
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

fn failure(case: &Value) -> Option<String> {
    let name = &case["name"];
    let replay = match retry_case::replay(case) {
        Ok(replay) => replay,
        Err(error) => return Some(format!("{name}: {error}")),
    };
    let expect = &case["expect"];
    let same = expect["attempt_offsets_ms"] == Value::from(replay.attempt_offsets_ms.clone())
        && expect["end"] == replay.end;
    (!same).then(|| format!("{name}: {replay:?}, expected {expect}"))
}
