//! `provider` and `policy`: how the gateway sends to destinations: the signature, and the policy of their endpoints.

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook::delivery::{AutoDisable, EndpointPolicy};
use gymhook::event::{Vendor, decode, point};
use gymhook::retry::RetryPolicy;
use gymhook::signature::StandardWebhooks;
use gymhook::{Profile, Provider, ResponseCapture, Setting};

use crate::outgoing::DESTINATION;

/// The specification's page that "published" refers to.
const PAGE: &str =
    "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md";
/// The shortest that the specification recommends: an application beside the gateway either answers soon or is down.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);
const DISABLED_AFTER: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// How many requests a destination gets at a time (our default): it is the operator's own, and all sources lead to it.
const AT_A_TIME: NonZeroU32 = NonZeroU32::MIN.saturating_add(63);

/// How destinations are retried, limited and disabled.
pub(crate) fn policy() -> EndpointPolicy {
    provider().profile().endpoint_policy().with_max_in_flight(AT_A_TIME)
}

/// Standard Webhooks, with the schedule that its specification recommends.
pub(crate) fn provider() -> Provider<point::Notification> {
    let retry = RetryPolicy::standard_webhooks().with_attempt_timeout(ATTEMPT_TIMEOUT);
    let mut profile = Profile::new(PAGE, Setting::published(retry));
    let rule = AutoDisable::never().with_failing_for(Some(DISABLED_AFTER)).with_warnings([50, 80]);
    profile.auto_disable =
        Setting::our_default(rule, "the specification recommends to disable and names no time");
    profile.response_capture =
        Setting::our_default(ResponseCapture::new(1_000), "as much as PerfectGym's page shows");
    // Nothing is received from a destination, so any notification will do.
    Provider::new(Vendor::new(DESTINATION), StandardWebhooks::new(), decode, profile)
}
