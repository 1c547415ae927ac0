//! The platforms that subscriptions are sent to as.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gymhook::Provider;
use gymhook::delivery::EndpointPolicy;
use gymhook::event::Vendor;
use gymhook::retry::RetryPolicy;
use gymhook::signature::{Secret, SecretError};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The platform for events that none of the fitness platforms defines.
pub(crate) const STANDARD_WEBHOOKS: &str = "standard-webhooks";

/// The names of all platforms that can be subscribed to.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    Vendor::ALL.iter().map(|vendor| vendor.as_str()).chain([STANDARD_WEBHOOKS])
}

/// Whether it can be subscribed to.
pub(crate) fn is_known(platform: &str) -> bool {
    names().any(|name| name == platform)
}

/// How endpoints of this platform are retried, limited and switched off, unless a subscription says otherwise.
pub(crate) fn policy(platform: &str) -> EndpointPolicy {
    let vendor = platform.parse::<Vendor>().ok().and_then(Provider::of);
    match vendor {
        Some(provider) => provider.profile().endpoint_policy(),
        None => EndpointPolicy::new(RetryPolicy::standard_webhooks()),
    }
}

/// The secret that a person or a program entered for a subscription of this platform.
pub(crate) fn secret(platform: &str, text: &str) -> Result<Secret, SecretError> {
    if platform == STANDARD_WEBHOOKS { Secret::from_whsec(text) } else { Secret::new(text) }
}

/// A new secret of 244 random bits, as the platform's receivers are given it.
pub(crate) fn new_secret(platform: &str) -> Zeroizing<String> {
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()];
    if platform == STANDARD_WEBHOOKS {
        let bytes = Zeroizing::new([one.into_bytes(), other.into_bytes()].concat());
        let encoded = Zeroizing::new(STANDARD.encode(&*bytes));
        Zeroizing::new(format!("whsec_{}", *encoded))
    } else {
        Zeroizing::new(format!("{}{}", one.simple(), other.simple()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_is_one_that_its_platform_reads() {
        for platform in names() {
            let (one, other) = (new_secret(platform), new_secret(platform));
            assert_ne!(*one, *other);
            let read = secret(platform, &one).unwrap();
            assert!(!read.is_weak() && read.expose_secret().len() >= 32, "{platform}");
            assert_eq!(one.starts_with("whsec_"), platform == STANDARD_WEBHOOKS);
            assert!(one.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }

    #[test]
    fn a_destination_cannot_be_subscribed_to() {
        assert!(is_known("egym") && is_known(STANDARD_WEBHOOKS));
        assert!(!is_known(crate::outgoing::DESTINATION) && !is_known("inbox") && !is_known(""));
    }
}
