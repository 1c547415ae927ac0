//! What the diagnosis must find: requests that were spoilt as people spoil them, and the one hint that explains each.
//!
//! The signatures were computed with Python's `hmac`, `hashlib` and `base64`, not with this project's code.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod material;
mod signatures;

use assert_cmd::Command;
use serde_json::Value;

/// What most of the requests were made of.
const BODY: &[u8] =
    b"{\"eventType\":\"workout.created\",\"userId\":\"u-1\",\"note\":\"a/b \xc3\xbc\",\"payload\":[{\"id\":1,\"calories\":412.50}]}";

fn spoilt() -> impl Iterator<Item = &'static Spoilt> {
    material::SPOILT.iter().chain(signatures::SPOILT)
}

struct Spoilt {
    how: &'static str,
    platform: &'static str,
    headers: &'static [&'static str],
    body: &'static [u8],
    secret: &'static str,
    more: &'static [&'static str],
    /// The hint's code, and what it says to add to the command line.
    hint: (&'static str, Option<&'static str>),
}

fn judge(spoilt: &Spoilt, more: &[&str]) -> (i32, Value) {
    let mut command = Command::cargo_bin("gymhook").unwrap();
    command.args(["--json", "verify", spoilt.platform]).env_remove("GYMHOOK_SECRET");
    for header in spoilt.headers {
        command.args(["-H", header]);
    }
    command.args(spoilt.more).args(more).env("GYMHOOK_SECRET", spoilt.secret).write_stdin(spoilt.body);
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    (
        output.status.code().unwrap(),
        serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{}: {printed}", spoilt.how)),
    )
}

#[test]
fn what_would_have_matched_is_found() {
    for spoilt in spoilt() {
        let (status, record) = judge(spoilt, &[]);
        assert_eq!((status, &record["verdict"]), (1, &Value::from("refused")), "{}", spoilt.how);
        let hint = &record["hints"][0];
        assert_eq!(hint["code"], spoilt.hint.0, "{}: {record}", spoilt.how);
        assert_eq!(hint["arguments"].as_str(), spoilt.hint.1, "{}: {record}", spoilt.how);
        assert!(
            !record.to_string().contains(spoilt.secret.trim_matches(|c: char| c.is_whitespace() || c == '"'))
                || spoilt.secret.len() < 4,
            "{}: the secret is shown",
            spoilt.how
        );
    }
}

/// A hint that names options is followed, and the request is then accepted.
#[test]
fn who_follows_a_hint_is_accepted() {
    let mut followed = 0;
    for spoilt in spoilt() {
        let Some(arguments) = spoilt.hint.1.filter(|arguments| arguments.starts_with("--")) else { continue };
        let arguments: Vec<&str> = arguments.split(' ').collect();
        // An option given twice is an error; whatever else is changed, the request is judged by its own time.
        let kept = if spoilt.more.first() == arguments.first() { &[][..] } else { spoilt.more };
        let has_time = kept.contains(&"--now") || arguments.contains(&"--now");
        let now = ["--now", "2022-11-21T18:44:10Z"].into_iter().filter(|_| !has_time);
        let more: Vec<&str> = arguments.iter().copied().chain(now).collect();
        let tried = Spoilt { more: kept, ..*spoilt };
        let (_, record) = judge(&tried, &more);
        assert!(record["key"].is_string(), "{}: {record}", spoilt.how);
        followed += 1;
    }
    assert!(followed >= 8, "{followed} hints were followed");
}
