//! What the transport has to know of a platform.

use std::collections::BTreeMap;
use std::sync::Arc;

use gymhook::{Provider, ResponseCapture, UrlRule};
use gymhook_signature::{Keyring, KeyringError, SignatureScheme, Signer, StandardWebhooks};
use http::HeaderName;

/// How a platform signs, where it sends, and what it keeps of an answer.
#[derive(Clone, Debug)]
pub(super) struct Platform {
    scheme: Arc<dyn SignatureScheme>,
    pub(super) signature_headers: Vec<HeaderName>,
    pub(super) url_rule: UrlRule,
    pub(super) capture: ResponseCapture,
}

impl Platform {
    pub(super) fn of<N>(provider: &Provider<N>) -> Self {
        let profile = provider.profile();
        let scheme = Arc::clone(provider.scheme());
        Self::new(scheme, profile.url_rule.value, profile.response_capture.value)
    }

    /// The vendors of `gymhook` by their names, and Standard Webhooks for events of one's own.
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
        Self { signature_headers: scheme.header_names(), scheme, url_rule, capture }
    }

    /// Cheap: the keys are shared, their hash states stay computed.
    pub(super) fn signer(&self, keys: &Arc<Keyring>) -> Result<Signer, KeyringError> {
        Signer::with_shared(Arc::clone(&self.scheme), Arc::clone(keys))
    }
}
