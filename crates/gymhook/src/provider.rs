//! `Provider`: a platform as one value: its scheme, its payload and its profile.

use core::fmt;
use core::iter::FusedIterator;
use std::sync::Arc;

use gymhook_event::{AnyNotification, DecodeError, Notification, Vendor};
use gymhook_signature::{Keyring, KeyringError, SignatureScheme, Signer};

use serde::de::DeserializeOwned;

use crate::Profile;
use crate::profile::Signing;
use crate::vendor::PLATFORMS;

pub(crate) type Decode<N> = Arc<dyn Fn(&[u8]) -> Result<N, DecodeError> + Send + Sync>;

/// A platform: its signature scheme, its payload, and its [`Profile`]. Cloning is cheap.
///
/// `N` is the platform's notification; [`AnyNotification`], the default, is for code that handles several platforms.
///
/// ```
/// use gymhook::Provider;
/// use gymhook::event::{AnyNotification, Vendor};
///
/// let perfectgym = Provider::perfectgym();
/// assert_eq!(perfectgym.scheme().assurance().proved().collect::<Vec<_>>(), ["sender", "id"]);
///
/// let any: Provider<AnyNotification> = Provider::of(Vendor::PG_NEXT).ok_or("a vendor with a profile")?;
/// assert_eq!(any.vendor(), Vendor::PG_NEXT);
/// println!("{any}"); // the whole profile as a table
/// # Ok::<(), &str>(())
/// ```
///
/// Another platform is a vendor name, a scheme, and a type that implements [`Notification`]: see [`Provider::new`].
pub struct Provider<N = AnyNotification> {
    vendor: Vendor,
    scheme: Arc<dyn SignatureScheme>,
    decode: Decode<N>,
    /// Whether the decoder reads the whole body as JSON, and accepts nothing else.
    reads_json: bool,
    profile: Profile,
}

impl Provider<AnyNotification> {
    /// The platform of this vendor, or `None` if it has no profile here.
    #[must_use]
    pub fn of(vendor: Vendor) -> Option<Self> {
        PLATFORMS.iter().find(|(known, _)| *known == vendor).map(|(_, platform)| platform())
    }

    /// Every platform with a profile here, in the order of [`Vendor::ALL`].
    ///
    /// ```
    /// use gymhook::Provider;
    /// use gymhook::event::Vendor;
    ///
    /// assert!(Provider::all().map(|provider| provider.vendor()).eq(Vendor::ALL.iter().copied()));
    /// ```
    pub fn all() -> impl ExactSizeIterator<Item = Self> + DoubleEndedIterator + FusedIterator {
        PLATFORMS.iter().map(|(_, platform)| platform())
    }
}

impl<N: Notification> Provider<N> {
    /// A platform of your own.
    ///
    /// `decode` reads the bytes of a body that has been verified already; [`gymhook_event::decode`] serves any type that
    /// implements `serde::de::DeserializeOwned`.
    pub fn new(
        vendor: Vendor,
        scheme: impl SignatureScheme + 'static,
        decode: impl Fn(&[u8]) -> Result<N, DecodeError> + Send + Sync + 'static,
        profile: Profile,
    ) -> Self {
        Self { vendor, scheme: Arc::new(scheme), decode: Arc::new(decode), reads_json: false, profile }
    }

    /// A platform whose notifications are read by [`gymhook_event::decode`].
    pub(crate) fn json(vendor: Vendor, scheme: impl SignatureScheme + 'static, profile: Profile) -> Self
    where
        N: DeserializeOwned,
    {
        Self { reads_json: true, ..Self::new(vendor, scheme, gymhook_event::decode, profile) }
    }

    /// The same platform with an untyped notification, to be one of several.
    #[must_use]
    pub fn into_any(self) -> Provider<AnyNotification>
    where
        AnyNotification: From<N>,
    {
        let Self { vendor, scheme, decode, reads_json, profile } = self;
        let decode: Decode<AnyNotification> = Arc::new(move |body| decode(body).map(AnyNotification::from));
        Provider { vendor, scheme, decode, reads_json, profile }
    }
}

impl<N> Provider<N> {
    /// Signs and verifies with another scheme, or with the same one set up differently: it is then printed as configured.
    #[must_use]
    pub fn with_scheme(self, scheme: impl SignatureScheme + 'static) -> Self {
        self.with_shared_scheme(Arc::new(scheme))
    }

    /// As [`Provider::with_scheme`], for a scheme chosen at run time.
    #[must_use]
    pub fn with_shared_scheme(mut self, scheme: Arc<dyn SignatureScheme>) -> Self {
        self.profile.signing = Signing::configured();
        Self { scheme, ..self }
    }

    /// With another profile.
    #[must_use]
    pub fn with_profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The vendor.
    #[must_use]
    pub fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// The platform's signature scheme.
    #[must_use]
    pub fn scheme(&self) -> &Arc<dyn SignatureScheme> {
        &self.scheme
    }

    /// Signs as this platform does.
    ///
    /// # Errors
    /// [`KeyringError`] if the keys cannot be used with the platform's scheme.
    pub fn signer(&self, keyring: Keyring) -> Result<Signer, KeyringError> {
        Signer::with_shared(Arc::clone(&self.scheme), keyring)
    }

    /// Sends without a signature, as this platform does if its user has set no secret.
    ///
    /// ```
    /// use gymhook::Provider;
    /// # use time::UtcDateTime;
    /// # let now = UtcDateTime::UNIX_EPOCH;
    ///
    /// let unsigned = Provider::perfectgym().dangerous_unsigned_signer()?;
    /// let headers = unsigned.sign("request-1", b"{}", now)?;
    /// assert_eq!(headers["x-perfectgym-request"], "request-1"); // identifies repeats
    /// assert!(!headers.contains_key("x-perfectgym-signature"));
    ///
    /// assert!(Provider::point().dangerous_unsigned_signer().is_err());
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SecretRequired`]: the platform requires one ([`Profile::without_secret`]).
    pub fn dangerous_unsigned_signer(&self) -> Result<Signer, SecretRequired> {
        if !self.profile.without_secret.value {
            return Err(SecretRequired { vendor: self.vendor });
        }
        Ok(Signer::dangerous_unsigned(Arc::clone(&self.scheme)))
    }

    /// What the platform does around its requests.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    pub(crate) fn decoder(&self) -> &Decode<N> {
        &self.decode
    }

    pub(crate) fn reads_json(&self) -> bool {
        self.reads_json
    }
}

/// A platform requires a secret, and none was given. Caused by the subscription's settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{vendor} requires a secret: add a key")]
#[non_exhaustive]
pub struct SecretRequired {
    /// The platform.
    pub vendor: Vendor,
}

impl<N> Clone for Provider<N> {
    fn clone(&self) -> Self {
        Self {
            vendor: self.vendor,
            scheme: Arc::clone(&self.scheme),
            decode: Arc::clone(&self.decode),
            reads_json: self.reads_json,
            profile: self.profile.clone(),
        }
    }
}

impl<N> fmt::Debug for Provider<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("vendor", &self.vendor)
            .field("scheme", &self.scheme)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_has_its_platform_in_the_order_of_the_vendors() {
        let rows: Vec<_> = PLATFORMS.iter().map(|(vendor, _)| *vendor).collect();
        assert_eq!(rows, Vendor::ALL);
        for vendor in Vendor::ALL {
            assert_eq!(Provider::of(*vendor).map(|provider| provider.vendor()), Some(*vendor));
        }
        assert!(Provider::of(Vendor::new("acme")).is_none());
    }
}
