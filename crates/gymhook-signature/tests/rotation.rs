//! Several keys: which one matched, when it counts, and which one signs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use gymhook_signature::{
    ApiKey, BodyHmac, Key, Keyring, KeyringError, RejectReason, Secret, SenderAssurance, SignError,
    SignatureScheme, StandardWebhooks, Verifier, VerifyError, vendor,
};
use http::HeaderName;
use support::schemes;
use time::UtcDateTime;
use time::macros::utc_datetime;

const SWITCH: UtcDateTime = utc_datetime!(2026-06-01 00:00);
const OLD_ENDS: UtcDateTime = utc_datetime!(2026-06-08 00:00);

fn old() -> Key {
    Key::new("old", Secret::new("the old secret of the spring").unwrap()).valid_until(OLD_ENDS)
}

fn new() -> Key {
    Key::new("new", Secret::new("the new secret of the summer").unwrap()).valid_from(SWITCH)
}

fn verifier(scheme: &Arc<dyn SignatureScheme>, keys: impl IntoIterator<Item = Key>) -> Verifier {
    Verifier::with_shared(Arc::clone(scheme), Keyring::new(keys).unwrap()).unwrap()
}

#[test]
fn during_the_overlap_both_keys_count_and_the_proof_names_the_one_used() {
    let now = utc_datetime!(2026-06-03 12:00);
    for scheme in schemes() {
        let receiver = verifier(&scheme, [new(), old()]);
        for (sender, name) in [(old(), "old"), (new(), "new")] {
            let headers = verifier(&scheme, [sender]).signer().sign("id-1", b"{}", now).unwrap();
            assert_eq!(receiver.verify(&headers, b"{}", now).unwrap().key(), &name, "{scheme:?}");
        }
    }
}

#[test]
fn outside_its_window_a_key_is_refused_to_the_instant() {
    let an_instant = time::Duration::nanoseconds(1);
    for scheme in schemes() {
        let receiver = verifier(&scheme, [new(), old()]);
        let sign_with_old = |now| {
            let always = Key::new("old", Secret::new("the old secret of the spring").unwrap());
            verifier(&scheme, [always]).signer().sign("id-1", b"{}", now).unwrap()
        };
        assert!(receiver.verify(&sign_with_old(OLD_ENDS), b"{}", OLD_ENDS).is_ok());
        let refusal = receiver.verify(&sign_with_old(OLD_ENDS), b"{}", OLD_ENDS + an_instant).unwrap_err();
        assert!(matches!(refusal.reason(), RejectReason::SignatureMismatch | RejectReason::UnknownKey));
        if let VerifyError::SignatureMismatch { keys_tried, keys_outside_window, .. } = refusal {
            assert_eq!((keys_tried, keys_outside_window), (1, 1));
        }
    }
}

#[test]
fn a_scheme_with_room_for_several_signatures_signs_with_every_valid_key() {
    let now = utc_datetime!(2026-06-03 12:00);
    let several: [Arc<dyn SignatureScheme>; 2] =
        [Arc::new(vendor::point()), Arc::new(StandardWebhooks::new())];
    for scheme in several {
        let headers = verifier(&scheme, [new(), old()]).signer().sign("id-1", b"{}", now).unwrap();
        for (receiver_knows, name) in [(old(), "old"), (new(), "new")] {
            assert_eq!(
                verifier(&scheme, [receiver_knows]).verify(&headers, b"{}", now).unwrap().key(),
                &name
            );
        }
    }
}

#[test]
fn a_scheme_with_room_for_one_signs_with_the_first_valid_key() {
    let one: [Arc<dyn SignatureScheme>; 3] =
        [Arc::new(vendor::gympoint()), Arc::new(vendor::perfectgym()), Arc::new(vendor::pg_next())];
    for scheme in one {
        let sender = verifier(&scheme, [new(), old()]).signer();
        for (now, name) in [(SWITCH - time::Duration::DAY, "old"), (SWITCH, "new")] {
            let headers = sender.sign("id-1", b"{}", now).unwrap();
            assert_eq!(verifier(&scheme, [new(), old()]).verify(&headers, b"{}", now).unwrap().key(), &name);
        }
    }
}

#[test]
fn a_gap_between_two_keys_is_the_configuration_s_fault() {
    let retired = || Key::new("retired", Secret::new("retired secret").unwrap()).valid_until(SWITCH);
    let now = OLD_ENDS;
    for scheme in schemes() {
        let signed = verifier(&scheme, [retired()]).signer().sign("id-1", b"{}", now);
        assert_eq!(signed, Err(SignError::NoValidKey { keys: 1, now }));
    }
}

#[test]
fn no_stranger_can_buy_the_work_of_many_keys() {
    let key = |n: usize| Key::new(format!("k{n}"), Secret::new(format!("secret number {n}")).unwrap());
    let body_hmac = || BodyHmac::new(HeaderName::from_static("x-signature"));
    assert!(Verifier::new(body_hmac(), Keyring::new((0..4).map(key)).unwrap()).is_ok());
    assert_eq!(
        Verifier::new(body_hmac(), Keyring::new((0..5).map(key)).unwrap()).map(|_| ()),
        Err(KeyringError::TooManyKeys { valid: 5, max: 4 })
    );
    assert!(Verifier::new(ApiKey::new(), Keyring::new((0..10_000).map(key)).unwrap()).is_ok());
}

#[test]
fn an_api_key_that_no_header_can_carry_is_refused_when_configured() {
    for secret in ["schl\u{fc}ssel", " leading", "trailing ", "line\nbreak", &"x".repeat(1025)] {
        let keyring = Keyring::single("studio", Secret::new(secret).unwrap()).unwrap();
        let refusal = Verifier::new(vendor::egym(), keyring).map(|_| ());
        assert_eq!(
            refusal,
            Err(KeyringError::NotAHeaderValue { id: "studio".into(), max: 1024 }),
            "{secret:?}"
        );
    }
    let keyring = Keyring::single("studio", Secret::new("with inner spaces").unwrap()).unwrap();
    assert!(Verifier::new(vendor::egym(), keyring).is_ok());
}

#[test]
fn a_refusal_names_the_valid_key_whose_secret_has_something_at_an_edge() {
    let now = utc_datetime!(2026-06-03 12:00);
    let key = |id: &str, secret: &str| Key::new(id, Secret::new(secret).unwrap());
    for scheme in schemes() {
        let refusal = |keys: Vec<Key>| {
            let headers =
                verifier(&scheme, [key("sender", "abc")]).signer().sign("id-1", b"{}", now).unwrap();
            verifier(&scheme, keys).verify(&headers, b"{}", now).unwrap_err().to_string()
        };
        // A header carries quotes, and no line end.
        let bearer = scheme.assurance().sender == SenderAssurance::BearerSecret;
        let (pasted, said) = if bearer {
            ("\"abc\"", "begins or ends with a quotation mark: was it pasted with its quotes?")
        } else {
            ("abc\n", "ends with a line end: was it pasted with one?")
        };
        let text = refusal(vec![key("good", "def"), key("main", pasted)]);
        assert!(text.ends_with(&format!("; the secret of key \"main\" {said}")), "{text}");
        let text =
            refusal(vec![key("good", "def"), key("main", pasted).valid_until(now - time::Duration::DAY)]);
        assert!(!text.contains("the secret of"), "a key that does not count explains nothing: {text}");
        let text = refusal(vec![key("good", "00112233445566778899aabbccddeeff")]);
        assert!(!text.contains("the secret of"), "hexadecimal is often right as it is: {text}");
    }
}

#[test]
fn the_keyring_lists_what_looks_odd_about_each_secret() {
    let key = |id: &str, secret: &str| Key::new(id, Secret::new(secret).unwrap());
    let keyring =
        Keyring::new([key("good", "abc"), key("main", "\u{feff}abc \n"), key("own", "whsec_abc")]).unwrap();
    let said: Vec<String> = keyring.warnings().map(|warning| warning.to_string()).collect();
    let expected = [
        "the secret of key \"main\" begins with a byte order mark: was it read from a file that an editor wrote?",
        "the secret of key \"main\" ends with a line end: was it pasted with one?",
        "the secret of key \"own\" begins with whsec_: should Secret::from_whsec decode it?",
    ];
    assert_eq!(said, expected);
    assert_eq!(
        keyring.keys().nth(1).unwrap().secret().expose_secret(),
        "\u{feff}abc \n".as_bytes(),
        "kept as given"
    );
}
