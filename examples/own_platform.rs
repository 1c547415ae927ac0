//! My platform is not among the five: how do I add it?
//!
//! A name, a scheme, a payload type and a profile; nothing in the libraries changes. "Acme Gyms" signs its bodies in base64 under
//! `x-acme-signature` and reports turnstiles.
//!
//! `cargo run --example own_platform`

use std::error::Error;
use std::time::Duration;

use gymhook::event::{DedupeKey, Event, Kind, Notification, Subject, SubjectId, SubjectKind, Vendor, decode};
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook::signature::{BodyHmac, Encoding, Keyring, Secret};
use gymhook::{Profile, Provider, Receiver, ResponseCapture, Setting, UrlRule};
use gymhook_examples::or_dash;
use http::HeaderName;
use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use time::macros::utc_datetime;

const ACME: Vendor = Vendor::new("acme");

/// What Acme puts into the body of one request.
#[derive(Debug, Deserialize, Serialize)]
struct Turnstile {
    id: String,
    direction: String,
    member: i64,
    unix_seconds: i64,
}

/// The one reading across platforms, so that code for check-ins works for Acme, too.
impl Notification for Turnstile {
    fn vendor(&self) -> Vendor {
        ACME
    }

    fn event_count(&self) -> usize {
        1
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        let kind = match self.direction.as_str() {
            "in" => Kind::CheckIn,
            "out" => Kind::CheckOut,
            _ => Kind::Other,
        };
        let subject = Subject::new(SubjectKind::Member, Some(SubjectId::Number(self.member)));
        let event = Event::new(ACME, &self.direction, kind)
            .with_subject(subject)
            .with_occurred_at(UtcDateTime::from_unix_timestamp(self.unix_seconds).ok());
        (index == 0).then_some(event)
    }

    fn dedupe_key(&self) -> Option<DedupeKey> {
        Some(DedupeKey::Provided(self.id.clone()))
    }
}

fn acme() -> Provider<Turnstile> {
    let scheme = BodyHmac::new(HeaderName::from_static("x-acme-signature")).with_encoding(Encoding::Base64);
    let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_secs(60), 5));
    let mut profile = Profile::new("https://acme.example/webhooks", Setting::published(retry))
        .with_attempt_timeout(Setting::published(Duration::from_secs(10)));
    profile.url_rule = Setting::published(UrlRule::Https);
    profile.response_capture = Setting::configured(ResponseCapture::new(500));
    profile.digest_dedupe = Setting::published(None); // its `id` is the key
    Provider::new(ACME, scheme, decode, profile)
}

fn main() -> Result<(), Box<dyn Error>> {
    let provider = acme();
    println!("{provider}");

    let keyring = Keyring::single("acme-main", Secret::new("a secret that Acme showed once")?)?;
    let receiver = Receiver::new(&provider, keyring)?;
    let now = utc_datetime!(2026-01-01 12:00);

    // What Acme would send; `unix_seconds` is 2026-01-01T11:59:58Z.
    let body = r#"{"id":"acme-1","direction":"in","member":4711,"unix_seconds":1767268798}"#;
    let headers = receiver.verifier().signer().sign("", body.as_bytes(), now)?;

    let verified = receiver.receive(&headers, body, now)?.into_body_signed()?;
    let received = verified.value();
    for event in received.events() {
        println!(
            "{} of {} {} at {}",
            event.kind,
            event.subject.kind,
            or_dash(event.subject.id),
            or_dash(event.occurred_at)
        );
    }
    println!("typed: member {} went {}", received.notification().member, received.notification().direction);
    println!("dedupe key: {}", or_dash(received.dedupe_key()));
    println!("audit: {verified}");
    Ok(())
}
