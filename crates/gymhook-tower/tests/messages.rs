//! Every message of this crate's refusals, for an operator to read: what happened, where, what to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::time::Duration;

use gymhook::signature::{Keyring, Secret, Verifier, vendor};
use gymhook::{Provider, Receiver};
use gymhook_tower::Refusal;
use http::{HeaderMap, HeaderValue};
use time::UtcDateTime;

#[test]
fn every_message_says_what_happened_where_and_what_to_do() {
    let now = UtcDateTime::UNIX_EPOCH;
    let keyring = || Keyring::single("berlin", Secret::new("8c1f6d9b-berlin").unwrap()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("8c1f6d9b-berlin"));
    let proof = Verifier::new(vendor::egym(), keyring()).unwrap().verify(&headers, b"{}", now).unwrap();
    let receiver = Receiver::new(&Provider::egym(), keyring()).unwrap();
    let refused = receiver.receive(&HeaderMap::new(), "{}", now).unwrap_err();
    for (refusal, said) in [
        (
            Refusal::BodyNotSigned { proof: Box::new(proof) },
            "the body is not signed, but the handler requires a signed one (key \"berlin\": sender by shared key, body not \
             proved, time not proved, id not proved): accept any proof, or ask the platform for a signature",
        ),
        (Refusal::Busy, "the memory for request bodies is used up: this body was dropped"),
        (
            Refusal::Malformed { problem: "the chunk size is not hexadecimal".into() },
            "the request is malformed: the chunk size is not hexadecimal",
        ),
        (Refusal::MethodNotAllowed { probes_allowed: false }, "the method is not POST"),
        (Refusal::MethodNotAllowed { probes_allowed: true }, "the method is not POST, GET or HEAD"),
        (Refusal::Probe, "a probe, not a webhook"),
        (
            Refusal::Receive(refused),
            "header x-api-key is missing: is a secret configured on the sender's side?",
        ),
        (Refusal::TimedOut { deadline: Duration::from_secs(10) }, "the body did not arrive within 10s"),
        (Refusal::TooLongForOuterLayer, "the body is longer than an outer layer allows"),
    ] {
        assert_eq!(refusal.to_string(), said, "{refusal:?}");
        assert!(!said.ends_with('.') && !said.starts_with(char::is_uppercase), "{said}");
    }
}
