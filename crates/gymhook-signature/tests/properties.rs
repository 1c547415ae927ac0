//! What holds for every scheme and every input.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use gymhook_signature::{
    Malformed, RejectReason, Secret, SignError, SignatureScheme, SignedTime, StandardWebhooks, VerifyError,
    vendor,
};
use http::{HeaderMap, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{both_sides, schemes, signs_the_body};
use time::UtcDateTime;

fn secrets() -> impl Strategy<Value = String> {
    "[!-~]{1,64}"
}

fn ids() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-]{1,256}"
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..600)
}

/// From 1970 to the year 9999: times that a sender can write down.
fn signing_times() -> impl Strategy<Value = UtcDateTime> {
    (0_i64..253_402_300_799, 0_i64..1_000).prop_map(|(seconds, millis)| {
        UtcDateTime::from_unix_timestamp(seconds).unwrap() + time::Duration::milliseconds(millis)
    })
}

/// Every time there is, the ends included.
fn clocks() -> impl Strategy<Value = UtcDateTime> {
    prop_oneof![
        Just(UtcDateTime::MIN),
        Just(UtcDateTime::MAX),
        Just(UtcDateTime::UNIX_EPOCH),
        (-377_705_116_800_i64..=253_402_300_799).prop_map(|at| UtcDateTime::from_unix_timestamp(at).unwrap()),
    ]
}

/// Values near the ones that are accepted, and values that are nothing like them.
fn header_values() -> impl Strategy<Value = HeaderValue> {
    let digits = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u128>().prop_map(|n| n.to_string()),
        "0{1,3}[0-9]{0,20}",
    ];
    let texts = prop_oneof![
        digits.clone(),
        digits.prop_map(|t| format!("t={t},v1={}", "0".repeat(64))),
        "(t=[0-9]{0,17},? ?){0,3}(v1=[0-9a-fA-F]{60,68},?){0,20}",
        "(v1a?,[A-Za-z0-9+/]{42,44}={0,2} ?){0,20}",
        "[0-9a-fA-F]{0,66}",
        "sha256=[0-9a-f]{64}",
        "[ -~]{0,300}",
    ];
    prop_oneof![
        texts.prop_map(|text| HeaderValue::try_from(text).unwrap()),
        vec(prop_oneof![Just(b'\t'), 0x20_u8..=0x7e, 0x80_u8..=0xff], 0..300)
            .prop_map(|bytes| HeaderValue::try_from(bytes).unwrap()),
    ]
}

fn resigned(headers: &HeaderMap, position: usize, change: impl FnOnce(&mut Vec<u8>)) -> Option<HeaderMap> {
    let (name, value) = headers.iter().nth(position % headers.len()).unwrap();
    let mut bytes = value.as_bytes().to_vec();
    change(&mut bytes);
    let changed = HeaderValue::try_from(bytes.clone()).ok()?;
    let mut headers_with = headers.clone();
    headers_with.insert(name.clone(), changed);
    (bytes != value.as_bytes()).then_some(headers_with)
}

proptest! {
    #[test]
    fn what_was_signed_is_accepted_with_the_scheme_s_full_assurance(
        secret in secrets(), id in ids(), body in bodies(), now in signing_times()
    ) {
        for scheme in schemes() {
            let (signer, verifier) = both_sides(&scheme, &secret);
            let headers = signer.sign(&id, &body, now).unwrap();
            let proof = verifier.verify(&headers, &body, now).unwrap();
            prop_assert_eq!(proof.key(), &"main");
            prop_assert_eq!(proof.assurance(), scheme.assurance());
            if let Some(proved) = proof.id() {
                prop_assert_eq!(proved.as_str(), &id);
            }
            let distance = proof.signed_at().and_then(SignedTime::to_utc).map(|at| now - at);
            prop_assert!(distance.unwrap_or_default() < time::Duration::SECOND);
        }
    }

    #[test]
    fn one_changed_byte_of_any_security_header_is_refused(
        secret in secrets(), id in ids(), body in bodies(), now in signing_times(),
        header in any::<usize>(), byte in any::<usize>(), mask in 1_u8..=0x7f
    ) {
        for scheme in schemes() {
            let (signer, verifier) = both_sides(&scheme, &secret);
            let headers = signer.sign(&id, &body, now).unwrap();
            let changed = resigned(&headers, header, |value| {
                let at = byte % value.len();
                value[at] ^= mask;
            });
            // A change of case in GymPoint's or PerfectGym's hexadecimal is another spelling of the same digest.
            let any_case = ["x-gympoint-signature", "x-perfectgym-signature"];
            let same_digest = |changed: &HeaderMap| {
                headers.iter().all(|(name, value)| {
                    changed[name].as_bytes().eq_ignore_ascii_case(value.as_bytes()) && any_case.contains(&name.as_str())
                        || changed[name] == *value
                })
            };
            if let Some(changed) = changed.filter(|changed| !same_digest(changed)) {
                prop_assert!(verifier.verify(&changed, &body, now).is_err(), "{:?} accepted {:?}", scheme, changed);
            }
        }
    }

    #[test]
    fn a_cut_or_extended_security_header_is_refused(
        secret in secrets(), id in ids(), body in bodies(), now in signing_times(),
        header in any::<usize>(), keep in any::<usize>(), extra in "[0-9a-zA-Z+/=]{1,8}"
    ) {
        for scheme in schemes() {
            let (signer, verifier) = both_sides(&scheme, &secret);
            let headers = signer.sign(&id, &body, now).unwrap();
            let cut = resigned(&headers, header, |value| value.truncate(keep % value.len())).unwrap();
            prop_assert!(verifier.verify(&cut, &body, now).is_err(), "{:?} accepted {:?}", scheme, cut);
            let extended = resigned(&headers, header, |value| value.extend_from_slice(extra.as_bytes())).unwrap();
            prop_assert!(verifier.verify(&extended, &body, now).is_err(), "{:?} accepted {:?}", scheme, extended);
        }
    }

    #[test]
    fn a_doubled_or_missing_security_header_is_refused_as_such(
        secret in secrets(), id in ids(), body in bodies(), now in signing_times(), header in any::<usize>()
    ) {
        for scheme in schemes() {
            let (signer, verifier) = both_sides(&scheme, &secret);
            let headers = signer.sign(&id, &body, now).unwrap();
            let (name, value) = headers.iter().nth(header % headers.len()).unwrap();

            let mut doubled = headers.clone();
            doubled.append(name.clone(), value.clone());
            let refusal = verifier.verify(&doubled, &body, now).unwrap_err();
            prop_assert_eq!(refusal, VerifyError::DuplicateHeader { header: name.clone(), count: 2 });

            let mut missing = doubled.clone();
            missing.remove(name);
            let refusal = verifier.verify(&missing, &body, now).unwrap_err();
            prop_assert_eq!(refusal, VerifyError::MissingHeader { header: name.clone() });
        }
    }

    #[test]
    fn another_secret_is_refused(
        secret in secrets(), other in secrets(), id in ids(), body in bodies(), now in signing_times()
    ) {
        // RFC 2104: a key of up to 64 bytes is padded with zeros; these have none, so different text is a different key.
        prop_assume!(secret != other);
        for scheme in schemes() {
            let (signer, _) = both_sides(&scheme, &secret);
            let (_, verifier) = both_sides(&scheme, &other);
            let headers = signer.sign(&id, &body, now).unwrap();
            let reason = verifier.verify(&headers, &body, now).unwrap_err().reason();
            prop_assert!(matches!(reason, RejectReason::SignatureMismatch | RejectReason::UnknownKey));
        }
    }

    #[test]
    fn a_changed_body_is_refused_exactly_where_the_body_is_signed(
        secret in secrets(), id in ids(), body in vec(any::<u8>(), 1..600), now in signing_times(),
        byte in any::<usize>(), mask in 1_u8..
    ) {
        for scheme in schemes() {
            let (signer, verifier) = both_sides(&scheme, &secret);
            let headers = signer.sign(&id, &body, now).unwrap();
            let mut flipped = body.clone();
            let at = byte % flipped.len();
            flipped[at] ^= mask;
            let mut extended = body.clone();
            extended.push(0);
            for changed in [&flipped[..], &extended[..], &body[1..]] {
                let verdict = verifier.verify(&headers, changed, now);
                prop_assert_eq!(verdict.is_err(), signs_the_body(&scheme));
            }
        }
    }

    #[test]
    fn an_id_that_contains_its_scheme_s_delimiter_is_refused_on_both_sides(
        secret in secrets(), before in "[A-Za-z0-9]{0,20}", after in "[A-Za-z0-9]{0,20}", body in bodies(), now in signing_times()
    ) {
        let delimiters: [(Arc<dyn SignatureScheme>, char); 2] =
            [(Arc::new(vendor::perfectgym()), ':'), (Arc::new(StandardWebhooks::new()), '.')];
        for (scheme, delimiter) in delimiters {
            let (signer, verifier) = both_sides(&scheme, &secret);
            let id = format!("{before}{delimiter}{after}");
            prop_assert_eq!(signer.sign(&id, &body, now), Err(SignError::Id(Malformed::DelimiterInId { delimiter })));

            let mut headers = signer.sign("honest", &body, now).unwrap();
            let id_header = scheme.header_names()[0].clone();
            headers.insert(id_header.clone(), HeaderValue::try_from(id).unwrap());
            let problem = Malformed::DelimiterInId { delimiter };
            let refusal = verifier.verify(&headers, &body, now).unwrap_err();
            prop_assert_eq!(refusal, VerifyError::MalformedHeader { header: id_header, problem });
        }
    }

    #[test]
    fn no_headers_body_or_clock_make_it_panic_or_accept(
        values in vec((any::<usize>(), header_values()), 0..6), body in bodies(), now in clocks()
    ) {
        for scheme in schemes() {
            // A secret that no generated value spells out.
            let (_, verifier) = both_sides(&scheme, &"\u{7e}".repeat(400));
            let names = scheme.header_names();
            let mut headers = HeaderMap::new();
            for (which, value) in &values {
                headers.append(names[which % names.len()].clone(), value.clone());
            }
            prop_assert!(verifier.verify(&headers, &body, now).is_err());
        }
    }

    #[test]
    fn signing_at_any_time_gives_headers_or_an_error(id in "\\PC{0,300}", body in bodies(), now in clocks()) {
        for scheme in schemes() {
            let (signer, verifier) = both_sides(&scheme, "a secret of some length");
            if let Ok(headers) = signer.sign(&id, &body, now) {
                prop_assert!(headers.values().all(HeaderValue::is_sensitive));
                prop_assert!(verifier.verify(&headers, &body, now).is_ok());
            }
        }
    }

    #[test]
    fn secrets_of_any_bytes_work_except_none(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(Secret::new(&bytes).is_err(), bytes.is_empty());
    }
}
