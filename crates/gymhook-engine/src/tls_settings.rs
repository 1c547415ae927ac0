//! `TlsSettings` of one receiver: a private authority, and a client certificate with its key.

use core::fmt;

#[cfg(feature = "http")]
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// TLS settings for one receiver: a client certificate, a private certificate authority.
///
/// Everything is PEM. It is parsed when the subscription is checked, and when a connection is made; a connection is never
/// shared with subscriptions that have other settings. The private key is stored with the subscription's secrets, the rest
/// with its settings.
///
/// ```
/// use gymhook_engine::TlsSettings;
///
/// let chain = "-----BEGIN CERTIFICATE-----\n…";
/// let key = "-----BEGIN PRIVATE KEY-----\n…";
/// let settings = TlsSettings::new().with_client_certificate(chain, key);
/// assert!(!format!("{settings:?}").contains("PRIVATE KEY"));
/// ```
#[derive(Clone, Default, Eq, PartialEq)]
pub struct TlsSettings {
    authority: Option<String>,
    chain: Option<String>,
    key: Option<Zeroizing<String>>,
}

impl TlsSettings {
    /// The transport's settings, unchanged.
    #[must_use]
    pub const fn new() -> Self {
        Self { authority: None, chain: None, key: None }
    }

    /// Trusts only these authorities for this receiver: neither the public ones nor the transport's.
    ///
    /// `pem` has one or several certificates.
    #[must_use]
    pub fn with_private_authority(self, pem: impl Into<String>) -> Self {
        Self { authority: Some(pem.into()), ..self }
    }

    /// Presents this certificate to a receiver that asks for one (mTLS).
    ///
    /// `chain` has the certificate itself first, then those that lead to its authority; `key` is its private key, unencrypted, as
    /// PKCS#8, PKCS#1 or SEC1.
    #[must_use]
    pub fn with_client_certificate(self, chain: impl Into<String>, key: impl Into<String>) -> Self {
        Self { chain: Some(chain.into()), key: Some(Zeroizing::new(key.into())), ..self }
    }

    /// The only trusted authorities, as PEM.
    #[must_use]
    pub fn private_authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The client certificate's chain, as PEM.
    #[must_use]
    pub fn client_chain(&self) -> Option<&str> {
        self.chain.as_deref()
    }

    /// The client certificate's private key, as PEM.
    #[must_use]
    pub fn expose_client_key(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.as_str())
    }

    /// Whether the transport's settings are unchanged.
    #[must_use]
    pub const fn is_default(&self) -> bool {
        self.authority.is_none() && self.chain.is_none() && self.key.is_none()
    }

    pub(crate) fn from_parts(
        authority: Option<String>,
        chain: Option<String>,
        key: Option<Zeroizing<String>>,
    ) -> Self {
        Self { authority, chain, key }
    }

    /// Equal for equal settings only.
    #[cfg(feature = "http")]
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [self.private_authority(), self.client_chain(), self.expose_client_key()] {
            digest.update([u8::from(part.is_some())]);
            let part = part.unwrap_or_default();
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

/// `Debug` says what is set, and shows no key.
impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings")
            .field("private_authority", &self.authority.is_some())
            .field("client_certificate", &self.chain.is_some())
            .finish_non_exhaustive()
    }
}
