//! Why a subscription is refused before anything is sent.

use gymhook_retry::{Fault, Outcome, OwnFault};
use gymhook_signature::KeyringError;

use super::{CheckHeadersError, CheckUrlError, TlsSettingsError};

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
