//! Every message of this crate's errors, for a person to read: what happened, where, what to do. The input that causes each is
//! next to it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::error::Error;

use gymhook_event::{
    AnyNotification, Decimal, DecodeError, IsoTime, UnixMillis, Vendor, check_strict, decode, egym, encode,
};
use serde::ser::{Error as _, Serialize, Serializer};
use time::{Duration, UtcDateTime};

fn row(error: impl Error + 'static, said: &str) -> (Box<dyn Error>, &str) {
    (Box::new(error), said)
}

/// A value that no JSON can be written of.
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom("a secret detail"))
    }
}

#[test]
fn every_message_says_what_happened_where_and_what_to_do() {
    let decoded = |body: &[u8]| decode::<egym::Notification>(body).unwrap_err();
    let strict = |body: &str| check_strict(body.as_bytes()).unwrap_err();
    let deep = format!("{}1{}", "[".repeat(129), "]".repeat(129));
    let epoch = UtcDateTime::UNIX_EPOCH;
    let rows = [
        row(decoded(b"{\xff}"), "not UTF-8 after byte 1: JSON is UTF-8 (RFC 8259, section 8.1)"),
        row(decoded(b""), "empty: there is no JSON in it"),
        row(
            decoded(b"\xef\xbb\xbf{}"),
            "begins with a byte order mark (EF BB BF), which a sender must not put before JSON (RFC 8259, section 8.1)",
        ),
        row(
            decoded(br#"{"type":}"#),
            "not JSON at line 1 column 9: a character does not fit there, or the text ends too early",
        ),
        row(decoded(b"{}"), "field `type` is missing, at line 1 column 2"),
        row(decoded(br#"{"type":"TEST","type":"TEST"}"#), "field `type` is repeated, at line 1 column 21"),
        row(
            decoded(br#"{"type":[]}"#),
            "field `type` is an array, expected a name as a string, at line 1 column 8",
        ),
        row(
            DecodeError::UnknownVendor,
            "no decoder for that vendor; the choices are gympoint, egym, perfectgym, pg-next, point",
        ),
        row(
            strict(r#"{"a":{"b":1,"b":2}}"#),
            "key `a.b` is repeated: two readers could take different values",
        ),
        row(strict(&deep), "objects and arrays are nested deeper than 128 at byte 128"),
        row(
            "egymm".parse::<Vendor>().unwrap_err(),
            "unknown vendor; choose one of gympoint, egym, perfectgym, pg-next, point",
        ),
        row("1,5".parse::<Decimal>().unwrap_err(), "not a number in JSON's grammar"),
        row(encode(&Unwritable).unwrap_err(), "the value cannot be written as JSON"),
        row(
            UnixMillis::try_from(epoch - Duration::SECOND).unwrap_err(),
            "1969-12-31 23:59:59.0 +00 is before 1970-01-01",
        ),
        row(
            IsoTime::try_from(UtcDateTime::MIN).unwrap_err(),
            "-9999-01-01 0:00:00.0 +00 is outside the years 0 to 9999",
        ),
    ];
    for (error, said) in rows {
        assert_eq!(error.to_string(), said, "{error:?}");
        assert!(!said.ends_with('.'), "{said}");
    }
    assert!(AnyNotification::decode(Vendor::EGYM, b"{}").is_err());
}
