//! Keys that a scheme cannot tell apart are refused for that scheme, and only for that one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use gymhook_signature::{
    Key, Keyring, KeyringError, Secret, SenderAssurance, Signer, StandardWebhooks, Verifier, vendor,
};
use support::schemes;
use time::UtcDateTime;

/// SHA-256 of 65 times "a", by coreutils' sha256sum.
const SHA_256_OF_65: &str = "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0";

fn ring(one: &[u8], other: &[u8]) -> Keyring {
    Keyring::new([
        Key::new("a", Secret::new(one).unwrap()),
        Key::new("between", Secret::new("another secret").unwrap()),
        Key::new("b", Secret::new(other).unwrap()),
    ])
    .unwrap()
}

/// RFC 2104, section 2: a key longer than a block (64 bytes for SHA-256) is hashed, a shorter one is padded with zero bytes.
fn twins() -> Vec<(Vec<u8>, Vec<u8>)> {
    let digest = Secret::from_hex(SHA_256_OF_65).unwrap().expose_secret().to_vec();
    let zeros_after = |count: usize| [b"k".as_slice(), &vec![0; count]].concat();
    vec![
        (b"k".to_vec(), zeros_after(1)),
        (zeros_after(5), b"k".to_vec()),
        (b"k".to_vec(), zeros_after(63)),
        (vec![0], vec![0; 64]),
        (vec![b'a'; 65], digest.clone()),
        ([digest.as_slice(), &[0]].concat(), vec![b'a'; 65]),
    ]
}

#[test]
fn two_keys_that_are_one_to_hmac_are_refused_by_every_hmac_scheme() {
    for scheme in schemes() {
        let hmac = scheme.assurance().sender == SenderAssurance::Hmac;
        for (one, other) in twins() {
            let refusal = scheme.check_keyring(&ring(&one, &other));
            let twins = Err(KeyringError::EqualToHmac { first: "a".into(), second: "b".into() });
            match hmac {
                true => assert_eq!(refusal, twins, "{scheme:?} {one:?} {other:?}"),
                // An API key and the text under an MD5 are taken byte by byte; a header carries no zero byte.
                false => assert_ne!(refusal, twins, "{scheme:?}"),
            }
        }
    }
    assert!(Verifier::new(StandardWebhooks::new(), ring(b"k", b"k\0")).is_err());
    assert!(Signer::new(StandardWebhooks::new(), ring(b"k", b"k\0")).is_err());
}

#[test]
fn the_twins_would_have_been_taken_for_one_another() {
    for (one, other) in twins() {
        let alone = |secret: &[u8]| {
            Verifier::new(vendor::gympoint(), Keyring::single("k", Secret::new(secret).unwrap()).unwrap())
                .unwrap()
        };
        let headers = alone(&one).signer().sign("", b"{}", UtcDateTime::UNIX_EPOCH).unwrap();
        assert!(alone(&other).verify(&headers, b"{}", UtcDateTime::UNIX_EPOCH).is_ok(), "{one:?} {other:?}");
    }
}

#[test]
fn what_hmac_tells_apart_is_accepted() {
    let near = [
        (b"k".to_vec(), b"\0k".to_vec()),
        (b"k".to_vec(), b"K".to_vec()),
        // At 65 bytes it is hashed, and no zero byte counts as padding any more.
        (vec![b'a'; 64], [[b'a'; 64].as_slice(), &[0]].concat()),
        (vec![b'a'; 65], SHA_256_OF_65.as_bytes().to_vec()),
    ];
    for (one, other) in near {
        assert!(Verifier::new(StandardWebhooks::new(), ring(&one, &other)).is_ok(), "{one:?} {other:?}");
    }
}

#[test]
fn an_md5_over_the_text_tells_them_apart() {
    let verifier = Verifier::new(vendor::perfectgym(), ring(b"k", b"k\0")).unwrap();
    for (secret, name) in [(b"k".as_slice(), "a"), (b"k\0", "b")] {
        let alone = Keyring::single("sender", Secret::new(secret).unwrap()).unwrap();
        let sender = Signer::new(vendor::perfectgym(), alone).unwrap();
        let headers = sender.sign("id-1", b"", UtcDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(verifier.verify(&headers, b"", UtcDateTime::UNIX_EPOCH).unwrap().key(), &name);
    }
}
