//! The request, and what every contender makes of it.

use gymhook::event::{Notification, pg_next, point};
use gymhook::signature::{Keyring, Secret, StandardWebhooks};
use gymhook::{Provider, Receiver};
use http::HeaderMap;
use time::UtcDateTime;

use gymhook_benches::Outcome;
use gymhook_benches::request::{SECRET, padded};

/// A notification of Point in 300 bytes.
pub(crate) fn body() -> Vec<u8> {
    padded(
        *br#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1,"type":"RUNNING","start":"2026-01-01T12:00:00Z","end":"2026-01-01T12:40:00Z","distance":7400.5,"calories":512,"averageHeartRate":148,"steps":8200,"device":"watch"#,
    )
}

fn keyring() -> Outcome<Keyring> {
    Ok(Keyring::single("main", Secret::new(SECRET)?)?)
}

/// Point, as it signs.
pub(crate) fn point() -> Outcome<Receiver<point::Notification>> {
    Ok(Receiver::new(&Provider::point(), keyring()?)?)
}

/// The same payload, signed as Standard Webhooks asks for.
pub(crate) fn standard() -> Outcome<Receiver<point::Notification>> {
    Ok(Receiver::new(&Provider::point().with_scheme(StandardWebhooks::new()), keyring()?)?)
}

/// PG Next, for the inbox: its ids are in the body.
pub(crate) fn pg_next() -> Outcome<Receiver<pg_next::Notification>> {
    Ok(Receiver::new(&Provider::pg_next(), keyring()?)?)
}

/// The headers of a request of now.
pub(crate) fn sign<N: Notification>(receiver: &Receiver<N>, body: &[u8]) -> Outcome<HeaderMap> {
    Ok(receiver.verifier().signer().sign("msg_1", body, UtcDateTime::now())?)
}

/// What the hand-written glue holds.
pub(crate) fn reference() -> Outcome<standardwebhooks::Webhook> {
    Ok(standardwebhooks::Webhook::from_bytes(SECRET.into())?)
}
