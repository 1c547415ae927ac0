//! `Platform`: what the transport knows about a platform: how it signs, where it may send, and what it keeps of a
//! response.

use std::collections::BTreeMap;
use std::sync::Arc;

use gymhook::{Provider, ResponseCapture, UrlRule};
use gymhook_signature::{Keyring, SignatureScheme, Signer, StandardWebhooks};
use http::HeaderName;

use super::CheckSubscriptionError;

/// How a platform signs, where it sends, and what it keeps of an answer.
#[derive(Clone, Debug)]
pub(super) struct Platform {
    scheme: Arc<dyn SignatureScheme>,
    pub(super) signature_headers: Vec<HeaderName>,
    pub(super) url_rule: UrlRule,
    pub(super) capture: ResponseCapture,
    without_secret: bool,
}

impl Platform {
    pub(super) fn of<N>(provider: &Provider<N>) -> Self {
        let profile = provider.profile();
        let scheme = Arc::clone(provider.scheme());
        let (url_rule, capture) = (profile.url_rule.value, profile.response_capture.value);
        Self { without_secret: profile.without_secret.value, ..Self::new(scheme, url_rule, capture) }
    }

    /// The vendors of `gymhook` by their names, and Standard Webhooks for your own events.
    pub(super) fn known() -> BTreeMap<String, Self> {
        let vendors = Provider::all().map(|provider| (provider.vendor().as_str(), Self::of(&provider)));
        let own = ("standard-webhooks", Self::standard_webhooks());
        vendors.chain([own]).map(|(name, platform)| (name.to_owned(), platform)).collect()
    }

    /// The specification leaves the URL and the log to the sender: https, and as much of an answer as PerfectGym keeps.
    fn standard_webhooks() -> Self {
        let capture = ResponseCapture::new(1000);
        Self::new(Arc::new(StandardWebhooks::new()), UrlRule::Https, capture)
    }

    fn new(scheme: Arc<dyn SignatureScheme>, url_rule: UrlRule, capture: ResponseCapture) -> Self {
        let signature_headers = scheme.header_names();
        Self { signature_headers, scheme, url_rule, capture, without_secret: false }
    }

    /// Cheap: the keys are shared, their hash states stay computed. Without keys it signs nothing, where the platform allows it.
    pub(super) fn signer(
        &self,
        name: &str,
        keys: Option<&Arc<Keyring>>,
    ) -> Result<Signer, CheckSubscriptionError> {
        let scheme = Arc::clone(&self.scheme);
        match keys {
            Some(keys) => Ok(Signer::with_shared(scheme, Arc::clone(keys))?),
            None if self.without_secret => Ok(Signer::dangerous_unsigned(scheme)),
            None => Err(CheckSubscriptionError::SecretRequired { platform: name.to_owned() }),
        }
    }
}
