//! What signed requests may do to a listener, and when it says that it has one: rows R9 to R12 and R18 to R21 of the threats
//! that receivers have to withstand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a sender that drips waits")]

mod support;

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread;

use serde_json::Value;
use support::{Listening, gymhook, records};

const SECRET: &str = "canary-0f8fad5b-d9cb";

fn listening(platform: &str) -> Listening {
    Listening::start(gymhook(SECRET).args(["listen", platform, "--no-record"]))
}

/// The headers with which a platform signs this body now, as lines.
fn signed(platform: &str, body: &str) -> String {
    let mut command = gymhook(SECRET);
    command.args(["--json", "sign", platform]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    let headers = record["headers"].as_array().unwrap().iter();
    headers.map(|pair| format!("{}: {}\r\n", pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST /hooks HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

fn status(answer: &str) -> &str {
    answer.split_whitespace().nth(1).unwrap_or_default()
}

/// A workout of Point with this in the place of its payload's items.
fn workout(items: &str) -> String {
    format!(
        r#"{{"eventType":"workout.created","userId":"u-1","userExternalId":"x-1","dataSource":"fitbit","clientId":"c-1","payload":[{items}]}}"#
    )
}

/// A body that its sender feeds drop by drop holds a connection until the deadline and no longer (R9).
#[test]
fn a_body_that_drips_is_given_up() {
    let mut receiver = listening("point");
    let mut stream = TcpStream::connect(receiver.url.trim_start_matches("http://")).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n").unwrap();
    let mut feeding = stream.try_clone().unwrap();
    let feeder = thread::spawn(move || {
        // Until nobody takes it any more.
        while feeding.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(100));
        }
    });
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert_eq!(status(&answer), "408", "{answer}");
    assert_eq!(receiver.next()["reason"], "timed-out");
    drop(stream);
    feeder.join().unwrap();
}

/// A signed body that is a bomb for a parser is refused, and the listener goes on (R10, R11, R12).
#[test]
fn a_signed_bomb_is_unreadable_and_the_next_request_is_served() {
    let mut receiver = listening("point");
    let deep = workout(&format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000)));
    let twice = workout(r#"{"id":1,"id":2}"#);
    let twice_outside = workout("").replacen("\"userId\"", "\"userId\":\"u-2\",\"userId\"", 1);
    let endless = workout(&format!(r#"{{"id":1,"distance":{}}}"#, "9".repeat(100_000)));
    for (name, body, verdict) in [
        ("50,000 brackets within each other", &deep, "unreadable"),
        ("a key twice, inside", &twice, "unreadable"),
        ("a key twice", &twice_outside, "unreadable"),
        // Its text is kept, and no number is made of it.
        ("a number of 100,000 digits", &endless, "accepted"),
    ] {
        receiver.answer_to(&post(&signed("point", body), body));
        // As text: no number in it need be one that this test can read.
        let line = receiver.next_line();
        assert!(
            line.contains(&format!(r#""verdict":"{verdict}""#)),
            "{name}: {}",
            &line[..line.len().min(900)]
        );
    }
    let honest = workout(r#"{"id":1}"#);
    assert_eq!(status(&receiver.answer_to(&post(&signed("point", &honest), &honest))), "200");
}

/// An event that is newer than this command is no reason to refuse it (R14).
#[test]
fn an_event_type_of_tomorrow_is_accepted() {
    let mut receiver = listening("point");
    let body = workout(r#"{"id":1}"#).replace("workout.created", "workout.teleported");
    assert_eq!(status(&receiver.answer_to(&post(&signed("point", &body), &body))), "200");
    let record = receiver.next();
    assert_eq!(
        (&record["events"][0]["type"], &record["events"][0]["kind"]),
        (&"workout.teleported".into(), &"other".into())
    );
}

/// No number of signatures buys more tries, and no older version is a way round the current one (R18).
#[test]
fn more_signatures_and_other_versions_buy_nothing() {
    let mut receiver = listening("point");
    let body = workout("");
    let signature = signed("point", &body);
    let (time, tag) = signature.trim().trim_start_matches("point-signature: ").split_once(',').unwrap();
    let tag = tag.trim_start_matches("v1=");
    let wrong = "0".repeat(64);
    let among = |wrongs: usize| {
        let wrongs: String = (0..wrongs).map(|_| format!(",v1={wrong}")).collect();
        format!("point-signature: {time}{wrongs},v1={tag}\r\n")
    };
    for (headers, expected) in [
        (among(15), "200"),
        (among(16), "401"),
        (format!("point-signature: {time},v0={tag}\r\n"), "401"),
        (format!("point-signature: {time}\r\n"), "401"),
    ] {
        assert_eq!(status(&receiver.answer_to(&post(&headers, &body))), expected, "{headers}");
        receiver.next();
    }
}

/// An API key says which studio it is, and no other one's gets in under it (R19).
#[test]
fn each_studio_is_told_by_its_own_key() {
    let mut command = gymhook("");
    command
        .env_remove("GYMHOOK_SECRET")
        .env("GYMHOOK_SECRET_BERLIN", "key-of-berlin-0f8fad5b")
        .env("GYMHOOK_SECRET_WIEN", "key-of-wien-d9cb469f")
        .args(["listen", "egym", "--no-record"]);
    let mut receiver = Listening::start(&mut command);
    let body = r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    for (key, studio) in [("key-of-berlin-0f8fad5b", Some("berlin")), ("key-of-wien-d9cb469f", Some("wien"))]
    {
        let headers = format!("x-api-key: {key}\r\n");
        assert_eq!(status(&receiver.answer_to(&post(&headers, body))), "200");
        assert_eq!(receiver.next()["key"].as_str().map(str::to_lowercase).as_deref(), studio);
    }
    for key in ["key-of-berlin-0f8fad5", "key-of-berlin-0f8fad5bkey-of-wien-d9cb469f", "berlin"] {
        let headers = format!("x-api-key: {key}\r\n");
        assert_eq!(status(&receiver.answer_to(&post(&headers, body))), "401");
        assert_eq!(receiver.next()["key"], Value::Null);
    }
}

/// What was answered 200 is in the file, also if the listener is killed the next moment (R20).
#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.db");
    let file = file.to_str().unwrap();
    for round in 1..=5 {
        let receiver = Listening::start(gymhook(SECRET).args(["listen", "point", "--record", file]));
        let body = workout(&format!(r#"{{"id":{round}}}"#));
        assert_eq!(status(&receiver.answer_to(&post(&signed("point", &body), &body))), "200");
        // Dropping it sends SIGKILL.
        drop(receiver);
        let (_, listed) = records(gymhook("").args(["--json", "requests", "--record", file]));
        assert_eq!(listed.len(), round, "after {round} kills");
    }
}

/// The same request again is shown as a repeat, another body under its id as a conflict (R21).
#[test]
fn a_repeat_and_a_conflict_are_told_apart() {
    let mut receiver = listening("pg-next");
    let body = |note: &str| {
        format!(
            r#"{{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-0242ac120002","payload":[{{"timestamp":1764885600176,"type":"CUSTOMER_CHECKIN","note":"{note}"}}]}}"#
        )
    };
    let mut sent = |note: &str| {
        let body = body(note);
        receiver.answer_to(&post(&signed("pg-next", &body), &body));
        receiver.next()
    };
    let first = sent("a");
    assert_eq!((&first["repeat_of"], &first["conflict"]), (&Value::Null, &false.into()));
    let repeat = sent("a");
    assert_eq!((&repeat["repeat_of"], &repeat["conflict"]), (&first["id"], &false.into()));
    assert_eq!(sent("b")["conflict"], true);
}
