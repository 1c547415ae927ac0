//! `names` and `policy`: the platforms that a subscription can have, and the policy of their endpoints.

use gymhook::Provider;
use gymhook::delivery::EndpointPolicy;
use gymhook::event::Vendor;
use gymhook::retry::RetryPolicy;

use crate::Problem;

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

/// Refuses what cannot be subscribed to.
pub(crate) fn check(platform: &str, place: &str) -> Result<(), Problem> {
    if is_known(platform) {
        return Ok(());
    }
    let names = names().collect::<Vec<_>>().join(", ");
    Err(Problem::invalid(place, format!("there is no such platform: choose one of {names}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_cannot_be_subscribed_to() {
        assert!(is_known("egym") && is_known(STANDARD_WEBHOOKS));
        assert!(!is_known(crate::outgoing::DESTINATION) && !is_known("inbox") && !is_known(""));
    }
}
