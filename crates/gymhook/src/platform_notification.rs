//! `PlatformNotification`: notification types that belong to one platform.

use gymhook_event::{AnyNotification, Notification};

use crate::Provider;

/// A notification type that says which platforms send it: what reads a body that was kept, where no receiver is at hand.
///
/// The vendors' types name one platform each, [`AnyNotification`] all of them. For a platform of your own:
///
/// ```
/// use gymhook::event::{DedupeKey, Event, Kind, Notification, Vendor, decode};
/// use gymhook::retry::{RetryPolicy, RetrySchedule};
/// use gymhook::signature::BodyHmac;
/// use gymhook::{PlatformNotification, Profile, Provider, Setting};
/// use http::HeaderName;
/// # use serde::{Deserialize, Serialize};
/// #
/// # #[derive(Debug, Serialize, Deserialize)]
/// # struct Visit { visitor: String }
/// #
/// # impl Notification for Visit {
/// #     fn vendor(&self) -> Vendor { Vendor::new("acme") }
/// #     fn event_count(&self) -> usize { 1 }
/// #     fn event(&self, index: usize) -> Option<Event<'_>> {
/// #         (index == 0).then(|| Event::new(self.vendor(), "visit", Kind::CheckIn))
/// #     }
/// #     fn dedupe_key(&self) -> Option<DedupeKey> { None }
/// # }
///
/// impl PlatformNotification for Visit {
///     fn providers() -> impl Iterator<Item = Provider<Self>> {
///         let retry = Setting::configured(RetryPolicy::new(RetrySchedule::never()));
///         let profile = Profile::new("https://acme.example/webhooks", retry);
///         let scheme = BodyHmac::new(HeaderName::from_static("x-acme-signature"));
///         core::iter::once(Provider::new(Vendor::new("acme"), scheme, decode, profile))
///     }
/// }
/// ```
pub trait PlatformNotification: Notification + Sized {
    /// The platforms whose bodies are read as this type: one, or all.
    fn providers() -> impl Iterator<Item = Provider<Self>>;
}

impl PlatformNotification for AnyNotification {
    fn providers() -> impl Iterator<Item = Provider<Self>> {
        Provider::all()
    }
}
