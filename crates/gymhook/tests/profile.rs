//! The printed profiles, line by line against the platforms' pages.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::time::Duration;

use gymhook::delivery::BreakerPolicy;
use gymhook::retry::RetryPolicy;
use gymhook::signature::BodyHmac;
use gymhook::{Profile, Provider, Setting};
use http::HeaderName;

/// What each platform's own page says, typed from it: line of the profile, the words for its value.
const PUBLISHED: [(&str, &[(&str, &str)]); 5] = [
    (
        "egym",
        &[
            ("headers", "x-api-key"),
            ("signature", "the key itself"),
            ("without secret", "nothing is sent"),
            ("content type", "application/json"),
            ("attempt timeout", "5 s"),
            ("URLs", "https"),
            ("same URL twice", "refused within a gym"),
            ("test event", "TEST"),
        ],
    ),
    (
        "gympoint",
        &[
            ("without secret", "sent unsigned"),
            ("success", "2xx; all else fails"),
            ("attempt timeout", "30 s"),
            ("retries", "3, after 5 min, 30 min, 2 h"),
        ],
    ),
    (
        "perfectgym",
        &[
            ("headers", "x-perfectgym-request, x-perfectgym-signature"),
            ("signature", "MD5 of id, \":\" and secret"),
            ("success", "2xx; all else fails"),
            ("attempt timeout", "5 s"),
            ("URLs", "https on port 443"),
            ("response kept", "first 1000 characters"),
            ("test event", "Test"),
        ],
    ),
    (
        "pg-next",
        &[
            ("headers", "x-api-key"),
            ("signature", "the key itself"),
            ("attempt timeout", "5 s"),
            ("retries", "3, after 10 min, 10 min, 10 min"),
            ("URLs", "https"),
        ],
    ),
    (
        "point",
        &[
            ("headers", "point-signature"),
            ("signature", "HMAC-SHA256 of time, \".\" and raw body"),
            ("success", "2xx; all else fails, redirects are not followed"),
            ("attempt timeout", "30 s"),
        ],
    ),
];

/// Lines whose source is the same for every platform, or follows from another line.
const WITHOUT_A_SOURCE_OF_THEIR_OWN: [&str; 3] = ["vendor", "page", "proves"];

fn lines(provider: &Provider) -> Vec<(String, String, String)> {
    let printed = provider.to_string();
    let split = |line: &str| {
        let (name, rest) = line.split_at(16);
        let (value, source) = rest.split_once(" [").unwrap_or((rest, ""));
        let trimmed = |text: &str| text.trim_end_matches(']').trim().to_owned();
        (trimmed(name), trimmed(value), trimmed(source))
    };
    printed.lines().map(split).collect()
}

#[test]
fn what_the_page_says_is_printed_as_published_and_all_else_as_ours() {
    for provider in Provider::all() {
        let (_, published) =
            PUBLISHED.iter().find(|(vendor, _)| *vendor == provider.vendor().as_str()).unwrap();
        for (name, value, source) in lines(&provider) {
            if WITHOUT_A_SOURCE_OF_THEIR_OWN.contains(&name.as_str()) {
                continue;
            }
            let told = published.iter().find(|(line, _)| *line == name);
            let what = format!("{}: {name} {value} [{source}]", provider.vendor());
            match told {
                Some((_, wanted)) => {
                    assert!(source.starts_with("published") && value.starts_with(wanted), "{what}");
                }
                None => assert!(source.starts_with("our default: "), "{what}"),
            }
        }
    }
}

#[test]
fn the_invented_header_is_called_invented() {
    let printed = lines(&Provider::gympoint().into_any());
    let headers = printed.iter().find(|(name, ..)| name == "headers").unwrap();
    assert_eq!(headers.1, "x-gympoint-signature");
    assert!(headers.2.starts_with("our default: invented"), "{}", headers.2);
}

#[test]
fn both_of_pg_next_s_sentences_are_printed_with_the_switch() {
    let repeats = "In case of any error, Webhook request will be resend after 10 minutes. We will try to send that request for a total of 3 repeats.";
    let no_retry = "For any unsuccessful webhook deliveries there is no retry.";
    for (provider, switch, retries) in [
        (Provider::pg_next(), "Provider::pg_next_without_retries()", 3),
        (Provider::pg_next_without_retries(), "Provider::pg_next()", 0),
    ] {
        let printed = provider.to_string();
        assert!(
            printed.contains(repeats) && printed.contains(no_retry) && printed.contains(switch),
            "{printed}"
        );
        assert_eq!(provider.profile().retry.value.schedule().retries(), retries);
    }
}

#[test]
fn the_printed_profile_holds_everything_that_its_policy_does() {
    for provider in Provider::all() {
        let profile = provider.profile();
        let policy = profile.endpoint_policy();
        let printed = provider.to_string();
        assert_eq!(policy.breaker(), None, "a first attempt is never held back unasked");
        assert_eq!((policy.rate(), policy.is_ordered()), (None, false));
        for said in ["at most 8", "no rate limit, order not kept", "breaker         none"] {
            assert!(printed.contains(said), "{said}: {printed}");
        }
        assert_eq!(policy.max_in_flight().get(), 8);
        assert!(printed.contains(&policy.auto_disable().to_string()), "{printed}");
    }
}

#[test]
fn a_breaker_is_asked_for_by_name_and_printed() {
    let mut profile = Provider::perfectgym().profile().clone();
    profile.breaker = Setting::configured(Some(BreakerPolicy::default()));
    assert_eq!(profile.endpoint_policy().breaker(), Some(BreakerPolicy::default()));
    let said = "after 5 failed attempts in a row nothing is sent for 30 s, up to 2 min [configured]";
    assert!(profile.to_string().contains(said), "{profile}");
}

#[test]
fn the_attempt_timeout_is_one_value() {
    let retry = Setting::published(RetryPolicy::gympoint());
    let profile = Profile::new("https://acme.example/webhooks", retry)
        .with_attempt_timeout(Setting::configured(Duration::from_secs(7)));
    assert_eq!(profile.attempt_timeout(), Setting::configured(Duration::from_secs(7)));
    assert_eq!(profile.endpoint_policy().retry().attempt_timeout(), Duration::from_secs(7));
    let mut other = profile;
    other.retry.value = other.retry.value.with_attempt_timeout(Duration::from_secs(8));
    assert_eq!(other.attempt_timeout().value, Duration::from_secs(8));
}

#[test]
fn a_scheme_that_was_set_up_differently_is_printed_as_configured() {
    let scheme = BodyHmac::new(HeaderName::from_static("x-acme"));
    let provider = Provider::gympoint().into_any().with_scheme(scheme);
    let printed = lines(&provider);
    let headers = printed.iter().find(|(name, ..)| name == "headers").unwrap();
    assert_eq!((headers.1.as_str(), headers.2.as_str()), ("x-acme", "configured"));
}
