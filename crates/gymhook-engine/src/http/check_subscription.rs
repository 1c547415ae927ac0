//! The checks of a subscription before anything is sent: [`HttpTransport::check_subscription`], [`check_headers`], and
//! [`CheckSubscriptionError`].

use gymhook::send::EndpointUrl;
use gymhook_retry::{Fault, Outcome, OwnFault};
use gymhook_signature::{KeyringError, Signer};
use http::{HeaderMap, HeaderName};

use super::platform::Platform;
use super::tls::ReceiverTls;
use super::{CheckHeadersError, CheckUrlError, HttpTransport, TlsSettingsError, check_url};
use crate::header_rules::{self, HeaderLimits};
use crate::{HttpTarget, Subscription};

impl HttpTransport {
    /// Parses and checks a URL that was entered for an endpoint of this platform, as [`check_url`] does.
    ///
    /// # Errors
    /// [`CheckSubscriptionError::UnknownPlatform`] and [`CheckSubscriptionError::Url`].
    pub fn endpoint_url(&self, platform: &str, url: &str) -> Result<EndpointUrl, CheckSubscriptionError> {
        Ok(check_url(url, self.platform(platform)?.url_rule, &self.0.addresses)?)
    }

    /// Checks everything that an attempt would: platform, keys, headers, and every URL. For when a subscription is created or
    /// updated.
    ///
    /// # Errors
    /// [`CheckSubscriptionError`], with the first thing that is wrong.
    pub fn check_subscription(&self, subscription: &Subscription) -> Result<(), CheckSubscriptionError> {
        let http = subscription.http().ok_or(CheckSubscriptionError::Inbox)?;
        let platform = self.platform(http.platform())?;
        platform.signer(http.platform(), http.keys())?;
        check_headers(http.headers(), &platform.signature_headers)?;
        self.0.tls.of(http.tls())?;
        for url in core::iter::once(http.url()).chain(http.urls().values()) {
            self.check_again(url, platform)?;
        }
        Ok(())
    }

    fn platform(&self, name: &str) -> Result<&Platform, CheckSubscriptionError> {
        let unknown = || CheckSubscriptionError::UnknownPlatform { name: name.to_owned() };
        self.0.platforms.get(name).ok_or_else(unknown)
    }

    /// A stored URL, normalised and checked against today's rules.
    fn check_again(
        &self,
        url: &EndpointUrl,
        platform: &Platform,
    ) -> Result<EndpointUrl, CheckSubscriptionError> {
        Ok(check_url(&url.to_uri().to_string(), platform.url_rule, &self.0.addresses)?)
    }

    pub(super) fn check_attempt(
        &self,
        target: &HttpTarget,
        url: &EndpointUrl,
    ) -> Result<(&Platform, EndpointUrl, Signer, ReceiverTls), CheckSubscriptionError> {
        let platform = self.platform(target.platform())?;
        let url = self.check_again(url, platform)?;
        check_headers(target.headers(), &platform.signature_headers)?;
        let tls = self.0.tls.of(target.tls())?;
        let signer = platform.signer(target.platform(), target.keys())?;
        Ok((platform, url, signer, tls))
    }
}

/// Checks a subscription's custom headers; `signature` are the names that the platform's scheme sets.
///
/// ```
/// use gymhook_engine::http::check_headers;
/// use http::{HeaderMap, HeaderValue, header};
///
/// let mut headers = HeaderMap::new();
/// headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer receiver-token"));
/// assert!(check_headers(&headers, &[]).is_ok());
/// headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
/// assert!(check_headers(&headers, &[]).is_err());
/// ```
///
/// # Errors
/// - [`CheckHeadersError::Reserved`]: a name that the transport or the signature sets.
/// - [`CheckHeadersError::NotPrintable`]: a value with anything but printable ASCII.
/// - [`CheckHeadersError::TooMany`], [`CheckHeadersError::TooLarge`]: more than the limits of this crate.
pub fn check_headers(headers: &HeaderMap, signature: &[HeaderName]) -> Result<(), CheckHeadersError> {
    header_rules::check(headers, signature, LIMITS)
}

/// Our limits: many servers take 100 headers in all, and the scheme and the transport need some; and 6 KiB of the
/// 8 KiB for all headers that widespread servers take, which leaves one for a delivery's headers and one for the rest.
const LIMITS: HeaderLimits = HeaderLimits { headers: 32, bytes: 6 * 1024 };

/// Why a subscription is refused. Caused by its settings, or by those of this transport.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckSubscriptionError {
    /// One of its headers is refused.
    #[error(transparent)]
    Headers(#[from] CheckHeadersError),
    /// It is an inbox, which is handled where the store is open.
    #[error("it is an inbox: nothing is sent to it over HTTP")]
    Inbox,
    /// Its platform's scheme cannot sign with its keys.
    #[error(transparent)]
    Keys(#[from] KeyringError),
    /// It has no key, but its platform requires a secret.
    #[error("{platform} requires a secret: give the subscription a key")]
    SecretRequired {
        /// The platform.
        platform: String,
    },
    /// Its TLS settings are refused.
    #[error(transparent)]
    Tls(#[from] TlsSettingsError),
    /// This transport has no platform of that name.
    #[error("this transport has no platform named {name:?}: see HttpTransportBuilder::with_platform")]
    UnknownPlatform {
        /// The name.
        name: String,
    },
    /// One of its URLs is refused.
    #[error(transparent)]
    Url(#[from] CheckUrlError),
}

impl CheckSubscriptionError {
    /// How an attempt ends that does not begin.
    ///
    /// What the endpoint's owner entered is charged, so that it comes to an end; what this side lacks is not.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Headers(_) | Self::Tls(_) | Self::Url(_) => Outcome::Failure(Fault::Forbidden),
            Self::Inbox | Self::Keys(_) | Self::SecretRequired { .. } | Self::UnknownPlatform { .. } => {
                Outcome::Internal(OwnFault::Signing)
            }
        }
    }
}
