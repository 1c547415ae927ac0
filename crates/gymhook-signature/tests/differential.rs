//! Against the reference implementation of Standard Webhooks: the same verdict, except where ours is stricter on purpose.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use gymhook_signature::{Keyring, Secret, StandardWebhooks, Verifier};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use standardwebhooks::Webhook;
use time::UtcDateTime;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";

fn ours() -> Verifier {
    let keyring = Keyring::single("k", Secret::from_whsec(SECRET).unwrap()).unwrap();
    Verifier::new(StandardWebhooks::new(), keyring).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the reference implementation reads the clock itself")]
fn clock() -> UtcDateTime {
    UtcDateTime::now()
}

fn request(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signature)]
    {
        headers.insert(name, HeaderValue::try_from(value).unwrap());
    }
    headers
}

/// (accepted by the reference, accepted by ours)
fn verdicts(headers: &HeaderMap, body: &[u8]) -> (bool, bool) {
    let reference = Webhook::new(SECRET).unwrap().verify(body, headers).is_ok();
    (reference, ours().verify(headers, body, clock()).is_ok())
}

proptest! {
    #[test]
    fn honest_requests_and_their_forgeries_get_the_same_verdict(
        id in "[A-Za-z0-9_-]{1,60}", body in "\\PC{0,200}", offset in prop_oneof![-250_i64..=250, 400_i64..4000, -4000_i64..-400],
        others in prop::collection::vec("(v1|v1a|v2),[A-Za-z0-9+/]{43}=", 0..4), forged in any::<bool>()
    ) {
        let timestamp = clock().unix_timestamp() + offset;
        let reference = Webhook::new(SECRET).unwrap();
        let signed_body = if forged { format!("{body} ") } else { body.clone() };
        let signature = reference.sign(&id, timestamp, signed_body.as_bytes()).unwrap();
        let all = others.iter().map(String::as_str).chain([signature.as_str()]).collect::<Vec<_>>().join(" ");
        let (theirs, ours) = verdicts(&request(&id, &timestamp.to_string(), &all), body.as_bytes());
        prop_assert_eq!(theirs, ours);
        prop_assert_eq!(ours, !forged && offset.abs() <= 300);
    }

    #[test]
    fn what_we_sign_the_reference_accepts(id in "[A-Za-z0-9_-]{1,60}", body in "\\PC{0,200}") {
        let headers = ours().signer().sign(&id, body.as_bytes(), clock()).unwrap();
        prop_assert_eq!(verdicts(&headers, body.as_bytes()), (true, true));
    }
}

/// Each deliberate difference, all but one stricter.
#[test]
fn where_the_two_differ() {
    let now = clock().unix_timestamp();
    let sign = |id: &str, timestamp: i64, body: &str| {
        Webhook::new(SECRET).unwrap().sign(id, timestamp, body.as_bytes()).unwrap()
    };
    let good = sign(ID, now, "{}");

    let mut doubled = request(ID, &now.to_string(), &good);
    doubled.append("webhook-id", HeaderValue::from_static("msg_other"));
    assert_eq!(
        verdicts(&doubled, b"{}"),
        (true, false),
        "a doubled header: two readers could take different ones"
    );

    for spelling in [format!("+{now}"), format!("0{now}")] {
        let headers = request(ID, &spelling, &good);
        assert_eq!(verdicts(&headers, b"{}"), (true, false), "{spelling}: not the digits that were signed");
    }

    let lent = sign("msg_1.5", now, "{}");
    let headers = request("msg_1.5", &now.to_string(), &lent);
    assert_eq!(verdicts(&headers, b"{}"), (true, false), "a delimiter inside the id");

    let long = "x".repeat(257);
    let headers = request(&long, &now.to_string(), &sign(&long, now, "{}"));
    assert_eq!(verdicts(&headers, b"{}"), (true, false), "an id of more than 256 bytes");

    let crowd = format!("{} {good}", vec![good.as_str(); 16].join(" "));
    let headers = request(ID, &now.to_string(), &crowd);
    assert_eq!(verdicts(&headers, b"{}"), (true, false), "more than 16 signatures");

    let binary = b"\xff\xfe".as_slice();
    let headers = ours().signer().sign(ID, binary, clock()).unwrap();
    assert_eq!(verdicts(&headers, binary), (false, true), "a body that is not UTF-8: bytes are bytes");
}
