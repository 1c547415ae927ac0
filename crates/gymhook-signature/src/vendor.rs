//! The schemes of the platforms, one function for each. What a vendor did not publish is our default, and marked as
//! such.

use core::time::Duration;

use http::HeaderName;

use crate::{ApiKey, BodyHmac, Encoding, RequestIdMd5, TimestampedHmac, Tolerance};

/// GymPoint: an HMAC of the body "in each webhook header", if the gym set a secret
/// ([Integrations & API Keys](https://gympoint.ai/knowledge-base/settings/integrations-api)).
///
/// **Not published by the vendor, our defaults:** the header `X-GymPoint-Signature`, SHA-256, the raw body as what is signed,
/// hexadecimal in either case with or without the prefix `sha256=`. Compare with a real request, and change what differs:
/// [`BodyHmac::with_header`], [`BodyHmac::with_encoding`], [`BodyHmac::with_prefix`].
#[must_use]
pub fn gympoint() -> BodyHmac {
    BodyHmac::new(HeaderName::from_static("x-gympoint-signature"))
        .with_encoding(Encoding::HexAnyCase)
        .with_optional_prefix("sha256=")
}

/// EGYM: the secret of the webhook in `x-api-key`
/// ([Webhooks](https://developer.egym.com/general/webhooks)).
///
/// This secret is chosen when the webhook is created. It is not the key for EGYM's own API, which uses a header of the same name.
#[must_use]
pub fn egym() -> ApiKey {
    ApiKey::new()
}

/// PerfectGym: an MD5 over request id and secret, which does **not** cover the body
/// ([How to use and set webhooks](https://kb.perfectgym.com/article/how-use-and-set-webhooks)).
///
/// **Not published by the vendor, our default:** the digest's encoding, hexadecimal in either case.
#[must_use]
pub fn perfectgym() -> RequestIdMd5 {
    RequestIdMd5::new()
}

/// PG Next: the studio's webhook key in `x-api-key`, which also identifies the studio
/// ([General information](https://developer.sportalliance.com/apis/perfectgym/webhooks/general-information)).
#[must_use]
pub fn pg_next() -> ApiKey {
    ApiKey::new()
}

/// Point: `point-signature: t=…,v1=…`, an HMAC-SHA256 over time and body
/// ([Webhooks signing secret](https://www.areyouonpoint.co/docs/webhooks-signing-secret)).
///
/// **Not published by the vendor, our defaults:** milliseconds, as in the page's example; the tolerance, five minutes for the
/// past and one for the future. If Point's retries carry the first attempt's time, use a wider tolerance.
#[must_use]
pub fn point() -> TimestampedHmac {
    let tolerance = Tolerance::new(Duration::from_secs(5 * 60), Duration::from_secs(60));
    TimestampedHmac::new(HeaderName::from_static("point-signature")).with_tolerance(tolerance)
}
