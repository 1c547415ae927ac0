//! What `doctor` finds at endpoints that are right and wrong in one way each.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::Value;
use support::{Listening, answering, gymhook, records};

/// The level of each check, the last one of each name.
fn levels(url: &str, more: &[&str]) -> (i32, Vec<(String, String)>) {
    let (status, found) = records(gymhook("").args(["--json", "doctor", url]).args(more));
    let level = |record: &Value| {
        (record["check"].as_str().unwrap().to_owned(), record["level"].as_str().unwrap().to_owned())
    };
    (status, found.iter().map(level).collect())
}

fn level<'l>(levels: &'l [(String, String)], check: &str) -> &'l str {
    levels.iter().rfind(|(name, _)| name == check).map_or("not examined", |(_, level)| level)
}

#[test]
fn a_receiver_that_verifies_has_only_its_plain_http_and_its_private_address_against_it() {
    let receiver = Listening::start(gymhook("k-0123456789abcdef").args(["listen", "egym", "--no-record"]));
    let (status, found) = levels(&receiver.url, &["--platform", "egym"]);
    assert_eq!(status, 1, "EGYM wants https");
    for (check, expected) in [
        ("url", "fail"),
        ("addresses", "warn"),
        ("connection", "ok"),
        ("get", "ok"),
        ("post", "ok"),
        ("time", "ok"),
        ("clock", "ok"),
    ] {
        assert_eq!(level(&found, check), expected, "{check}: {found:?}");
    }
}

#[test]
fn each_fault_is_found() {
    const CLOSE: &str = "content-length: 0\r\nconnection: close\r\n\r\n";
    for (head, check, expected) in [
        ("HTTP/1.1 200 OK\r\n", "post", "fail"),
        ("HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\n", "post", "fail"),
        ("HTTP/1.1 500 Internal Server Error\r\n", "post", "fail"),
        ("HTTP/1.1 404 Not Found\r\n", "post", "fail"),
        ("HTTP/1.1 400 Bad Request\r\n", "post", "warn"),
        ("HTTP/1.1 401 Unauthorized\r\n", "post", "ok"),
        ("HTTP/1.1 401 Unauthorized\r\ndate: Thu, 01 Jan 2015 00:00:00 GMT\r\n", "clock", "warn"),
    ] {
        let answer: &'static str = Box::leak(format!("{head}{CLOSE}").into_boxed_str());
        let (_, found) = levels(&answering(answer), &["--platform", "egym"]);
        assert_eq!(level(&found, check), expected, "{head}: {found:?}");
    }
}

#[test]
fn what_a_failed_step_leaves_open_is_not_examined() {
    let (status, found) = levels("http://127.0.0.1:1/", &[]);
    assert_eq!((status, level(&found, "connection"), level(&found, "post")), (1, "fail", "not examined"));
    let plain = answering("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .replace("http", "https");
    let (status, found) = levels(&plain, &[]);
    assert_eq!((status, level(&found, "certificate"), level(&found, "post")), (1, "fail", "not examined"));
    let (status, _) = levels("no url", &[]);
    assert_eq!(status, 2);
}
