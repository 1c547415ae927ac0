//! The profiles of the platforms, each line with its source, and `platforms!`, the list of providers.
//!
//! What a page does not say is a default of ours and marked as such; where a page is ambiguous, the chosen reading is stated.

use core::num::NonZeroU32;
use core::time::Duration;

use gymhook_delivery::AutoDisable;
use gymhook_event::{Vendor, egym, gympoint, perfectgym, pg_next, point};
use gymhook_retry::RetryPolicy;
use gymhook_signature::vendor;

use crate::profile::Signing;
use crate::{
    DigestDedupe, PlatformNotification, Profile, Provider, ResponseCapture, Setting, Source, UrlRule,
};

/// Creates the provider of one platform.
type MakeProvider = fn() -> Provider;

macro_rules! platforms {
    ($($vendor:ident: $module:ident,)+) => {
        /// Every platform of this file, in the order of [`Vendor::ALL`].
        pub(crate) const PLATFORMS: &[(Vendor, MakeProvider)] =
            &[$((Vendor::$vendor, || Provider::$module().into_any()),)+];

        $(impl PlatformNotification for gymhook_event::$module::Notification {
            fn providers() -> impl Iterator<Item = Provider<Self>> {
                core::iter::once(Provider::$module())
            }
        })+
    };
}

platforms! {
    GYMPOINT: gympoint,
    EGYM: egym,
    PERFECTGYM: perfectgym,
    PG_NEXT: pg_next,
    POINT: point,
}

const SECRET_AS_TEXT: Setting<&str> =
    Setting::our_default("the UTF-8 of its text", "the page does not say which bytes a secret is");

const KEY_AS_TEXT: Setting<&str> = Setting::our_default(
    "the UTF-8 of its text, at most 1024 visible characters",
    "the page does not say which characters it may have",
);

/// The key itself in `x-api-key`, as the pages of EGYM and PG Next name it.
const BARE_KEY: Signing = Signing {
    headers: Source::Published,
    signature: Setting::published("the key itself"),
    proves: Source::Published,
    secret: KEY_AS_TEXT,
    request_id: None,
    time: None,
};

impl Provider<gympoint::Notification> {
    /// GymPoint: HMAC of the body. The header's name and the payload's fields are not published.
    #[must_use]
    pub fn gympoint() -> Self {
        let page = "https://gympoint.ai/knowledge-base/settings/integrations-api";
        let retry = Setting {
            value: RetryPolicy::gympoint(),
            source: Source::PublishedAsRead("\"after failure\" is after the attempt that failed last"),
        };
        let signing = Signing {
            headers: Source::OurDefault("invented: the page says \"in each webhook header\" and names none"),
            signature: Setting::our_default(
                "HMAC-SHA256 of the raw body, hex in either case",
                "the page says HMAC and no more; compare with a real request",
            ),
            proves: Source::OurDefault("the page does not say what the HMAC covers"),
            secret: SECRET_AS_TEXT,
            request_id: None,
            time: None,
        };
        let profile = Profile {
            signing,
            without_secret: Setting::published(true),
            content_type: Source::OurDefault("the page does not name it"),
            success: Source::Published,
            attempt_timeout_source: Source::Published,
            url_rule: Setting::our_default(UrlRule::Https, "the page asks for a publicly accessible URL"),
            test_event: Setting::our_default(
                None,
                "\"Send Test\" delivers a sample payload of unnamed type; its success is a 200",
            ),
            digest_dedupe: Setting::our_default(
                Some(GYMPOINT_REPEATS),
                "no id is published; it tries for 2 h 35 min",
            ),
            ..Profile::new(page, retry)
        };
        Self::json(Vendor::GYMPOINT, vendor::gympoint(), profile)
    }
}

impl Provider<egym::Notification> {
    /// EGYM: the webhook's secret in `x-api-key`.
    #[must_use]
    pub fn egym() -> Self {
        let page = "https://developer.egym.com/general/webhooks";
        let retry = Setting::our_default(RetryPolicy::egym(), "the page names no retries");
        let profile = Profile {
            signing: BARE_KEY,
            without_secret: Setting {
                value: false,
                source: Source::PublishedOn("https://developer.egym.com/mms-api-v2/apis/mms-v2/webhooks"),
            },
            unique_url: Setting {
                value: true,
                source: Source::PublishedOn("https://developer.egym.com/mms-api-v2/apis/mms-v2/webhooks"),
            },
            content_type: Source::Published,
            success: Source::OurDefault("the page names no status"),
            attempt_timeout_source: Source::Published,
            url_rule: Setting::published(UrlRule::Https),
            test_event: Setting::published(Some("TEST")),
            digest_dedupe: Setting::our_default(
                None,
                "time, account and type are the key; without them nothing tells",
            ),
            ..Profile::new(page, retry)
        };
        Self::json(Vendor::EGYM, vendor::egym(), profile)
    }
}

impl Provider<perfectgym::Notification> {
    /// PerfectGym: an MD5 over the request's id, which does not cover the body.
    #[must_use]
    pub fn perfectgym() -> Self {
        let page = "https://kb.perfectgym.com/article/how-use-and-set-webhooks";
        let retry = Setting::our_default(RetryPolicy::perfectgym(), "the page names a button, no schedule");
        let signing = Signing {
            headers: Source::Published,
            signature: Setting {
                value: "MD5 of id, \":\" and secret, hex in either case",
                source: Source::PublishedAsRead("hexadecimal, since the page names no encoding"),
            },
            proves: Source::Published,
            secret: SECRET_AS_TEXT,
            request_id: Some(Setting::our_default(
                "1 to 256 visible ASCII characters but \":\"",
                "the page calls it a unique identifier and shows none",
            )),
            time: None,
        };
        let profile = Profile {
            signing,
            without_secret: Setting::our_default(
                true,
                "the page does not ask for one, and a receiver saw requests without a signature; the id is still sent",
            ),
            content_type: Source::OurDefault("the page says \"Body - JSON\" and names no header"),
            success: Source::Published,
            attempt_timeout_source: Source::Published,
            url_rule: Setting::published(UrlRule::HttpsOn443),
            breaker: Setting::our_default(None, "the page says \"no more than a few seconds\""),
            response_capture: Setting::published(ResponseCapture::new(1000)),
            test_event: Setting::published(Some("Test")),
            // Only where the request has no signed id, which is its key.
            digest_dedupe: Setting::our_default(
                Some(DigestDedupe::new(Duration::from_secs(86_400))),
                "`triggeredDate` in the body tells two events apart",
            ),
            ..Profile::new(page, retry)
        };
        Self::json(Vendor::PERFECTGYM, vendor::perfectgym(), profile)
    }
}

/// The two sentences of PG Next's page that contradict each other.
const REPEATS: &str = "In case of any error, Webhook request will be resend after 10 minutes. We will try to send \
                       that request for a total of 3 repeats.";
const NO_RETRY: &str = "For any unsuccessful webhook deliveries there is no retry.";

impl Provider<pg_next::Notification> {
    /// PG Next (PerfectGym Next, Magicline): the studio's key in `x-api-key`.
    ///
    /// Retries as the page's later sentence says, see [`Provider::pg_next_without_retries`].
    #[must_use]
    pub fn pg_next() -> Self {
        let source = Source::Contradicted {
            followed: REPEATS,
            not_followed: NO_RETRY,
            switch: "Provider::pg_next_without_retries()",
        };
        Self::pg_next_retrying(Setting { value: RetryPolicy::pg_next(), source })
    }

    /// PG Next by its page's earlier sentence: "For any unsuccessful webhook deliveries there is no retry."
    #[must_use]
    pub fn pg_next_without_retries() -> Self {
        let source =
            Source::Contradicted { followed: NO_RETRY, not_followed: REPEATS, switch: "Provider::pg_next()" };
        Self::pg_next_retrying(Setting { value: RetryPolicy::pg_next_no_retry(), source })
    }

    fn pg_next_retrying(retry: Setting<RetryPolicy>) -> Self {
        let page = "https://developer.sportalliance.com/apis/perfectgym/webhooks/general-information";
        let profile = Profile {
            signing: BARE_KEY,
            without_secret: Setting::our_default(false, "the page gives each studio a key"),
            content_type: Source::OurDefault("the page prints JSON and names no header"),
            success: Source::OurDefault("the page names no status; its diagram shows a 200"),
            attempt_timeout_source: Source::Published,
            url_rule: Setting::published(UrlRule::Https),
            digest_dedupe: Setting::our_default(None, "the request's `uuid` is the key"),
            ..Profile::new(page, retry)
        };
        Self::json(Vendor::PG_NEXT, vendor::pg_next(), profile)
    }
}

impl Provider<point::Notification> {
    /// Point: HMAC of time and body.
    #[must_use]
    pub fn point() -> Self {
        const SIGNING: Source =
            Source::PublishedOn("https://www.areyouonpoint.co/docs/webhooks-signing-secret");
        let page = "https://www.areyouonpoint.co/docs/webhooks-overview";
        let retry = Setting::our_default(
            RetryPolicy::point(),
            "the page says that there are some, not how many or when",
        );
        let signing = Signing {
            headers: SIGNING,
            signature: Setting {
                value: "HMAC-SHA256 of time, \".\" and raw body, lower-case hex",
                source: SIGNING,
            },
            proves: SIGNING,
            secret: SECRET_AS_TEXT,
            request_id: None,
            time: Some(Setting::our_default(
                "milliseconds; 5 min late and 1 min early at most",
                "the example has 13 digits, and the tolerance is the receiver's",
            )),
        };
        let profile = Profile {
            signing,
            without_secret: Setting::our_default(false, "each webhook has a secret"),
            content_type: Source::OurDefault("the page says \"JSON payload\" and names no header"),
            success: Source::Published,
            attempt_timeout_source: Source::Published,
            url_rule: Setting::our_default(UrlRule::Https, "the page says \"HTTP endpoint (URL)\""),
            auto_disable: Setting::our_default(
                AutoDisable::never().with_failed_in_a_row(NonZeroU32::new(10)),
                "the page says \"after multiple failed events\"",
            ),
            digest_dedupe: Setting::our_default(
                None,
                "the items' ids are the key; without them nothing tells",
            ),
            ..Profile::new(page, retry)
        };
        Self::json(Vendor::POINT, vendor::point(), profile)
    }
}

/// GymPoint publishes no field of its bodies. This assumes that they contain the member's or the payment's id, and that each is
/// created, deleted, paid or refunded once; without such an id, two payments of the same amount within the window count as one.
///
/// The list excludes types that can repeat with an equal body: a member checks in twice (`checkin.created`), and a profile or a
/// membership may return to an earlier state (`member.updated`, `membership.activated`, `membership.canceled`). It also excludes
/// unknown types.
const GYMPOINT_REPEATS: DigestDedupe = {
    // Its last attempt begins after 2 h 35 min and four timeouts of 30 s.
    let window = Duration::from_secs(3 * 3_600);
    DigestDedupe::new(window).only_for(&[
        "member.created",
        "member.deleted",
        "payment.successful",
        "payment.failed",
        "payment.refunded",
    ])
};
