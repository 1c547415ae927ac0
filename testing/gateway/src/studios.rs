//! The studios of all platforms, with their keys; and what each sends.

use gymhook::event::Vendor;
use gymhook::signature::{Key, Keyring, Secret, Signer};
use gymhook::{Provider, Receiver};

use crate::Failure;

/// The platforms, each of which is one source of the gateway.
pub const PLATFORMS: [Vendor; 5] =
    [Vendor::GYMPOINT, Vendor::EGYM, Vendor::PERFECTGYM, Vendor::PG_NEXT, Vendor::POINT];

/// The studios, each of which has a key at every platform.
pub const STUDIOS: [&str; 3] = ["berlin", "hamburg", "köln süd"];

/// What stands for a studio where an event is published through the gateway's API.
pub const PUBLISHED: &str = "published";

/// An event that a request has, by the vendor's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventType {
    /// The vendor's spelling.
    pub name: &'static str,
    /// Whether it is a check-in, as the vendor's documentation says.
    pub is_check_in: bool,
}

/// What a platform sends.
#[derive(Clone, Debug)]
pub struct Body {
    /// The bytes.
    pub text: String,
    /// The events in it.
    pub events: &'static [EventType],
    /// Whether the gateway can tell a repeat of it from another one: by an id, or because equal bodies are one event.
    pub tells_repeats: bool,
}

const fn event(name: &'static str) -> EventType {
    EventType { name, is_check_in: false }
}

const fn check_in(name: &'static str) -> EventType {
    EventType { name, is_check_in: true }
}

/// What stands for the request with this number in its body, so that it is found again in whatever is made of it.
#[must_use]
pub fn mark(number: u64) -> String {
    format!("request-{number:08}-mark")
}

/// The number of the request whose mark is in this text.
#[must_use]
pub fn marked(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("request-")?;
    let (number, rest) = rest.split_at_checked(8)?;
    rest.starts_with("-mark").then(|| number.parse().ok()).flatten()
}

/// What is posted to the API to publish the event with this number, whose data names its type as a receiver reads it.
#[must_use]
pub fn published(number: u64) -> Body {
    let mark = mark(number);
    Body {
        text: format!(
            r#"{{"gym":"berlin","type":"class.booked","data":{{"type":"class.booked","of":"{mark}"}}}}"#
        ),
        events: const { &[event("class.booked")] },
        tells_repeats: true,
    }
}

/// The body of the request with this number.
#[must_use]
pub fn body(platform: Vendor, number: u64) -> Body {
    let (mark, at) = (mark(number), 1_764_885_600_000 + number);
    if platform == Vendor::GYMPOINT {
        // Two check-ins may have equal bodies: a repeat is another check-in for all that anybody knows.
        if number.is_multiple_of(3) {
            return Body {
                text: format!(
                    r#"{{"event":"checkin.created","data":{{"memberId":"{mark}","location":"Main Street"}}}}"#
                ),
                events: const { &[check_in("checkin.created")] },
                tells_repeats: false,
            };
        }
        return Body {
            text: format!(r#"{{"event":"member.created","data":{{"id":"{mark}","firstName":"Ada"}}}}"#),
            events: const { &[event("member.created")] },
            tells_repeats: true,
        };
    }
    let (text, events): (_, &[EventType]) = if platform == Vendor::EGYM {
        (
            format!(r#"{{"accountId":"{mark}","timestamp":{at},"type":"GYM_CHECKIN"}}"#),
            const { &[check_in("GYM_CHECKIN")] },
        )
    } else if platform == Vendor::PERFECTGYM {
        (
            format!(
                r#"{{"event":"ContractCreated","triggeredDate":"2025-09-02T09:12:31Z","data":{{"userId":{number},"contractId":30771,"paymentPlanName":"{mark}"}}}}"#
            ),
            const { &[event("ContractCreated")] },
        )
    } else if platform == Vendor::PG_NEXT {
        // Both events have to arrive, and each names the request.
        (
            format!(
                r#"{{"entityId":{number},"uuid":"{mark}","payload":[{{"timestamp":{at},"type":"CUSTOMER_CHECKIN","content":{{"of":"{mark}"}}}},{{"timestamp":{at},"type":"CUSTOMER_CREATED","content":{{"of":"{mark}"}}}}]}}"#
            ),
            const { &[check_in("CUSTOMER_CHECKIN"), event("CUSTOMER_CREATED")] },
        )
    } else {
        (
            format!(
                r#"{{"eventType":"workout.created","userId":"{mark}","clientId":"c-1","payload":[{{"id":{number},"activityName":"{mark}"}}]}}"#
            ),
            const { &[event("workout.created")] },
        )
    };
    Body { text, events, tells_repeats: true }
}

/// A key of this studio at this platform.
fn key(platform: Vendor, studio: &str) -> Result<Key, Failure> {
    // A secret is sent in a header by some platforms, and a studio's name may be any text.
    let digest = gymhook_crash_tests::wire::digest(studio.as_bytes());
    Ok(Key::new(studio, Secret::new(format!("{platform}-{digest:016x}-0d3f7c1a95b84e62a7f0c3d8e1b64925"))?))
}

/// Signs as this platform does for this studio; with a key that nobody has if it is forged.
///
/// # Errors
/// The key is not one of the platform's.
pub fn signer(platform: Vendor, studio: &str, is_forged: bool) -> Result<Signer, Failure> {
    let key = if is_forged { key(platform, "nobody's")? } else { key(platform, studio)? };
    let provider: Provider = Provider::of(platform).ok_or("a platform without a profile")?;
    Ok(provider.signer(Keyring::new([key])?)?)
}

/// Receives for all studios of this platform.
///
/// # Errors
/// The keys are not the platform's.
pub fn receiver(platform: Vendor) -> Result<Receiver, Failure> {
    let provider = Provider::of(platform).ok_or("a platform without a profile")?;
    let keys: Result<Vec<Key>, Failure> = STUDIOS.iter().map(|studio| key(platform, studio)).collect();
    Ok(Receiver::new(&provider, Keyring::new(keys?)?)?)
}

#[cfg(test)]
mod tests {
    use gymhook::event::Kind;
    use time::UtcDateTime;

    use super::*;

    /// What the table above says of events, as the receiver reads them.
    #[test]
    fn every_body_is_read_as_its_platform_means_it() {
        for platform in PLATFORMS {
            for number in [3, 4] {
                let body = body(platform, number);
                assert_eq!(marked(&body.text), Some(number));
                let now = UtcDateTime::now();
                let signer = signer(platform, "berlin", false).unwrap();
                let headers = signer.sign(&mark(number), body.text.as_bytes(), now).unwrap();
                let verified = receiver(platform).unwrap().receive(&headers, body.text.clone(), now).unwrap();
                let read: Vec<_> = verified
                    .value()
                    .events()
                    .map(|event| (event.event_type.to_owned(), event.kind == Kind::CheckIn))
                    .collect();
                let meant: Vec<_> =
                    body.events.iter().map(|event| (event.name.to_owned(), event.is_check_in)).collect();
                assert_eq!(read, meant, "{platform}");
                let told =
                    verified.value().dedupe_key().is_some() || verified.value().repeat_window().is_some();
                assert_eq!(told, body.tells_repeats, "{platform}");
            }
        }
    }

    #[test]
    fn a_forged_request_is_nobody_s() {
        for platform in PLATFORMS {
            let body = body(platform, 1);
            let now = UtcDateTime::now();
            let headers =
                signer(platform, "berlin", true).unwrap().sign("1", body.text.as_bytes(), now).unwrap();
            assert!(receiver(platform).unwrap().receive(&headers, body.text, now).is_err(), "{platform}");
        }
    }
}
