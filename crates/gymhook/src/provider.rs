//! A platform as one value: how it signs, how it writes, what it does around its requests.

use core::fmt;
use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use gymhook_delivery::AutoDisable;
use gymhook_event::{
    AnyNotification, DecodeError, Notification, Vendor, egym, gympoint, perfectgym, pg_next, point,
};
use gymhook_retry::RetryPolicy;
use gymhook_signature::{Keyring, KeyringError, SignatureScheme, Signer, vendor};

use crate::{DigestDedupe, Profile, ResponseCapture, Setting, UrlRule};

pub(crate) type Decode<N> = Arc<dyn Fn(&[u8]) -> Result<N, DecodeError> + Send + Sync>;

/// A platform: its signature scheme, its payload, and its [`Profile`]. Cloning is cheap.
///
/// `N` is the platform's notification; [`AnyNotification`], the default, is for code that handles several platforms.
///
/// ```
/// use gymhook::Provider;
/// use gymhook::event::{AnyNotification, Vendor};
///
/// let perfectgym = Provider::perfectgym();
/// assert_eq!(perfectgym.scheme().assurance().proved().collect::<Vec<_>>(), ["sender", "id"]);
///
/// let any: Provider<AnyNotification> = Provider::of(Vendor::PG_NEXT).ok_or("one of the five")?;
/// assert_eq!(any.vendor(), Vendor::PG_NEXT);
/// println!("{any}"); // the whole profile as a table
/// # Ok::<(), &str>(())
/// ```
///
/// A sixth platform is a vendor name, a scheme, and a type that implements [`Notification`]: see [`Provider::new`].
pub struct Provider<N = AnyNotification> {
    vendor: Vendor,
    scheme: Arc<dyn SignatureScheme>,
    decode: Decode<N>,
    profile: Profile,
}

impl Provider<gympoint::Notification> {
    /// GymPoint: HMAC of the body. The header's name and the payload's fields are not published.
    #[must_use]
    pub fn gympoint() -> Self {
        let profile = Profile {
            page: "https://gympoint.ai/knowledge-base/settings/integrations-api",
            attempt_timeout: Setting::published(Duration::from_secs(30)),
            retry: Setting::published(RetryPolicy::gympoint()),
            url_rule: Setting::our_default(UrlRule::Https, "the page asks for a publicly accessible URL"),
            response_capture: capture_of_ours(),
            auto_disable: Setting::our_default(AutoDisable::never(), "the page names no rule"),
            test_event: Setting::our_default(None, "\"Send Test\" delivers a sample payload of unnamed type"),
            digest_dedupe: Setting::our_default(
                Some(GYMPOINT_REPEATS),
                "no id is published; it tries for 2 h 35 min",
            ),
        };
        Self::new(Vendor::GYMPOINT, vendor::gympoint(), gymhook_event::decode, profile)
    }
}

impl Provider<egym::Notification> {
    /// EGYM: the webhook's secret in `x-api-key`.
    #[must_use]
    pub fn egym() -> Self {
        let profile = Profile {
            page: "https://developer.egym.com/general/webhooks",
            attempt_timeout: Setting::published(Duration::from_secs(5)),
            retry: Setting::our_default(RetryPolicy::egym(), "the page names no retries"),
            url_rule: Setting::published(UrlRule::Https),
            response_capture: capture_of_ours(),
            auto_disable: Setting::our_default(AutoDisable::never(), "the page names no rule"),
            test_event: Setting::published(Some("TEST")),
            digest_dedupe: Setting::our_default(
                None,
                "time, account and type are the key; without them nothing tells",
            ),
        };
        Self::new(Vendor::EGYM, vendor::egym(), gymhook_event::decode, profile)
    }
}

impl Provider<perfectgym::Notification> {
    /// PerfectGym: an MD5 over the request's id, which does not cover the body.
    #[must_use]
    pub fn perfectgym() -> Self {
        let profile = Profile {
            page: "https://kb.perfectgym.com/article/how-use-and-set-webhooks",
            attempt_timeout: Setting::published(Duration::from_secs(5)),
            retry: Setting::our_default(RetryPolicy::perfectgym(), "the page names a button, no schedule"),
            url_rule: Setting::published(UrlRule::HttpsOn443),
            response_capture: Setting::published(ResponseCapture { max_characters: 1000 }),
            auto_disable: Setting::our_default(AutoDisable::never(), "the page names no rule"),
            test_event: Setting::published(Some("Test")),
            digest_dedupe: Setting::our_default(
                // Only where the request has no signed id, which is its key.
                Some(DigestDedupe { window: Duration::from_secs(86_400), only: None }),
                "`triggeredDate` in the body tells two events apart",
            ),
        };
        Self::new(Vendor::PERFECTGYM, vendor::perfectgym(), gymhook_event::decode, profile)
    }
}

impl Provider<pg_next::Notification> {
    /// PG Next (PerfectGym Next, Magicline): the studio's key in `x-api-key`.
    #[must_use]
    pub fn pg_next() -> Self {
        let profile = Profile {
            page: "https://developer.sportalliance.com/apis/perfectgym/webhooks/general-information",
            attempt_timeout: Setting::published(Duration::from_secs(5)),
            retry: Setting::published(RetryPolicy::pg_next()),
            url_rule: Setting::published(UrlRule::Https),
            response_capture: capture_of_ours(),
            auto_disable: Setting::our_default(AutoDisable::never(), "the page names no rule"),
            test_event: Setting::our_default(None, "the page names none"),
            digest_dedupe: Setting::published(None),
        };
        Self::new(Vendor::PG_NEXT, vendor::pg_next(), gymhook_event::decode, profile)
    }
}

impl Provider<point::Notification> {
    /// Point: HMAC of time and body.
    #[must_use]
    pub fn point() -> Self {
        let profile = Profile {
            page: "https://www.areyouonpoint.co/docs/webhooks-overview",
            attempt_timeout: Setting::published(Duration::from_secs(30)),
            retry: Setting::our_default(RetryPolicy::point(), "the page says that there are some"),
            url_rule: Setting::our_default(UrlRule::Https, "the page says \"HTTP endpoint (URL)\""),
            response_capture: capture_of_ours(),
            auto_disable: Setting::our_default(
                AutoDisable::never().with_failed_in_a_row(NonZeroU32::new(10)),
                "the page says \"after multiple failed events\"",
            ),
            test_event: Setting::our_default(None, "the page names none"),
            digest_dedupe: Setting::our_default(
                None,
                "the items' ids are the key; without them nothing tells",
            ),
        };
        Self::new(Vendor::POINT, vendor::point(), gymhook_event::decode, profile)
    }
}

impl Provider<AnyNotification> {
    /// The profile of one of the five, or `None` for another vendor.
    #[must_use]
    pub fn of(vendor: Vendor) -> Option<Self> {
        Self::all().into_iter().find(|provider| provider.vendor == vendor)
    }

    /// The five, in alphabetical order of their names.
    #[must_use]
    pub fn all() -> [Self; 5] {
        [
            Provider::egym().into_any(),
            Provider::gympoint().into_any(),
            Provider::perfectgym().into_any(),
            Provider::pg_next().into_any(),
            Provider::point().into_any(),
        ]
    }
}

impl<N: Notification> Provider<N> {
    /// A platform of one's own.
    ///
    /// `decode` reads the bytes of a body that has been verified already; [`gymhook_event::decode`] serves any type that
    /// implements `serde::de::DeserializeOwned`.
    pub fn new(
        vendor: Vendor,
        scheme: impl SignatureScheme + 'static,
        decode: impl Fn(&[u8]) -> Result<N, DecodeError> + Send + Sync + 'static,
        profile: Profile,
    ) -> Self {
        Self { vendor, scheme: Arc::new(scheme), decode: Arc::new(decode), profile }
    }

    /// The same platform as one of many.
    #[must_use]
    pub fn into_any(self) -> Provider<AnyNotification>
    where
        AnyNotification: From<N>,
    {
        let Self { vendor, scheme, decode, profile } = self;
        let decode: Decode<AnyNotification> = Arc::new(move |body| decode(body).map(AnyNotification::from));
        Provider { vendor, scheme, decode, profile }
    }
}

impl<N> Provider<N> {
    /// Signs and verifies with another scheme, or with the same one set up differently.
    #[must_use]
    pub fn with_scheme(self, scheme: impl SignatureScheme + 'static) -> Self {
        Self { scheme: Arc::new(scheme), ..self }
    }

    /// Behaves differently around its requests.
    #[must_use]
    pub fn with_profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// The vendor.
    #[must_use]
    pub fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// How the platform proves itself.
    #[must_use]
    pub fn scheme(&self) -> &Arc<dyn SignatureScheme> {
        &self.scheme
    }

    /// Signs as this platform does.
    ///
    /// # Errors
    /// [`KeyringError`] if the keys cannot be used with the platform's scheme.
    pub fn signer(&self, keyring: Keyring) -> Result<Signer, KeyringError> {
        Signer::with_shared(Arc::clone(&self.scheme), keyring)
    }

    /// What the platform does around its requests.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    pub(crate) fn decoder(&self) -> &Decode<N> {
        &self.decode
    }
}

impl<N> Clone for Provider<N> {
    fn clone(&self) -> Self {
        Self {
            vendor: self.vendor,
            scheme: Arc::clone(&self.scheme),
            decode: Arc::clone(&self.decode),
            profile: self.profile.clone(),
        }
    }
}

impl<N> fmt::Debug for Provider<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("vendor", &self.vendor)
            .field("scheme", &self.scheme)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

/// The whole profile as a table: the setting, its value, and where it is known from.
impl<N> fmt::Display for Provider<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<String> = self.scheme.header_names().iter().map(ToString::to_string).collect();
        writeln!(f, "{:<16}{}", "vendor", self.vendor)?;
        writeln!(f, "{:<16}{}", "headers", headers.join(", "))?;
        writeln!(f, "{:<16}{}", "proves", self.scheme.assurance())?;
        self.profile.fmt(f)
    }
}

/// GymPoint publishes no field of its bodies. Assumed is that a member's, and a payment's, is named in them, and that each is
/// created, deleted, paid or refunded once; without such a name two payments of one amount within the window are one.
///
/// Not in it: a member checks in twice (`checkin.created`), and a profile or a membership may become again what it was
/// (`member.updated`, `membership.activated`, `membership.canceled`), and the last word counts. Nor any type that is not known here.
const GYMPOINT_REPEATS: DigestDedupe = DigestDedupe {
    // Its last attempt begins after 2 h 35 min and four timeouts of 30 s.
    window: Duration::from_secs(3 * 3_600),
    only: Some(&[
        "member.created",
        "member.deleted",
        "payment.successful",
        "payment.failed",
        "payment.refunded",
    ]),
};

fn capture_of_ours() -> Setting<ResponseCapture> {
    Setting::our_default(
        ResponseCapture { max_characters: 1000 },
        "PerfectGym's limit, the only published one",
    )
}
