//! What the fuzz targets run, so that their corpus is replayed by the normal tests, too.
//!
//! Each function takes arbitrary bytes and panics if an invariant does not hold; that is the finding.

#![allow(clippy::expect_used, clippy::panic, reason = "a panic is how a fuzz target reports what it found")]

use std::sync::Arc;

use gymhook_event::{AnyNotification, Notification as _, Vendor, check_decoded, check_strict, encode};
use gymhook_signature::{
    Key, Keyring, Proof, Secret, SignatureScheme, SignedTime, Signer, StandardWebhooks, Verifier, vendor,
};
use http::{HeaderMap, HeaderValue};
use time::UtcDateTime;

const SECRETS: [(&str, &str); 2] = [("old", "fuzz-old"), ("new", "fuzz-new")];

/// The names that [`verify`] knows, one for each scheme.
pub const SCHEMES: [&str; 5] =
    ["api-key", "body-hmac", "request-id-md5", "standard-webhooks", "timestamped-hmac"];

/// Verifies a request made of `data` by the named scheme.
///
/// `data` is eight bytes of clock (seconds, big endian), then for each header of the scheme a count (modulo 3) and that many values,
/// each with a length byte in front, then the body.
///
/// # Panics
/// If the scheme accepts headers without the signature that it would write for this body, or claims more than it can prove.
pub fn verify(scheme: &str, data: &[u8]) {
    let scheme = scheme_named(scheme);
    let mut input = Input(data);
    let now = clock(input.i64());
    let mut headers = HeaderMap::new();
    for name in scheme.header_names() {
        for _ in 0..input.byte() % 3 {
            let length = usize::from(input.byte());
            if let Ok(value) = HeaderValue::from_bytes(input.take(length)) {
                headers.append(name.clone(), value);
            }
        }
    }
    let body = input.0;
    let verifier =
        Verifier::with_shared(Arc::clone(&scheme), keyring()).expect("the keyring fits every scheme");

    match verifier.verify(&headers, body, now) {
        Ok(proof) => {
            assert!(scheme.header_names().iter().all(|name| headers.get_all(name).iter().count() == 1));
            assert!(proof.assurance() <= scheme.assurance());
            assert!(shows_its_signature(&scheme, &proof, &headers, body), "accepted what nobody signed");
        }
        // A refusal's texts must be printable without panicking, whatever was sent.
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }

    let id = String::from_utf8_lossy(body);
    if let Ok(signed) = verifier.signer().sign(&id, body, now) {
        let proof = verifier.verify(&signed, body, now).expect("what was signed is accepted");
        assert_eq!(proof.assurance(), scheme.assurance());
    }
}

/// Decodes `data` as a notification of this vendor, reads it in full, writes it and decodes it again.
///
/// # Panics
/// If the second reading differs from the first.
pub fn decode(vendor: Vendor, data: &[u8]) {
    let strict = check_strict(data);
    if let Err(ambiguous) = &strict {
        assert!(ambiguous.to_string().len() < 1_000, "an error's text is bounded");
    }
    let notification = match AnyNotification::decode(vendor, data) {
        Ok(notification) => notification,
        Err(undecodable) => {
            assert!(undecodable.to_string().len() < 1_000, "an error's text is bounded");
            return;
        }
    };
    assert_eq!(
        check_decoded(data),
        strict,
        "what was decoded is judged alike without a second look at its form"
    );
    let written = encode(&notification).expect("what was read can be written");
    let again = AnyNotification::decode(vendor, &written).expect("what was written can be read");
    assert_eq!(read(&notification), read(&again));
    assert_eq!(written, encode(&again).expect("what was read can be written"));
}

fn read(notification: &AnyNotification) -> Vec<String> {
    let events = notification.events().map(|event| {
        let subject = event.subject.id.map(|id| id.to_string());
        format!(
            "{} {} {} {subject:?} {:?}",
            event.event_type, event.kind, event.subject.kind, event.occurred_at
        )
    });
    events.chain([format!("{:?}", notification.dedupe_key())]).collect()
}

/// Whether the headers hold what the key that matched would have signed, then and for this id.
fn shows_its_signature(
    scheme: &Arc<dyn SignatureScheme>,
    proof: &Proof,
    headers: &HeaderMap,
    body: &[u8],
) -> bool {
    let secret = SECRETS.iter().find(|(id, _)| proof.key() == id).expect("a key of the ring").1;
    let keyring = Keyring::single("matched", Secret::new(secret).expect("not empty")).expect("one key");
    let signer = Signer::with_shared(Arc::clone(scheme), keyring).expect("the keyring fits every scheme");
    let signed_at = proof.signed_at().and_then(SignedTime::to_utc).unwrap_or(UtcDateTime::UNIX_EPOCH);
    let id = proof.id().map_or("", |id| id.as_str());
    let signed = signer.sign(id, body, signed_at).expect("what was accepted can be signed");
    signed.iter().all(|(name, value)| {
        // Of `t=…,v1=…` and `v1,…` the signature comes after the last comma.
        let own = value.to_str().unwrap_or_default().rsplit(',').next().unwrap_or_default().to_lowercase();
        headers
            .get(name)
            .is_some_and(|sent| String::from_utf8_lossy(sent.as_bytes()).to_lowercase().contains(&own))
    })
}

fn scheme_named(name: &str) -> Arc<dyn SignatureScheme> {
    match name {
        "api-key" => Arc::new(vendor::egym()),
        "body-hmac" => Arc::new(vendor::gympoint()),
        "request-id-md5" => Arc::new(vendor::perfectgym()),
        "standard-webhooks" => Arc::new(StandardWebhooks::new()),
        "timestamped-hmac" => Arc::new(vendor::point()),
        _ => panic!("no scheme is named {name}"),
    }
}

fn keyring() -> Keyring {
    let key =
        |(id, secret): (&str, &str)| Key::new(id, Secret::new(secret).expect("a secret that is not empty"));
    Keyring::new(SECRETS.map(key)).expect("two different keys")
}

fn clock(seconds: i64) -> UtcDateTime {
    let (first, last) = (UtcDateTime::MIN.unix_timestamp(), UtcDateTime::MAX.unix_timestamp());
    UtcDateTime::from_unix_timestamp(seconds.clamp(first, last)).unwrap_or(UtcDateTime::UNIX_EPOCH)
}

/// Bytes to draw from; beyond their end there are zeros and nothing.
struct Input<'d>(&'d [u8]);

impl<'d> Input<'d> {
    fn take(&mut self, count: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn i64(&mut self) -> i64 {
        self.take(8).iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
    }
}
