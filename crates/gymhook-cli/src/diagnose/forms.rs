//! `Form`, the ways of signing that are tried, those of the platforms and others that they are confused with: what is
//! signed, and with which algorithm.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// A digest over some of a request's parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Algorithm {
    Md5,
    HmacSha1,
    HmacSha256,
    HmacSha512,
}

/// The bytes that are signed, of a request's parts, its body and the secret; `None` if the request lacks a part.
type Signed = fn(&Parts<'_>, &[u8], &[u8]) -> Option<Vec<u8>>;

/// How a sender may sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Whose way it is, if it is a platform's.
    pub(super) platform: Option<&'static str>,
    /// What is signed, in words.
    pub(super) what: &'static str,
    pub(super) algorithm: Algorithm,
    signed: Signed,
}

/// The parts of a request that a signature may cover, beside body and secret.
#[derive(Debug, Default)]
pub(super) struct Parts<'h> {
    /// Point's `t=`.
    time: Option<&'h str>,
    /// Standard Webhooks' `webhook-timestamp`.
    timestamp: Option<&'h str>,
    /// Standard Webhooks' `webhook-id`.
    id: Option<&'h str>,
    /// PerfectGym's `X-PerfectGym-Request`.
    request: Option<&'h str>,
}

impl<'h> Parts<'h> {
    pub(super) fn of(headers: &'h HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let time = headers.values().filter_map(|value| value.to_str().ok()).find_map(|value| {
            value.split(',').find_map(|part| part.trim().strip_prefix("t=")).filter(|time| !time.is_empty())
        });
        Self {
            time,
            timestamp: text("webhook-timestamp").or_else(|| text("svix-timestamp")),
            id: text("webhook-id").or_else(|| text("svix-id")),
            request: text("x-perfectgym-request"),
        }
    }
}

const fn form(
    platform: Option<&'static str>,
    what: &'static str,
    algorithm: Algorithm,
    signed: Signed,
) -> Form {
    Form { platform, what, algorithm, signed }
}

/// The platforms' own ways first: what they explain needs no stranger reason.
pub(super) const FORMS: &[Form] = &[
    form(Some("gympoint"), "the body", Algorithm::HmacSha256, |_, body, _| Some(body.to_vec())),
    form(Some("point"), "time, \".\" and body", Algorithm::HmacSha256, |parts, body, _| {
        joined(&[parts.time?.as_bytes(), b".", body])
    }),
    form(Some("perfectgym"), "request id, \":\" and secret", Algorithm::Md5, |parts, _, secret| {
        joined(&[parts.request?.as_bytes(), b":", secret])
    }),
    form(
        Some("standard-webhooks"),
        "id, \".\", timestamp, \".\" and body",
        Algorithm::HmacSha256,
        |parts, body, _| joined(&[parts.id?.as_bytes(), b".", parts.timestamp?.as_bytes(), b".", body]),
    ),
    form(None, "the body", Algorithm::HmacSha1, |_, body, _| Some(body.to_vec())),
    form(None, "the body", Algorithm::HmacSha512, |_, body, _| Some(body.to_vec())),
    form(None, "time and body without \".\"", Algorithm::HmacSha256, |parts, body, _| {
        joined(&[parts.time?.as_bytes(), body])
    }),
    form(None, "time, \":\" and body", Algorithm::HmacSha256, |parts, body, _| {
        joined(&[parts.time?.as_bytes(), b":", body])
    }),
    form(None, "body, \".\" and time", Algorithm::HmacSha256, |parts, body, _| {
        joined(&[body, b".", parts.time?.as_bytes()])
    }),
    form(None, "secret, \":\" and request id", Algorithm::Md5, |parts, _, secret| {
        joined(&[secret, b":", parts.request?.as_bytes()])
    }),
    form(None, "request id and secret without \":\"", Algorithm::Md5, |parts, _, secret| {
        joined(&[parts.request?.as_bytes(), secret])
    }),
    form(None, "body and secret", Algorithm::Md5, |_, body, secret| joined(&[body, secret])),
    form(None, "timestamp, \".\" and body, without the id", Algorithm::HmacSha256, |parts, body, _| {
        joined(&[parts.timestamp?.as_bytes(), b".", body])
    }),
];

fn joined(parts: &[&[u8]]) -> Option<Vec<u8>> {
    Some(parts.concat())
}

impl Form {
    /// The digest that this way of signing gives; `None` if the request lacks a part of it.
    pub(super) fn digest(&self, parts: &Parts<'_>, body: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
        let signed = (self.signed)(parts, body, secret)?;
        match self.algorithm {
            Algorithm::Md5 => Some(Md5::digest(&signed).to_vec()),
            Algorithm::HmacSha1 => Some(
                Hmac::<Sha1>::new_from_slice(secret)
                    .ok()?
                    .chain_update(&signed)
                    .finalize()
                    .into_bytes()
                    .to_vec(),
            ),
            Algorithm::HmacSha256 => Some(
                Hmac::<Sha256>::new_from_slice(secret)
                    .ok()?
                    .chain_update(&signed)
                    .finalize()
                    .into_bytes()
                    .to_vec(),
            ),
            Algorithm::HmacSha512 => Some(
                Hmac::<Sha512>::new_from_slice(secret)
                    .ok()?
                    .chain_update(&signed)
                    .finalize()
                    .into_bytes()
                    .to_vec(),
            ),
        }
    }
}

impl Algorithm {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::HmacSha512 => "HMAC-SHA512",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 (HMAC-SHA1, case 2), RFC 4231 (HMAC-SHA256 and -512, case 2) and RFC 1321 (MD5 of "abc").
    #[test]
    fn the_digests_are_the_published_ones() {
        let digest = |algorithm, signed: Signed, body: &[u8], secret: &[u8]| {
            const_hex::encode(
                form(None, "", algorithm, signed).digest(&Parts::default(), body, secret).unwrap(),
            )
        };
        let body = b"what do ya want for nothing?";
        let all: Signed = |_, body, _| Some(body.to_vec());
        assert_eq!(
            digest(Algorithm::HmacSha1, all, body, b"Jefe"),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"
        );
        assert_eq!(
            digest(Algorithm::HmacSha256, all, body, b"Jefe"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(
            digest(Algorithm::HmacSha512, all, body, b"Jefe").starts_with("164b7a7bfcf819e2e395fbe73b56e0a3")
        );
        assert_eq!(digest(Algorithm::Md5, all, b"abc", b"x"), "900150983cd24fb0d6963f7d28e17f72");
    }
}
