//! The commands that ask a running server: log, redeliver, subscriptions, keys, stats.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "support/serving.rs"]
mod serving;
mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use serving::{Serving, command, request, wait_until};
use support::{Listening, gymhook, records};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server that may send to this machine, a receiver, and a folder for both.
struct World {
    folder: tempfile::TempDir,
    server: Serving,
    receiver: Listening,
    key: String,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("gymhook.toml"), "subscriber_networks = [\"127.0.0.0/8\"]").unwrap();
        fs::write(folder.path().join("secret"), SECRET).unwrap();
        let server = Serving::start(folder.path(), &[]);
        let receiver = Listening::start(gymhook(SECRET).args(["listen", "standard-webhooks", "--no-record"]));
        let key = server.first_key.clone().unwrap();
        Self { folder, server, receiver, key }
    }

    fn ask(&self, key: &str, arguments: &[&str]) -> Command {
        let mut command = self.with_key(key);
        command.arg("--json").args(arguments);
        command
    }

    fn with_key(&self, key: &str) -> Command {
        let mut command = command(self.folder.path());
        command.env("GYMHOOK_API_KEY", key).env("GYMHOOK_SERVER", format!("http://{}", self.server.address));
        command
    }

    /// What a command prints, and its status.
    fn run(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        records(&mut self.ask(&self.key, arguments))
    }

    fn succeeds(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.ask(&self.key, arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8_lossy(&output.stdout);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn subscribe(&self) -> String {
        let created = self.succeeds(&[
            "subscriptions",
            "create",
            &self.receiver.url,
            "--gym",
            "berlin",
            "--secret-file",
            "secret",
        ]);
        created[0]["id"].as_str().unwrap().to_owned()
    }

    fn publish(&self, id: &str) {
        let body = r#"{"type":"workout.created","gym":"berlin","platform":"standard-webhooks","data":{"member":17}}"#;
        let answer = request(
            self.server.address,
            &format!(
                "POST /v1/events HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {}\r\nidempotency-key: {id}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                self.key,
                body.len()
            ),
        );
        let answer = answer.unwrap();
        assert!((200..300).contains(&answer.status), "{answer:?}");
    }

    /// The deliveries in this state, once there are this many.
    fn log(&self, state: &str, count: usize) -> Vec<Value> {
        let mut found = Vec::new();
        wait_until(|| {
            found = self.succeeds(&["log", "--state", state]);
            found.len() == count
        });
        assert_eq!(found.len(), count, "{found:?}");
        found
    }
}

#[test]
fn a_delivery_is_tested_found_and_sent_again() {
    let mut world = World::new();
    let subscription = world.subscribe();
    let tested = world.succeeds(&["subscriptions", "test", &subscription, "--type", "ping"]);
    assert_eq!((&tested[0]["outcome"], &tested[0]["status"]), (&"succeeded".into(), &200.into()));
    world.receiver.next();

    world.publish("workout-1");
    let first = world.receiver.next();
    let delivered = world.log("delivered", 2);
    let of_type = world.succeeds(&["log", "--type", "workout.created", "--since", "1h"]);
    assert_eq!(of_type.len(), 1, "{delivered:?}");
    let id = of_type[0]["id"].as_str().unwrap();
    let shown = world.succeeds(&["log", id]);
    assert_eq!((&shown[0]["state"], &shown[0]["log"][0]["status"]), (&"delivered".into(), &200.into()));

    assert_eq!(world.succeeds(&["redeliver", id])[0]["deliveries"], 1);
    assert_eq!(world.receiver.next()["repeat_of"], first["id"], "it keeps its id");

    let all = ["redeliver", "--state", "delivered", "--type", "workout.created"];
    let with = |more: &'static str| [all.as_slice(), &[more]].concat();
    world.log("delivered", 2);
    let counted = world.succeeds(&with("--dry-run"));
    assert_eq!((&counted[0]["deliveries"], &counted[0]["dry_run"]), (&1.into(), &true.into()));
    assert_eq!(world.run(&all).0, 2, "it asks, and there is nobody to answer");
    assert_eq!(world.run(&["redeliver"]).0, 2, "nobody said which");
    let nothing = world.succeeds(&["redeliver", "--state", "undeliverable"]);
    assert_eq!(
        (&nothing[0]["deliveries"], &nothing[0]["dry_run"]),
        (&0.into(), &false.into()),
        "nobody is asked"
    );
    assert_eq!(world.succeeds(&with("--yes"))[0]["deliveries"], 1);
    assert_eq!(world.receiver.next()["repeat_of"], first["id"]);
    let stats = world.succeeds(&["stats", "--window", "1h"]);
    assert_eq!((&stats[0]["subscriptions"], &stats[0]["undeliverable"]), (&1.into(), &0.into()));
    let shown = world.with_key(&world.key).args(["stats", "--window", "1h"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("delivered in the last 1 h"), "{shown}");
    assert!(shown.contains("became undeliverable in the last 1 h"), "{shown}");
}

#[test]
fn a_subscription_is_paused_enabled_rotated_and_deleted() {
    let world = World::new();
    let id = world.subscribe();
    let status = || {
        let shown = world.succeeds(&["subscriptions", "show", &id]);
        shown[0]["health"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(), "enabled");
    world.succeeds(&["subscriptions", "disable", &id]);
    assert!(wait_until(|| status() == "disabled"));
    world.succeeds(&["subscriptions", "enable", &id]);
    assert!(wait_until(|| status() == "enabled"));
    world.succeeds(&["subscriptions", "pause", &id, "--for", "1h"]);
    assert!(wait_until(|| status() == "disabled"), "it is disabled for as long");
    assert_eq!(world.run(&["subscriptions", "pause", &id, "--for", "0"]).0, 1);
    let rotated = world.succeeds(&["subscriptions", "rotate", &id, "--overlap", "1h"]);
    assert!(rotated[0]["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(world.succeeds(&["subscriptions", "list", "--gym", "berlin"]).len(), 1);
    assert_eq!(world.succeeds(&["subscriptions", "list", "--gym", "hamburg"]).len(), 0);
    world.succeeds(&["subscriptions", "delete", &id]);
    assert_eq!(world.run(&["subscriptions", "show", &id]).0, 1);
}

#[test]
fn a_subscription_is_updated_and_what_is_not_named_stays() {
    let world = World::new();
    let id = world.subscribe();
    let before = world.succeeds(&["subscriptions", "show", &id]).remove(0);
    fs::write(world.folder.path().join("headers"), "X-Token: header-canary\n\nx-region: eu\n").unwrap();
    let update = ["subscriptions", "update", &id];
    let with = |more: &[&str]| world.succeeds(&[update.as_slice(), more].concat()).remove(0);
    let changed =
        with(&["--label", "front desk", "--rate", "120/1m", "--burst", "5", "--headers-file", "headers"]);
    assert_eq!(changed["label"], "front desk");
    assert_eq!(changed["rate"], serde_json::json!({ "attempts": 120, "per_seconds": 60, "burst": 5 }));
    assert_eq!(changed["headers"], serde_json::json!(["x-region", "x-token"]));
    assert!(!changed.to_string().contains("canary"), "{changed}");
    let changed = with(&[
        "--event",
        "member.*",
        "--event",
        "workout.created",
        "--url-for",
        "workout.created=http://127.0.0.1:9/a=b",
        "--ordered",
        "true",
        "--metadata",
        "contact=front desk",
        "--max-in-flight",
        "1",
    ]);
    assert_eq!(changed["events"].as_array().unwrap().len(), 2);
    assert_eq!(changed["urls"], serde_json::json!({ "workout.created": "http://127.0.0.1:9/a=b" }));
    assert_eq!((&changed["ordered"], &changed["label"]), (&true.into(), &"front desk".into()));
    assert_eq!(changed["metadata"], serde_json::json!({ "contact": "front desk" }));

    // Standard input, in which there is nothing.
    let mut bare = world.ask(&world.key, &update);
    bare.args([
        "--headers-file",
        "-",
        "--all-events",
        "--no-url-for",
        "--no-rate",
        "--no-metadata",
        "--ordered",
        "false",
        "--label",
        "",
    ]);
    let output = bare.stdin(Stdio::null()).output().unwrap();
    let bare: Value = serde_json::from_slice(&output.stdout).unwrap();
    for name in ["headers", "events", "urls", "rate", "metadata", "label", "ordered", "url", "keys"] {
        assert_eq!(bare[name], before[name], "{name}");
    }

    assert_eq!(world.run(&update).0, 2, "nothing is to be changed");
    assert_eq!(world.run(&[update.as_slice(), &["--rate", "fast"]].concat()).0, 2);
    assert_eq!(world.run(&[update.as_slice(), &["--url", "http://169.254.169.254/"]].concat()).0, 1);
    assert_eq!(world.succeeds(&["subscriptions", "show", &id])[0]["url"], before["url"]);
}

#[test]
fn keys_are_issued_rotated_and_revoked() {
    let world = World::new();
    let issued = world.succeeds(&["keys", "issue", "front desk", "--gym", "berlin", "--rights", "read"]);
    let (id, key) = (issued[0]["id"].as_str().unwrap(), issued[0]["key"].as_str().unwrap());
    let may_read = |key: &str| records(&mut world.ask(key, &["log"])).0 == 0;
    assert!(may_read(key));
    assert_eq!(records(&mut world.ask(key, &["keys", "issue", "other", "--rights", "write"])).0, 1);
    let rotated = world.succeeds(&["keys", "rotate", id, "--overlap", "0"]);
    assert!(may_read(rotated[0]["key"].as_str().unwrap()));
    assert!(!may_read(key), "the overlap is over");
    world.succeeds(&["keys", "revoke", rotated[0]["id"].as_str().unwrap()]);
    assert!(!may_read(rotated[0]["key"].as_str().unwrap()));
    let listed = world.succeeds(&["keys", "list"]);
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|key| key.get("key").is_none()), "a key is shown again");
}

#[test]
fn what_is_wrong_is_told_with_what_to_do() {
    let world = World::new();
    let said = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (status, unknown) = said(&mut world.ask("ghk_0000", &["log"]));
    assert_eq!(status, 1, "{unknown}");
    assert!(unknown.contains("the server answers 401") && unknown.contains("GYMHOOK_API_KEY"), "{unknown}");
    let (status, none) = said(command(world.folder.path()).arg("stats"));
    assert_eq!(status, 2, "{none}");
    assert!(none.contains("an API key is needed: set GYMHOOK_API_KEY"), "{none}");
    let (status, argument) = said(&mut world.ask("k", &["log", "--key", "ghk_canary"]));
    assert_eq!(status, 2, "{argument}");
    assert!(argument.contains("a key in an argument is seen") && !argument.contains("canary"), "{argument}");
    let (status, nobody) = said(&mut world.ask("k", &["log", "--server", "http://127.0.0.1:1"]));
    assert_eq!(status, 1, "{nobody}");
    assert!(
        nobody.contains("no server answers at http://127.0.0.1:1") && nobody.contains("is it running?"),
        "{nobody}"
    );
    let (status, behind) = said(&mut world.ask("k", &["keys", "list", "--server", "http://127.0.0.1:1"]));
    assert_eq!(status, 1, "an option behind the action counts: {behind}");
    let (status, open) = said(&mut world.ask("k", &["log", "--server", "http://192.0.32.7"]));
    assert_eq!(status, 2, "{open}");
    assert!(open.contains("use the server's https:// URL"), "{open}");
    let (status, state) = said(&mut world.ask(&world.key, &["log", "--state", "lost"]));
    assert_eq!(status, 1, "{state}");
    assert!(state.contains("state: there is no such state: choose one of waiting"), "{state}");

    let mut file = fs::File::create(world.folder.path().join("key")).unwrap();
    writeln!(file, "{}", world.key).unwrap();
    let mut by_file = world.ask("ghk_wrong", &["stats", "--key-file", "key"]);
    assert_eq!(records(&mut by_file).0, 0, "the file is used in place of the variable");
}

/// A publisher's trace context arrives with the attempt.
#[test]
fn a_trace_goes_on_at_the_receiver() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let world = World::new();
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", receiver.local_addr().unwrap());
    world.succeeds(&["subscriptions", "create", &url, "--gym", "berlin", "--secret-file", "secret"]);
    let received = thread::spawn(move || {
        let (mut stream, _) = receiver.accept().unwrap();
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !String::from_utf8_lossy(&request).contains("{\"member\":17}") {
            let count = stream.read(&mut part).unwrap();
            request.extend_from_slice(&part[..count]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request).to_lowercase()
    });
    let body = r#"{"type":"workout.created","gym":"berlin","data":{"member":17}}"#;
    let published = request(
        world.server.address,
        &format!(
            "POST /v1/events HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {}\r\ntraceparent: {TRACE}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            world.key,
            body.len()
        ),
    );
    assert_eq!(published.unwrap().status, 202);
    let received = received.join().unwrap();
    assert!(received.contains(&format!("traceparent: {TRACE}")), "{received}");
}
