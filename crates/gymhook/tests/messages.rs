//! Every message of the receiving half, one beside the other, for a person to read: what happened, where, what to do.
//!
//! The texts are written by hand. Where a stranger's input leads to a message, that input is next to it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use core::error::Error;
use core::time::Duration;
use std::path::PathBuf;

use gymhook::dedupe::{DedupeWindow, NotClaimed};
use gymhook::delivery::BodyDigest;
use gymhook::event::{DecodeError, JsonKind, StrictError};
use gymhook::secret_source::{SecretPlace, SecretSourceError};
use gymhook::signature::{
    Encoding, Key, Keyring, KeyringError, Malformed, Secret, SecretError, SecretHint, SecretTextProblem,
    SignError, Verifier, VerifyError, vendor,
};
use gymhook::{AdmitError, Provider, ReadError, ReceiveError, Receiver};
use http::{HeaderMap, HeaderName, HeaderValue};
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 00:00);
const SIGNATURE: HeaderName = HeaderName::from_static("point-signature");

fn assert_says(rows: Vec<(Box<dyn Error>, &str)>) {
    for (error, said) in rows {
        assert_eq!(error.to_string(), said, "{error:?}");
        assert!(said.is_ascii() && !said.contains("  ") && !said.ends_with('.'), "{said}");
    }
}

fn row(error: impl Error + 'static, said: &str) -> (Box<dyn Error>, &str) {
    (Box::new(error), said)
}

#[test]
fn a_refused_proof() {
    let header = SIGNATURE;
    let malformed = |problem: Malformed| VerifyError::MalformedHeader { header: SIGNATURE, problem };
    let keyring = Keyring::single("main", Secret::new("abc\n").unwrap()).unwrap();
    let warning = keyring.warnings().next();
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let id = HeaderName::from_static("webhook-id");
    assert_says(vec![
        row(
            VerifyError::DuplicateHeader { header: header.clone(), count: 2 },
            "header point-signature occurs 2 times: exactly one is allowed",
        ),
        row(
            VerifyError::MissingHeader { header: header.clone() },
            "header point-signature is missing: is a secret configured on the sender's side?",
        ),
        row(
            VerifyError::SignatureMismatch {
                header: header.clone(),
                keys_tried: 1,
                keys_outside_window: 2,
                warning: None,
            },
            "no valid key made the signature in point-signature (keys tried: 1, outside their validity window: 2): \
             wrong secret, or the body was changed on its way",
        ),
        row(
            VerifyError::SignatureMismatch {
                header,
                keys_tried: 1,
                keys_outside_window: 0,
                warning: warning.clone(),
            },
            "no valid key made the signature in point-signature (keys tried: 1, outside their validity window: 0): \
             wrong secret, or the body was changed on its way; the secret of key \"main\" ends with a line end: was it \
             pasted with one?",
        ),
        row(
            VerifyError::TimestampTooNew { ahead: minutes(2), tolerance: minutes(1) },
            "the request was signed 120s in the future; 60s is allowed: compare the clocks",
        ),
        row(
            VerifyError::TimestampTooOld { age: minutes(6), tolerance: minutes(5) },
            "the request was signed 360s ago; 300s is allowed: a replay, a late retry that was not signed again, or a wrong clock",
        ),
        row(
            VerifyError::UnknownKey {
                header: HeaderName::from_static("x-api-key"),
                keys_known: 3,
                warning: None,
            },
            "the key in x-api-key is unknown or outside its validity window (known keys: 3)",
        ),
        row(
            VerifyError::UnknownKey { header: HeaderName::from_static("x-api-key"), keys_known: 3, warning },
            "the key in x-api-key is unknown or outside its validity window (known keys: 3); the secret of key \"main\" ends \
             with a line end: was it pasted with one?",
        ),
        row(
            VerifyError::MalformedHeader { header: id, problem: Malformed::DelimiterInId { delimiter: '.' } },
            "header webhook-id is malformed: the id contains '.', which separates the signed parts",
        ),
        row(malformed(Malformed::Empty), "header point-signature is malformed: it is empty"),
        row(
            malformed(Malformed::MissingPart { name: "t" }),
            "header point-signature is malformed: it has no part \"t\"",
        ),
        row(
            malformed(Malformed::MissingPrefix),
            "header point-signature is malformed: it does not begin with the configured prefix",
        ),
        row(
            malformed(Malformed::NotPrintableAscii),
            "header point-signature is malformed: it has bytes outside printable ASCII",
        ),
        row(
            malformed(Malformed::RepeatedPart { name: "t" }),
            "header point-signature is malformed: it has more than one part \"t\"",
        ),
        row(
            malformed(Malformed::SignatureCase),
            "header point-signature is malformed: the signature is in upper case, lower case is expected; \
             `Encoding::HexAnyCase` takes both",
        ),
        row(
            malformed(Malformed::SignatureEncoding { encoding: Encoding::Base64 }),
            "header point-signature is malformed: the signature is not canonical base64",
        ),
        row(
            malformed(Malformed::SignatureLength { characters: 44, expected: 64 }),
            "header point-signature is malformed: the signature has 44 characters, not 64",
        ),
        row(
            malformed(Malformed::Timestamp),
            "header point-signature is malformed: the time is not 1 to 15 digits without sign or leading zero",
        ),
        row(
            malformed(Malformed::TooLong { bytes: 5000, max: 4096 }),
            "header point-signature is malformed: it has 5000 bytes, more than 4096",
        ),
        row(
            malformed(Malformed::TooManySignatures { max: 16 }),
            "header point-signature is malformed: it has more than 16 signatures",
        ),
    ]);
}

#[test]
fn a_signature_in_upper_case() {
    let secret = || Keyring::single("main", Secret::new("point-signing-secret").unwrap()).unwrap();
    let mut headers =
        Verifier::new(vendor::point(), secret()).unwrap().signer().sign("", b"{}", NOW).unwrap();
    let value = headers.get(SIGNATURE).unwrap().to_str().unwrap().to_owned();
    let (time, signature) = value.split_once(",v1=").unwrap();
    let upper = format!("{time},v1={}", signature.to_uppercase());
    headers.insert(SIGNATURE, HeaderValue::try_from(upper).unwrap());
    let receiver = Receiver::new(&Provider::point(), secret()).unwrap();
    let refusal = receiver.receive(&headers, "{}", NOW).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "header point-signature is malformed: the signature is in upper case, lower case is expected; `Encoding::HexAnyCase` \
         takes both"
    );
}

/// Bodies as they arrive, each properly signed.
#[test]
fn a_body_that_cannot_be_read() {
    let refusal = |provider: &Provider, body: &str| {
        let keyring =
            || Keyring::single("main", Secret::new("a shared secret of some length").unwrap()).unwrap();
        let receiver = Receiver::new(provider, keyring()).unwrap();
        let headers = receiver.verifier().signer().sign("request-1", body.as_bytes(), NOW).unwrap();
        let refusal = receiver.receive(&headers, body.to_owned(), NOW).unwrap_err();
        let ReceiveError::Unreadable(kept) = &refusal else { panic!("{refusal}") };
        let said = refusal.to_string();
        assert_eq!(said, format!("the body was proved and cannot be read: {}", kept.problem()));
        kept.problem().to_string()
    };
    let deep = format!("{{\"event\":\"a\",\"data\":{}{}}}", "[".repeat(128), "]".repeat(128));
    let rows: [(Provider, &str, &str); 15] = [
        (
            Provider::gympoint().into_any(),
            "\u{feff}{\"event\":\"member.created\"}",
            "begins with a byte order mark (EF BB BF), which a sender must not put before JSON (RFC 8259, section 8.1)",
        ),
        (Provider::gympoint().into_any(), "", "empty: there is no JSON in it"),
        (
            Provider::gympoint().into_any(),
            "event=member.created",
            "not JSON at line 1 column 1: a character does not fit there, or the text ends too early",
        ),
        (
            Provider::gympoint().into_any(),
            r#"{"event":"member"#,
            "not JSON at line 1 column 16: a character does not fit there, or the text ends too early",
        ),
        (
            Provider::gympoint().into_any(),
            r#"{"event":"payment.refunded","data":{"amount":1,"amount":1000}}"#,
            "key `data.amount` is repeated: two readers could take different values",
        ),
        (Provider::gympoint().into_any(), &deep, "objects and arrays are nested deeper than 128 at byte 147"),
        (Provider::gympoint().into_any(), r#"{"data":{}}"#, "field `event` is missing, at line 1 column 11"),
        (
            Provider::gympoint().into_any(),
            r#"{"event":7}"#,
            "field `event` is a number, expected a name as a string, at line 1 column 10",
        ),
        (
            Provider::egym().into_any(),
            r#"{"accountId":"a","timestamp":"1667921312188","type":"GYM_CHECKIN"}"#,
            "field `timestamp` is a string, expected a whole number of milliseconds since 1970, not negative, at line 1 column 44",
        ),
        (
            Provider::egym().into_any(),
            r#"[{"type":"TEST"}]"#,
            "the JSON is an array, expected an EGYM notification, an object, at line 1 column 1",
        ),
        (
            Provider::perfectgym().into_any(),
            r#"[{"event":"Test"},{"event":null}]"#,
            "field `[1].event` is null, expected a name as a string, at line 1 column 31",
        ),
        (
            Provider::pg_next().into_any(),
            r#"{"entityId":1.5,"uuid":"u","payload":[]}"#,
            "field `entityId` is a number, expected an id: a whole number, or a string, at line 1 column 15",
        ),
        (
            Provider::pg_next().into_any(),
            r#"{"entityId":1,"uuid":"u","payload":[{"timestamp":1}]}"#,
            "field `payload[0].type` is missing, at line 1 column 51",
        ),
        (
            Provider::point().into_any(),
            r#"{"eventType":"workout.created","userId":"u","payload":null}"#,
            "field `payload` is null, expected an array, at line 1 column 58",
        ),
        (
            Provider::point().into_any(),
            r#"{"eventType":"workout.created","userId":true,"payload":[]}"#,
            "field `userId` is true or false, expected an id: a whole number, or a string, at line 1 column 44",
        ),
    ];
    for (provider, body, said) in rows {
        assert_eq!(refusal(&provider, body), said, "{body}");
    }
    let mismatch = |found| DecodeError::Mismatch {
        path: "a".to_owned(),
        found,
        expected: "an array".to_owned(),
        line: 1,
        column: 2,
    };
    assert_says(vec![
        row(
            ReadError::from(StrictError::NotUtf8 { valid_up_to: 6 }),
            "not UTF-8 after byte 6: JSON is UTF-8 (RFC 8259, section 8.1)",
        ),
        row(
            DecodeError::NotUtf8 { valid_up_to: 6 },
            "not UTF-8 after byte 6: JSON is UTF-8 (RFC 8259, section 8.1)",
        ),
        row(DecodeError::Empty, "empty: there is no JSON in it"),
        row(
            DecodeError::ByteOrderMark,
            "begins with a byte order mark (EF BB BF), which a sender must not put before JSON (RFC 8259, section 8.1)",
        ),
        row(
            DecodeError::NotJson { line: 2, column: 3 },
            "not JSON at line 2 column 3: a character does not fit there, or the text ends too early",
        ),
        row(
            DecodeError::Repeated { field: "payload[0].type".to_owned(), line: 1, column: 2 },
            "field `payload[0].type` is repeated, at line 1 column 2",
        ),
        row(
            mismatch(Some(JsonKind::Object)),
            "field `a` is an object, expected an array, at line 1 column 2",
        ),
        row(mismatch(None), "field `a` is not what it should be, expected an array, at line 1 column 2"),
        row(
            DecodeError::UnknownVendor,
            "no decoder for that vendor; the choices are gympoint, egym, perfectgym, pg-next, point",
        ),
    ]);
}

#[test]
fn a_body_that_is_refused_unread() {
    assert_says(vec![
        row(
            AdmitError::BodyTooLarge { bytes: 300, max: 256 },
            "the body has 300 bytes, more than the 256 allowed",
        ),
        row(
            AdmitError::ContentEncoding,
            "the body has a content-encoding other than identity: nothing is decompressed before it is verified, so it \
             must be sent uncompressed",
        ),
    ]);
    let receiver =
        Receiver::new(&Provider::egym(), Keyring::single("k", Secret::new("key").unwrap()).unwrap()).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("content-encoding", HeaderValue::from_static(""));
    let refusal = receiver.receive(&headers, "{}", NOW).unwrap_err().to_string();
    assert_eq!(refusal, "header x-api-key is missing: is a secret configured on the sender's side?");
}

#[test]
fn a_keyring_that_cannot_be_used() {
    let key = |id: &str, secret: &str| Key::new(id, Secret::new(secret).unwrap());
    let pair = |one: Key, other: Key| Keyring::new([one, other]);
    let refusal = |made: Result<Keyring, KeyringError>| made.map(drop).unwrap_err();
    let many = Keyring::new((0..5).map(|n| key(&format!("{n}"), &format!("s{n}")))).unwrap();
    assert_says(vec![
        row(refusal(Keyring::new([])), "the keyring is empty: add at least one key"),
        row(refusal(pair(key("a", "1"), key("a", "2"))), "two keys have the id a: give each key its own id"),
        row(
            refusal(pair(key("a", "1"), key("b", "1"))),
            "keys a and b have the same secret: no proof could distinguish them, so register it once",
        ),
        row(
            Verifier::new(vendor::point(), pair(key("a", "k"), key("b", "k\0")).unwrap())
                .map(drop)
                .unwrap_err(),
            "keys a and b are the same key to HMAC-SHA256, which pads a key with zero bytes to 64 and hashes a longer one: no \
             proof could distinguish them, so register it once",
        ),
        row(
            Verifier::new(vendor::egym(), Keyring::new([key("a", "k\n")]).unwrap()).map(drop).unwrap_err(),
            "the secret of key a cannot be sent in a header: an API key is 1 to 1024 printable ASCII characters, without \
             leading or trailing spaces",
        ),
        row(
            Verifier::new(vendor::point(), many).map(drop).unwrap_err(),
            "5 keys are valid at the same time, but this scheme tries each of them on every request, at most 4: limit the \
             validity of old keys",
        ),
        row(
            SignError::NoValidKey { keys: 2, now: NOW },
            "none of the 2 keys is valid at 2026-01-01 0:00:00.0 +00: has a rotation left a gap?",
        ),
        row(SignError::Id(Malformed::Empty), "the id cannot be signed: it is empty"),
        row(
            SignError::TimeBeforeEpoch { now: utc_datetime!(1969-01-01 00:00) },
            "1969-01-01 0:00:00.0 +00 is before 1970 and has no timestamp to sign: set the clock",
        ),
        row(
            SignError::Unsendable,
            "the signature cannot be sent in a header: is the prefix printable ASCII?",
        ),
    ]);
}

#[test]
fn a_secret_that_cannot_be_used() {
    use SecretTextProblem as Found;
    let base64 = |text: &str| Secret::from_whsec(text).map(drop).unwrap_err();
    assert_says(vec![
        row(
            SecretError::Empty,
            "the secret is empty: an empty key would let anybody sign; is the setting present?",
        ),
        row(SecretError::UnusableLength(9), "a secret of 9 bytes cannot be used as an HMAC key"),
        row(
            base64("whsec_Zm9vYmFy\n"),
            "the secret is not base64 (RFC 4648, standard alphabet, with padding): it ends with a line end; remove it",
        ),
        row(
            Secret::from_hex("abc").map(drop).unwrap_err(),
            "the secret is not hexadecimal (an even number of digits 0-9, a-f): it has 3 characters, which no number of \
             bytes has; was it cut when it was copied?",
        ),
    ]);
    for (found, said) in [
        (Found::ByteOrderMark, "it begins with a byte order mark; remove it"),
        (Found::Quotes, "it has a quotation mark at an end; remove the quotes"),
        (Found::LineEnd, "it ends with a line end; remove it"),
        (Found::WhiteSpace, "it has white space at an end or within; remove it"),
        (Found::VersionPrefix, "it begins with \"v1,\"; pass only what follows the comma"),
        (
            Found::PublicKey,
            "it begins with whpk_, the mark of a public key, which signs nothing here; ask for the whsec_ secret",
        ),
        (
            Found::PrivateKey,
            "it begins with whsk_, the mark of a private key, which no receiver needs; ask for the whsec_ secret",
        ),
        (Found::WhsecPrefix, "it begins with whsec_; decode it with Secret::from_whsec"),
        (Found::PrefixCase, "its prefix is not in lower case; write whsec_"),
        (Found::HexPrefix, "it begins with 0x; pass only the digits"),
        (
            Found::UrlSafeAlphabet,
            "it holds - or _, the URL-safe alphabet; ask for the standard one, or put + for - and / for _",
        ),
        (
            Found::ForeignCharacter,
            "it holds a character that this encoding does not have; is it another encoding, or plain text?",
        ),
        (
            Found::Length { characters: 43 },
            "it has 43 characters, which no number of bytes has; was it cut when it was copied?",
        ),
        (
            Found::NotCanonical,
            "its padding or its last character is wrong; was it cut or changed when it was copied?",
        ),
    ] {
        assert_eq!(found.to_string(), said);
    }
}

#[test]
fn what_looks_odd_about_a_secret() {
    for (hint, said) in [
        (
            SecretHint::ByteOrderMark,
            "begins with a byte order mark: was it read from a file that an editor wrote?",
        ),
        (SecretHint::LeadingWhiteSpace, "begins with white space: was it pasted with it?"),
        (SecretHint::TrailingLineEnd, "ends with a line end: was it pasted with one?"),
        (SecretHint::TrailingWhiteSpace, "ends with white space: was it pasted with it?"),
        (SecretHint::Quotes, "begins or ends with a quotation mark: was it pasted with its quotes?"),
        (SecretHint::WhsecPrefix, "begins with whsec_: should Secret::from_whsec decode it?"),
        (SecretHint::LooksLikeHex, "looks like hexadecimal: should Secret::from_hex decode it?"),
        (SecretHint::LooksLikeBase64, "looks like base64: should Secret::from_base64 decode it?"),
    ] {
        assert_eq!(hint.to_string(), said);
    }
}

#[test]
fn a_secret_that_cannot_be_loaded() {
    let path = || PathBuf::from("/run/secrets/point");
    let variable = || "POINT_SECRET".to_owned();
    assert_says(vec![
        row(
            SecretSourceError::VariableMissing { variable: variable() },
            "environment variable POINT_SECRET is not set: set it to the secret, or correct its name",
        ),
        row(
            SecretSourceError::VariableNotUnicode { variable: variable() },
            "environment variable POINT_SECRET is not Unicode: put the secret into a file, or encode it in base64",
        ),
        row(
            SecretSourceError::FileUnreadable { path: path(), problem: std::io::ErrorKind::PermissionDenied },
            "file \"/run/secrets/point\" cannot be read (permission denied): check its path and who may read it",
        ),
        row(
            SecretSourceError::FileTooLong { path: path(), max: 65536 },
            "file \"/run/secrets/point\" has more than 65536 bytes: is it the right file?",
        ),
        row(
            SecretSourceError::NotText { place: SecretPlace::File(path()) },
            "file \"/run/secrets/point\" is not UTF-8: is it in another encoding (UTF-16), or are the bytes themselves the \
             secret?",
        ),
        row(
            SecretSourceError::Unusable {
                place: SecretPlace::Variable(variable()),
                problem: SecretError::Empty,
            },
            "environment variable POINT_SECRET: the secret is empty: an empty key would let anybody sign; is the setting \
             present?",
        ),
    ]);
}

#[test]
fn a_repeat_that_cannot_be_judged() {
    let mut full = DedupeWindow::new(0, Duration::ZERO, Duration::ZERO);
    let full = full.claim("evt_1", BodyDigest::new([1; 32]), NOW).unwrap_err();
    assert_says(vec![
        row(full, "the dedupe window is full: answer 503, and the sender retries"),
        row(NotClaimed, "this claim is void: it was committed or released, or it expired"),
    ]);
}
