//! The sending half's contract: what goes out is what the receiving half accepts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use core::time::Duration;

use bytes::Bytes;
use gymhook::event::samples;
use gymhook::retry::{Decision, GiveUp, Outcome, RetryAfter};
use gymhook::send::{self, EndpointUrl};
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver, ResponseCapture};
use http::{HeaderValue, Response, StatusCode};
use proptest::prelude::*;
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);

fn keyring() -> Keyring {
    Keyring::single("main", Secret::new("a shared secret of some length").unwrap()).unwrap()
}

fn url() -> EndpointUrl {
    EndpointUrl::new("https://receiver.example/hooks?token=1", gymhook::UrlRule::HttpsOn443).unwrap()
}

fn response(status: u16, retry_after: &[&'static str]) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for value in retry_after {
        response.headers_mut().append("retry-after", HeaderValue::from_static(value));
    }
    response
}

#[test]
fn what_is_sent_for_every_sample_is_received() {
    for provider in Provider::all() {
        let signer = provider.signer(keyring()).unwrap();
        let receiver = Receiver::new(&provider, keyring()).unwrap();
        for sample in samples().filter(|sample| sample.vendor == provider.vendor()) {
            let request =
                send::request(&signer, &url(), "id-1", Bytes::from_static(sample.body.as_bytes()), NOW)
                    .unwrap();
            assert_eq!(request.method(), "POST");
            assert_eq!(request.uri(), "https://receiver.example/hooks?token=1");
            assert_eq!(request.headers()["content-type"], "application/json");
            let (parts, body) = request.into_parts();
            assert!(receiver.receive(&parts.headers, body, NOW).is_ok(), "{}", sample.event_type);
        }
    }
}

#[test]
fn a_retry_keeps_the_id_and_signs_afresh() {
    let perfectgym = Provider::perfectgym().signer(keyring()).unwrap();
    let point = Provider::point().signer(keyring()).unwrap();
    let later = NOW + Duration::from_secs(60);
    let body = || Bytes::from_static(b"{}");
    let header = |signer, name: &str, now| {
        send::request(signer, &url(), "id-1", body(), now).unwrap().headers()[name].clone()
    };
    assert_eq!(
        header(&perfectgym, "x-perfectgym-request", NOW),
        header(&perfectgym, "x-perfectgym-request", later)
    );
    assert_ne!(header(&point, "point-signature", NOW), header(&point, "point-signature", later));
}

#[test]
fn the_outcome_of_a_response_carries_a_single_retry_after_only() {
    let until = |seconds| Some(RetryAfter::seconds(seconds, NOW));
    for (values, expected) in [
        (&[][..], None),
        (&["120"][..], until(120)),
        (&["120", "120"][..], None),
        (&["-1"][..], None),
        (&["1e30"][..], None),
    ] {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(
            send::outcome(&response(503, values), NOW),
            Outcome::Response { status, retry_after: expected }
        );
    }
}

#[test]
fn each_platform_s_profile_decides_on_the_outcome() {
    let first = gymhook::retry::AttemptNumber::FIRST;
    let decide = |provider: &Provider, status| {
        let policy = &provider.profile().retry.value;
        policy.decide(first, None, &send::outcome(&response(status, &[]), NOW), 0, NOW)
    };
    for provider in Provider::all() {
        assert_eq!(decide(&provider, 204), Decision::Delivered);
        for failure in [301, 302, 400, 404, 409, 410, 500, 503] {
            let decision = decide(&provider, failure);
            let over = Decision::Undeliverable { reason: GiveUp::Exhausted, hold_endpoint_until: None };
            assert!(
                matches!(decision, Decision::RetryAt { .. }) || decision == over,
                "{failure}: {decision:?}"
            );
        }
    }
    let gympoint = decide(&Provider::gympoint().into_any(), 500);
    assert!(matches!(gympoint, Decision::RetryAt { at, .. } if at == NOW + Duration::from_secs(300)));
}

#[test]
fn perfectgym_s_log_keeps_a_thousand_characters_not_bytes() {
    let rule = Provider::perfectgym().profile().response_capture.value;
    assert_eq!(rule, ResponseCapture::new(1000));
    let long = "\u{17c}".repeat(1500);
    assert_eq!(send::capture(rule, long.as_bytes()), "\u{17c}".repeat(1000));
    assert_eq!(send::capture(rule, b"Ok"), "Ok");
    assert_eq!(send::capture(rule, b"a\xffb"), "a\u{fffd}b");
    assert_eq!(send::capture(ResponseCapture::new(0), b"Ok"), "");
}

proptest! {
    #[test]
    fn a_capture_is_a_bounded_beginning_of_the_text(text in "\\PC{0,300}", max in 0_usize..200) {
        let captured = send::capture(ResponseCapture::new(max), text.as_bytes());
        prop_assert!(text.starts_with(&captured));
        prop_assert_eq!(captured.chars().count(), text.chars().count().min(max));
    }

    #[test]
    fn any_response_bytes_are_captured(bytes in prop::collection::vec(any::<u8>(), 0..300), max in any::<usize>()) {
        let captured = send::capture(ResponseCapture::new(max), &bytes);
        prop_assert!(captured.chars().count() <= max);
    }

    #[test]
    fn any_text_is_a_url_or_an_error(text in "\\PC{0,80}") {
        if let Ok(url) = EndpointUrl::new(&text, gymhook::UrlRule::HttpsOn443) {
            let url = url.to_uri();
            prop_assert_eq!(url.scheme_str(), Some("https"));
            prop_assert!(url.port_u16().is_none_or(|port| port == 443));
        }
    }
}
