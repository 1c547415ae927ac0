//! The receiving half's contract, platform by platform.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use core::time::Duration;

use bytes::Bytes;
use gymhook::event::{AnyNotification, Vendor, samples};
use gymhook::signature::{BodyAssurance, Key, Keyring, RejectReason, Secret, SenderAssurance};
use gymhook::{
    AdmitError, DedupeBasis, Identity, Provider, ReadError, ReceiveError, ReceiveUnsignedError, Receiver,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 00:00);

fn keyring(name: &str) -> Keyring {
    Keyring::single(name, Secret::new("a shared secret of some length").unwrap()).unwrap()
}

fn receiver(provider: &Provider) -> Receiver {
    Receiver::new(provider, keyring("main")).unwrap()
}

fn signed(receiver: &Receiver, body: &[u8]) -> HeaderMap {
    receiver.verifier().signer().sign("request-1", body, NOW).unwrap()
}

#[test]
fn every_sample_of_every_platform_is_received_with_its_proof_and_its_bytes() {
    let mut count = 0;
    for provider in Provider::all() {
        let receiver = receiver(&provider);
        for sample in samples().filter(|sample| sample.vendor == provider.vendor()) {
            let headers = signed(&receiver, sample.body.as_bytes());
            let verified = receiver.receive(&headers, sample.body, NOW).unwrap();
            assert_eq!(verified.proof().assurance(), provider.scheme().assurance());
            let received = verified.value();
            assert_eq!(received.vendor(), provider.vendor());
            assert_eq!(received.body(), sample.body.as_bytes());
            let event = received.events().next().unwrap();
            assert_eq!(event.event_type, sample.event_type);
            count += 1;
        }
    }
    assert_eq!(count, samples().count());
}

#[test]
fn only_a_platform_that_signs_its_body_yields_a_body_signed_value() {
    for provider in Provider::all() {
        let receiver = receiver(&provider);
        let sample = samples().find(|sample| sample.vendor == provider.vendor()).unwrap();
        let headers = signed(&receiver, sample.body.as_bytes());
        let sorted = receiver.receive(&headers, sample.body, NOW).unwrap().into_body_signed();
        assert_eq!(sorted.is_ok(), provider.scheme().assurance().body == BodyAssurance::Signed);
    }
}

#[test]
fn duplicates_are_judged_on_the_signed_id_before_the_body_s_own() {
    let key_of = |provider: &Provider, body: &str| {
        let receiver = receiver(provider);
        let verified = receiver.receive(&signed(&receiver, body.as_bytes()), body.to_owned(), NOW).unwrap();
        let key = verified.value().dedupe_key();
        (key.as_ref().map(ToString::to_string), key.map(|key| key.basis()))
    };
    let perfectgym = r#"{"event":"UserModified","triggeredDate":"2020-06-01T14:44:46Z","data":{"userId":1}}"#;
    assert_eq!(
        key_of(&Provider::perfectgym().into_any(), perfectgym),
        (Some("request-1".to_owned()), Some(DedupeBasis::SignedId))
    );
    let pg_next = r#"{"entityId":1,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f","payload":[{"timestamp":1,"type":"CUSTOMER_CHECKIN"}]}"#;
    assert_eq!(
        key_of(&Provider::pg_next().into_any(), pg_next),
        (Some("main/095be615-a8ad-4c33-8e9c-c7612fbf6c9f".to_owned()), Some(DedupeBasis::VendorId))
    );
    let gympoint = r#"{"event":"checkin.created","data":{}}"#;
    assert_eq!(
        key_of(&Provider::gympoint().into_any(), gympoint),
        (None, None),
        "two real check-ins must not merge"
    );
}

#[test]
fn the_same_id_with_another_body_has_another_digest() {
    let receiver = receiver(&Provider::perfectgym().into_any());
    let headers = signed(&receiver, b"");
    let receive = |data: &str| {
        let body = format!(r#"{{"event":"Test","triggeredDate":"2020-06-01T14:44:46Z","data":{data}}}"#);
        receiver.receive(&headers, body, NOW).unwrap().into_value()
    };
    let (one, same, other) = (receive(r#"{"a":1}"#), receive(r#"{"a":1}"#), receive(r#"{"a":2}"#));
    assert_eq!(one.dedupe_key(), other.dedupe_key());
    assert_eq!(one.body_digest(), same.body_digest());
    assert_ne!(one.body_digest(), other.body_digest());
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_judged() {
    for provider in Provider::all() {
        let receiver = receiver(&provider).with_max_body(100);
        let refusal = receiver.receive(&HeaderMap::new(), vec![b' '; 101], NOW).unwrap_err();
        assert!(matches!(
            refusal,
            ReceiveError::NotAdmitted(AdmitError::BodyTooLarge { bytes: 101, max: 100 })
        ));
        assert_eq!(refusal.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let refusal = receiver.receive(&HeaderMap::new(), vec![b' '; 100], NOW).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::UNAUTHORIZED, "at the limit it is judged");
    }
}

#[test]
fn a_compressed_body_is_refused_even_when_signed() {
    let receiver = receiver(&Provider::gympoint().into_any());
    let body = r#"{"event":"member.created","data":{}}"#;
    let mut headers = signed(&receiver, body.as_bytes());
    for plain in ["identity", "Identity", "", "identity, identity", " ,identity"] {
        headers.insert("content-encoding", HeaderValue::from_static(plain));
        assert!(receiver.receive(&headers, body, NOW).is_ok(), "{plain:?}");
    }
    headers.append("content-encoding", HeaderValue::from_static("gzip"));
    for packed in [None, Some("gzip"), Some("identity, br"), Some("identity;q=1"), Some("id")] {
        if let Some(packed) = packed {
            headers.insert("content-encoding", HeaderValue::from_static(packed));
        }
        let refusal = receiver.receive(&headers, body, NOW).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{packed:?}");
    }
}

#[test]
fn every_failed_proof_gets_the_same_answer() {
    for provider in Provider::all() {
        let receiver = receiver(&provider);
        let body = b"{}".as_slice();
        let good = signed(&receiver, body);
        let mut doubled = good.clone();
        for (name, value) in &good {
            doubled.append(name.clone(), value.clone());
        }
        let mut empty = good.clone();
        empty.values_mut().for_each(|value| *value = HeaderValue::from_static(""));
        let other_key =
            Receiver::new(&provider, Keyring::single("o", Secret::new("other").unwrap()).unwrap()).unwrap();
        let mut reasons = Vec::new();
        for headers in [HeaderMap::new(), doubled, empty, signed(&other_key, body)] {
            let refusal = receiver.receive(&headers, body, NOW).unwrap_err();
            assert_eq!(refusal.status(), StatusCode::UNAUTHORIZED);
            let ReceiveError::NotVerified(cause) = refusal else { panic!("{refusal}") };
            reasons.push(cause.reason());
        }
        assert_eq!(
            reasons[..3],
            [RejectReason::MissingHeader, RejectReason::DuplicateHeader, RejectReason::MalformedHeader]
        );
        let bearer = provider.scheme().assurance().sender == SenderAssurance::BearerSecret;
        assert_eq!(
            reasons[3],
            if bearer { RejectReason::UnknownKey } else { RejectReason::SignatureMismatch }
        );
    }
}

#[test]
fn a_proved_body_that_cannot_be_read_is_kept() {
    let receiver = receiver(&Provider::gympoint().into_any());
    let deep =
        format!(r#"{{"event":"member.created","data":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let unreadable = [
        (r#"{"event":"payment.refunded","data":{"amount":1,"amount":1000}}"#.to_owned(), true),
        (deep, true),
        ("not json, canary-in-the-body".to_owned(), true),
        (r#"{"data":{}}"#.to_owned(), false),
    ];
    for (body, ambiguous) in unreadable {
        let headers = signed(&receiver, body.as_bytes());
        let refusal = receiver.receive(&headers, body.clone(), NOW).unwrap_err();
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
        assert!(!format!("{refusal} {refusal:?}").contains("canary"), "an error repeats no body");
        let ReceiveError::Unreadable(kept) = refusal else { panic!("{refusal}") };
        assert_eq!(matches!(kept.problem(), ReadError::Ambiguous(_)), ambiguous, "{}", kept.problem());
        assert_eq!(kept.into_verified().into_value(), body.as_bytes());
    }
}

#[test]
fn duplicate_keys_can_be_allowed_by_name() {
    let body = r#"{"event":"payment.refunded","data":{"amount":1,"amount":1000}}"#;
    let strict = receiver(&Provider::gympoint().into_any());
    let headers = signed(&strict, body.as_bytes());
    assert!(strict.receive(&headers, body, NOW).is_err());
    let lenient = strict.with_duplicate_keys_allowed();
    assert!(lenient.receive(&headers, body, NOW).is_ok());
    let deep = format!(r#"{{"event":"a","data":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(lenient.receive(&signed(&lenient, deep.as_bytes()), deep, NOW).is_err(), "nesting stays bounded");
}

#[test]
fn a_repeat_during_a_rotation_has_the_same_dedupe_key_whichever_signature_is_left() {
    let key = |id: &str| Key::new(id, Secret::new(format!("the secret of {id}")).unwrap());
    let body = r#"{"eventType":"workout.created","userId":"u","clientId":"c","payload":[{"id":1}]}"#;
    let provider = Provider::point().into_any();
    let receiver = Receiver::new(&provider, Keyring::new([key("2026-06"), key("2026-05")]).unwrap()).unwrap();
    let keys = ["2026-06", "2026-05"].map(|generation| {
        let sender = provider.signer(Keyring::new([key(generation)]).unwrap()).unwrap();
        let verified = receiver.receive(&sender.sign("", body.as_bytes(), NOW).unwrap(), body, NOW).unwrap();
        assert_eq!(verified.proof().key(), &generation);
        verified.value().dedupe_key().unwrap()
    });
    assert_eq!(keys[0], keys[1]);
}

/// The keys of the two studios, before and after one of them changed its own.
fn studios() -> Keyring {
    let key = |id: &str| Key::new(id, Secret::new(format!("the secret of {id}")).unwrap());
    Keyring::new([key("berlin-2026"), key("berlin-2027"), key("poznan")].map(|key| {
        let studio = key.id().as_str().split('-').next().unwrap().to_owned();
        key.with_tenant(studio)
    }))
    .unwrap()
}

#[test]
fn a_repeat_across_the_rotation_of_an_api_key_is_one_within_the_tenant_and_two_across_tenants() {
    let pg_next = r#"{"entityId":1,"uuid":"u-1","payload":[{"timestamp":1,"type":"CUSTOMER_CHECKIN"}]}"#;
    let egym = r#"{"accountId":"a-1","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    for (provider, body) in [(Provider::pg_next().into_any(), pg_next), (Provider::egym().into_any(), egym)] {
        let receiver = Receiver::new(&provider, studios()).unwrap();
        let [old, new, other] = ["berlin-2026", "berlin-2027", "poznan"].map(|id| {
            let mut headers = HeaderMap::new();
            headers.insert("x-api-key", HeaderValue::try_from(format!("the secret of {id}")).unwrap());
            let verified = receiver.receive(&headers, body, NOW).unwrap();
            assert_eq!(verified.proof().key(), &id);
            verified.value().dedupe_key().unwrap()
        });
        assert_eq!(old.scope().unwrap(), &"berlin");
        assert_eq!(old, new);
        assert_ne!(new, other);
    }
}

#[test]
fn keys_that_were_said_to_belong_to_tenants_tell_them_apart_in_every_scheme() {
    let body = r#"{"eventType":"workout.created","userId":"u","clientId":"c","payload":[{"id":1}]}"#;
    let provider = Provider::point().into_any();
    let receiver = Receiver::new(&provider, studios()).unwrap();
    let [old, new, other] = ["berlin-2026", "berlin-2027", "poznan"].map(|id| {
        let sender = provider
            .signer(Keyring::single("k", Secret::new(format!("the secret of {id}")).unwrap()).unwrap());
        let headers = sender.unwrap().sign("", body.as_bytes(), NOW).unwrap();
        receiver.receive(&headers, body, NOW).unwrap().value().dedupe_key().unwrap()
    });
    assert_eq!(old, new);
    assert_ne!(new, other);
}

#[test]
fn an_id_from_a_body_is_bounded_and_printed_escaped() {
    let receiver = receiver(&Provider::pg_next().into_any());
    let key_of = |uuid: &str| {
        let body = format!(
            r#"{{"entityId":1,"uuid":"{uuid}","payload":[{{"timestamp":1,"type":"CUSTOMER_CHECKIN"}}]}}"#
        );
        receiver
            .receive(&signed(&receiver, body.as_bytes()), body, NOW)
            .unwrap()
            .value()
            .dedupe_key()
            .unwrap()
    };
    let printed = key_of(r"\n\u001b[2J").to_string();
    assert_eq!(printed, r"main/\n\u{1b}[2J", "nothing reaches a terminal or a log line");
    let (long, longer) = (key_of(&"x".repeat(257)), key_of(&"x".repeat(258)));
    // SHA-256 of 257 times "x", by coreutils' sha256sum.
    assert_eq!(long.id(), "sha256:15eb95a462ee20bd91a415ae2d4aed341288186ddaa2b37908f7d592f0c3f85f");
    assert_ne!(long, longer);
    assert_eq!(key_of(&"x".repeat(256)).id(), "x".repeat(256));
}

#[test]
fn an_unsigned_sender_needs_the_path_that_says_so() {
    let provider = Provider::gympoint();
    let body = r#"{"event":"member.created","data":{}}"#;
    let signed_only = Receiver::new(&provider, keyring("main")).unwrap();
    assert!(signed_only.receive(&HeaderMap::new(), body, NOW).is_err());

    let unsigned = Receiver::dangerous_unsigned(&provider);
    let received = unsigned.receive(&HeaderMap::new(), body).unwrap().0;
    assert_eq!(received.events().count(), 1);
    let refusal = unsigned.receive(&HeaderMap::new(), vec![b' '; 300_000]).unwrap_err();
    assert!(matches!(refusal, ReceiveUnsignedError::NotAdmitted(_)));
    assert!(matches!(unsigned.receive(&HeaderMap::new(), "{"), Err(ReceiveUnsignedError::Unreadable(_))));
}

#[test]
fn each_studio_is_told_by_its_key() {
    let keys = (0..100)
        .map(|n| Key::new(format!("studio-{n}"), Secret::new(format!("key-{n}-of-the-studio")).unwrap()));
    let receiver = Receiver::new(&Provider::pg_next(), Keyring::new(keys).unwrap()).unwrap();
    let body = r#"{"entityId":1,"uuid":"u","payload":[{"timestamp":1,"type":"CUSTOMER_CHECKIN"}]}"#;
    for n in [0, 42, 99] {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::try_from(format!("key-{n}-of-the-studio")).unwrap());
        let verified = receiver.receive(&headers, body, NOW).unwrap();
        assert_eq!(verified.proof().key().as_str(), format!("studio-{n}"));
    }
}

/// From what GymPoint, PerfectGym and the others publish, or do not: see the profiles.
#[test]
fn an_equal_body_is_a_repeat_where_nothing_else_tells_and_it_is_one_event() {
    let hours = |hours: u64| Some(Duration::from_secs(hours * 3_600));
    let gympoint = Provider::gympoint().into_any();
    for (name, window) in [
        ("member.created", hours(3)),
        ("payment.failed", hours(3)),
        ("checkin.created", None),
        ("member.updated", None),
        ("not.known.yet", None),
    ] {
        let body = format!(r#"{{"event":"{name}"}}"#);
        let receiver = receiver(&gympoint);
        let verified = receiver.receive(&signed(&receiver, body.as_bytes()), body, NOW).unwrap();
        assert_eq!(verified.value().repeat_window(), window, "{name}");
    }
    let retried = Duration::from_secs((5 + 30 + 120) * 60 + 4 * 30);
    assert!(hours(3).is_some_and(|window| window > retried), "it tries for that long");
    for sample in samples().filter(|sample| sample.vendor != Vendor::GYMPOINT) {
        let provider = Provider::of(sample.vendor).unwrap();
        let receiver = receiver(&provider);
        let verified =
            receiver.receive(&signed(&receiver, sample.body.as_bytes()), sample.body, NOW).unwrap();
        assert_eq!(verified.value().repeat_window(), None, "{} {}", sample.vendor, sample.event_type);
        let unsigned =
            Receiver::dangerous_unsigned(&provider).receive(&HeaderMap::new(), sample.body).unwrap().0;
        let window = hours(24).filter(|_| sample.vendor == Vendor::PERFECTGYM);
        assert_eq!(unsigned.repeat_window(), window, "{} {}", sample.vendor, sample.event_type);
    }
}

#[test]
fn what_is_read_again_is_read_as_it_would_have_been() {
    let body = r#"{"event":"Test","triggeredDate":"2026-01-01T12:00:00Z","data":{"a":1,"a":2}}"#;
    let strict = receiver(&Provider::perfectgym().into_any());
    let refusal = strict.receive(&signed(&strict, body.as_bytes()), body, NOW).unwrap_err();
    let ReceiveError::Unreadable(kept) = refusal else { panic!("{refusal}") };
    let identity = Identity::from(kept.proof());
    assert!(matches!(strict.read_again(body, identity.clone()), Err(ReadError::Ambiguous(_))));
    let lenient = strict.clone().with_duplicate_keys_allowed();
    let received = lenient.receive(&signed(&lenient, body.as_bytes()), body, NOW).unwrap();
    let again = lenient.read_again(kept.body().clone(), identity).unwrap().0;
    assert_eq!(again.dedupe_key(), received.value().dedupe_key());
    assert_eq!((again.body(), again.identity()), (received.value().body(), received.value().identity()));
}

#[test]
fn no_printed_form_holds_a_secret() {
    for provider in Provider::all() {
        let receiver = receiver(&provider);
        let sample = samples().find(|sample| sample.vendor == provider.vendor()).unwrap();
        let headers = signed(&receiver, sample.body.as_bytes());
        let verified = receiver.receive(&headers, sample.body, NOW).unwrap();
        let unsigned = Receiver::dangerous_unsigned(&provider);
        let unverified = unsigned.receive(&HeaderMap::new(), sample.body).unwrap();
        // A profile may name types of events; it holds no body.
        let profile = format!("{provider} {provider:?}");
        let printed = format!("{receiver:?} {headers:?} {verified:?} {unsigned:?} {unverified:?}");
        assert!(
            !printed.contains("shared secret") && !profile.contains("shared secret"),
            "{profile} {printed}"
        );
        assert!(!printed.contains(sample.event_type), "bodies contain personal data: {printed}");
    }
    assert!(Provider::of(Vendor::new("acme")).is_none());
}

proptest! {
    #[test]
    fn any_authenticated_bytes_are_received_or_kept(body in prop::collection::vec(any::<u8>(), 0..400)) {
        for provider in Provider::all() {
            let receiver = receiver(&provider);
            let headers = signed(&receiver, &body);
            match receiver.receive(&headers, body.clone(), NOW) {
                Ok(verified) => prop_assert_eq!(verified.value().body(), &Bytes::from(body.clone())),
                Err(ReceiveError::Unreadable(kept)) => prop_assert_eq!(kept.into_verified().into_value(), body.clone()),
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
    }
}

#[test]
fn the_readme_s_table_is_what_the_code_proves() {
    let readme = include_str!("../README.md");
    for provider in Provider::<AnyNotification>::all() {
        let constructor = format!("`Provider::{}()`", provider.vendor().as_str().replace('-', "_"));
        let row = readme.lines().find(|line| line.contains(&constructor)).unwrap();
        let proves = row.trim_end_matches(" |").rsplit("| ").next().unwrap();
        assert_eq!(proves, provider.scheme().assurance().to_string(), "{constructor}");
    }
}

#[test]
fn an_unsigned_request_s_id_is_what_its_repeats_are_recognised_by() {
    let unsigned = Receiver::dangerous_unsigned(&Provider::perfectgym());
    let body = r#"{"event":"UserModified","triggeredDate":"2020-06-01T14:44:46Z","data":{"userId":1}}"#;
    let with_ids = |ids: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for id in ids {
            headers.append("x-perfectgym-request", HeaderValue::from_static(id));
        }
        headers
    };
    let received = unsigned.receive(&with_ids(&["0f8fad5b"]), body).unwrap().0;
    let key = received.dedupe_key().unwrap();
    assert_eq!((key.id(), key.scope(), key.basis()), ("0f8fad5b", None, DedupeBasis::UnprovedId));
    assert!(key.basis().is_authoritative(), "the vendor gave it");
    let without = unsigned.receive(&HeaderMap::new(), body).unwrap().0;
    assert_eq!(without.dedupe_key(), None, "whether the header comes without a secret is not published");
    for ids in [&["a", "a"][..], &[""], &["a b"]] {
        let refusal = unsigned.receive(&with_ids(ids), body).unwrap_err();
        assert!(matches!(refusal, ReceiveUnsignedError::UnusableId(_)), "{ids:?}: {refusal}");
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
    }
}

#[test]
fn only_an_id_that_the_vendor_gave_makes_another_body_a_contradiction() {
    for (basis, authoritative) in [
        (DedupeBasis::SignedId, true),
        (DedupeBasis::VendorId, true),
        (DedupeBasis::UnprovedId, true),
        (DedupeBasis::Derived, false),
    ] {
        assert_eq!(basis.is_authoritative(), authoritative, "{basis:?}");
    }
    let receiver = receiver(&Provider::point().into_any());
    let insight = |processed: &str| {
        let body = format!(
            r#"{{"eventType":"insight.created","userId":"u","clientId":"c","payload":[{{"id":1,"lastProcessedAt":{processed}}}]}}"#
        );
        receiver.receive(&signed(&receiver, body.as_bytes()), body, NOW).unwrap().into_value()
    };
    let (first, again) = (insight("null"), insight(r#""2022-11-21T19:00:00Z""#));
    assert_eq!(first.dedupe_key(), again.dedupe_key());
    assert_eq!(first.dedupe_key().unwrap().basis(), DedupeBasis::Derived);
    assert_ne!(first.body_digest(), again.body_digest());
}
