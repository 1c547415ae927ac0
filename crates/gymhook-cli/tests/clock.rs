//! A clock that is off: the receiver's `Date` header tells, before signed times are refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use support::{Listening, answering, gymhook};

/// What `send` says on standard error about three deliveries.
fn said(url: &str, more: &[&str]) -> String {
    let output =
        gymhook("canary").args(["send", "egym", "--to", url, "--count", "3", "--quiet"]).args(more).output();
    String::from_utf8(output.unwrap().stderr).unwrap()
}

fn answering_at(date: &str) -> String {
    let head = format!("HTTP/1.1 200 OK\r\n{date}content-length: 0\r\nconnection: close\r\n\r\n");
    answering(Box::leak(head.into_boxed_str()))
}

#[test]
fn a_receiver_whose_clock_is_off_is_warned_of_once() {
    for (date, direction) in [
        ("date: Thu, 01 Jan 2015 00:00:00 GMT\r\n", " behind this one"),
        ("date: Tue, 01 Jan 2199 00:00:00 GMT\r\n", " ahead of this one"),
    ] {
        let url = answering_at(date);
        let warning = said(&url, &[]);
        assert_eq!(warning.lines().count(), 1, "{warning}");
        let is_told = warning.starts_with("warning: the receiver's clock is ");
        assert!(is_told && warning.contains(direction), "{warning}");
        let record: serde_json::Value = serde_json::from_str(&said(&url, &["--json"])).unwrap();
        assert_eq!(record["record"], "warning", "{record}");
        assert!(record["message"].as_str().unwrap().contains("(its Date header)"), "{record}");
    }
}

#[test]
fn a_right_clock_and_none_that_is_told_are_no_reason_to_warn() {
    let receiver = Listening::start(gymhook("canary").args(["listen", "egym", "--no-record"]));
    assert_eq!(said(&receiver.url, &[]), "", "a listener says its date");
    for date in ["", "date: yesterday\r\n", "date: \r\n"] {
        assert_eq!(said(&answering_at(date), &[]), "", "{date:?}");
    }
}
