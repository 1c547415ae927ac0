//! The platforms that subscriptions are sent to as.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gymhook::Provider;
use gymhook::delivery::EndpointPolicy;
use gymhook::event::Vendor;
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook::signature::{Secret, SecretError};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The platform for events of one's own.
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
        None => EndpointPolicy::new(RetryPolicy::new(standard_webhooks_schedule())),
    }
}

/// After 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h: over three days, as the specification recommends "a period of
/// days" (our numbers).
fn standard_webhooks_schedule() -> RetrySchedule {
    const MINUTES: [u64; 8] = [5, 30, 2 * 60, 5 * 60, 10 * 60, 14 * 60, 20 * 60, 24 * 60];
    let minutes = MINUTES.iter().map(|minutes| Duration::from_secs(minutes * 60));
    RetrySchedule::fixed(core::iter::once(Duration::from_secs(5)).chain(minutes).collect::<Vec<_>>())
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
    fn own_events_are_retried_for_days() {
        let policy = policy(STANDARD_WEBHOOKS);
        let schedule = policy.retry().schedule();
        assert_eq!(schedule.retries(), 9);
        assert!(!is_known("destination") && is_known("egym"));
    }
}
