//! A canary in every place that holds a secret; no printed form of anything may sing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use core::fmt::{Debug, Display};
use std::sync::Arc;

use gymhook_signature::{Key, Keyring, Secret, SecretError, Verified, Verifier};
use http::{HeaderMap, HeaderValue};
use support::schemes;
use time::macros::utc_datetime;

const CANARY: &str = "c4n4ry-in-the-gym-0123456789abcdef";

fn sings(printed: &str) -> bool {
    let bytes: Vec<String> = CANARY.bytes().take(6).map(|byte| byte.to_string()).collect();
    let decimal = bytes.join(", ");
    let hex: String = CANARY.bytes().take(6).map(|byte| format!("{byte:02x}")).collect();
    printed.contains(&CANARY[..8]) || printed.contains(&decimal) || printed.to_lowercase().contains(&hex)
}

fn silent(value: &(impl Debug + ?Sized)) {
    let printed = format!("{value:?} {value:#?}");
    assert!(!sings(&printed), "{printed}");
}

fn silent_error(error: &(impl Debug + Display)) {
    silent(error);
    assert!(!sings(&error.to_string()), "{error}");
}

#[test]
fn the_detector_hears_a_song() {
    assert!(sings(&format!("{:?}", CANARY)));
    assert!(sings(&format!("{:?}", CANARY.as_bytes())));
    assert!(sings("63346E3472792D"));
}

#[test]
fn whatever_holds_a_secret_keeps_it() {
    let now = utc_datetime!(2026-01-01 00:00);
    let secret = || Secret::new(CANARY).unwrap();
    silent(&secret());
    silent(&secret().hmac_sha256());
    silent(&Key::new("k", secret()));
    for scheme in schemes() {
        silent(&scheme);
        let verifier =
            Verifier::with_shared(Arc::clone(&scheme), Keyring::single("k", secret()).unwrap()).unwrap();
        silent(verifier.keyring());
        silent(&verifier.signer());
        let headers = verifier.signer().sign("id-1", b"{}", now).unwrap();
        silent(&headers);
        let verified: Verified<&[u8]> = verifier.verified(&headers, b"{}".as_slice(), now).unwrap();
        silent(verified.proof());
        silent(&verified);
        silent(&verified.to_string());
        silent(&verifier);
    }
}

#[test]
fn no_error_repeats_what_it_was_given() {
    let now = utc_datetime!(2026-01-01 00:00);
    for made in [Secret::from_hex(CANARY), Secret::from_base64(CANARY), Secret::from_whsec(CANARY)] {
        let error: SecretError = made.map(|_| ()).unwrap_err();
        silent_error(&error);
    }
    for around in ["v1,whsec_{}", "whpk_{}", "WHSEC_{}", "'{}'", "{}\n", "\u{feff}{}", "0x{}", "{}-_"] {
        let text = around.replace("{}", CANARY);
        for made in [Secret::from_hex(&text), Secret::from_base64(&text), Secret::from_whsec(&text)] {
            silent_error(&made.map(|_| ()).unwrap_err());
        }
        let secret = Secret::new(&text).unwrap();
        silent(&secret.hints().map(|hint| (hint, hint.to_string())).collect::<Vec<_>>());
        let keyring = Keyring::single("k", secret).unwrap();
        silent(&keyring.warnings().map(|warning| warning.to_string()).collect::<Vec<_>>());
        for scheme in schemes() {
            let Ok(verifier) = Verifier::with_shared(
                Arc::clone(&scheme),
                Keyring::single("k", Secret::new(&text).unwrap()).unwrap(),
            ) else {
                continue;
            };
            let stranger = Verifier::with_shared(scheme, support::keyring("another secret")).unwrap();
            let headers = stranger.signer().sign("id-1", b"{}", now).unwrap();
            silent_error(&verifier.verify(&headers, b"{}", now).unwrap_err());
        }
    }
    let key = |id: &str| Key::new(id, Secret::new(CANARY).unwrap());
    silent_error(&Keyring::new([key("a"), key("b")]).unwrap_err());
    silent_error(&Keyring::new([key("a"), key("a")]).unwrap_err());

    // The canary as what the peer sent: it may be a secret of another studio.
    let sent = [
        CANARY.to_owned(),
        format!("{CANARY}\u{e9}"),
        format!("{CANARY}.:{CANARY}"),
        format!("t={CANARY},v1={CANARY}"),
        format!("t=1,v1={CANARY}"),
        format!("v1,{CANARY}"),
        CANARY.repeat(200),
    ];
    for scheme in schemes() {
        let verifier =
            Verifier::with_shared(Arc::clone(&scheme), support::keyring("another secret")).unwrap();
        for value in &sent {
            let mut headers = HeaderMap::new();
            for name in scheme.header_names() {
                headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            silent_error(&verifier.verify(&headers, CANARY.as_bytes(), now).unwrap_err());
        }
        if let Err(error) = verifier.signer().sign(&format!("{CANARY}.:"), b"{}", now) {
            silent_error(&error);
        }
    }
}
