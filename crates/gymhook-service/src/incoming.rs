//! The gateway: sources, and what is passed on.

mod sources;

use core::time::Duration;

use gymhook::event::{AnyNotification, DecodeError, Vendor};
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook::signature::StandardWebhooks;
use gymhook::{Profile, Provider, Setting};

pub(crate) use self::sources::Sources;
use crate::outgoing::DESTINATION;

/// How destinations are sent to: signed as Standard Webhooks, retried for some days.
pub(crate) fn destination_platform() -> Provider {
    const MINUTES: [u64; 9] = [0, 1, 5, 30, 120, 300, 600, 840, 1_440];
    let delays = MINUTES.map(|minutes| Duration::from_secs((minutes * 60).max(5))).to_vec();
    let retry = RetryPolicy::new(RetrySchedule::fixed(delays));
    let profile = Profile::new("https://www.standardwebhooks.com/", Setting::configured(retry));
    let decode = |_: &[u8]| -> Result<AnyNotification, DecodeError> { unreachable_decode() };
    Provider::new(Vendor::new(DESTINATION), StandardWebhooks::new(), decode, profile)
}

fn unreachable_decode() -> Result<AnyNotification, DecodeError> {
    gymhook::event::decode::<gymhook::event::point::Notification>(b"").map(Into::into)
}
