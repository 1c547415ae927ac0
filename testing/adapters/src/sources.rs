//! The sources that the servers receive from, and the platforms' side of them.

use core::time::Duration;
use std::collections::BTreeMap;

use gymhook::event::{Vendor, pg_next, point};
use gymhook::signature::{Keyring, Secret, Signer};
use gymhook::{Provider, Receiver};
use gymhook_tower::WebhookSource;
use http::HeaderMap;
use time::UtcDateTime;

/// The secret of every platform; a canary, too, since it must be in no log.
pub const SECRET: &str = "canary-secret-5d1f0c";

/// The largest body that the sources accept, in bytes.
pub const MAX_BODY: usize = 4_096;

/// How long a body may take at `/slow`.
pub const READ_DEADLINE: Duration = Duration::from_millis(300);

/// What the servers of [`start`](crate::start) receive from. Their paths are beside them.
#[derive(Clone)]
pub struct Sources {
    /// `/any/{vendor}`: each platform as any.
    pub any: BTreeMap<&'static str, WebhookSource>,
    /// `/typed` and `/signed/pg-next`: PG Next in its own type.
    pub pg_next: WebhookSource<pg_next::Notification>,
    /// `/signed/point`: Point in its own type, with a signed body.
    pub point: WebhookSource<point::Notification>,
    /// `/slow`: Point, with a short deadline.
    pub slow: WebhookSource,
    /// `/probe`: Point, with GET and HEAD allowed.
    pub probe: WebhookSource,
    /// `/large`: Point, with bodies of up to 256 KiB.
    pub large: WebhookSource,
    /// `/panic`: Point, with a handler that panics.
    pub panic: WebhookSource,
}

impl Sources {
    /// With the one [`SECRET`].
    pub fn new() -> Self {
        let point = || receiver(&Provider::point().into_any());
        let any = Provider::all();
        Self {
            any: any.map(|provider| (provider.vendor().as_str(), receiver(&provider).into())).collect(),
            pg_next: receiver(&Provider::pg_next()).into(),
            point: receiver(&Provider::point()).into(),
            slow: WebhookSource::new(point()).with_read_deadline(READ_DEADLINE),
            probe: WebhookSource::new(point()).with_probes_allowed(),
            large: WebhookSource::new(point().with_max_body(256 * 1024)),
            panic: WebhookSource::new(point()),
        }
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self::new()
    }
}

fn receiver<N: gymhook::event::Notification>(provider: &Provider<N>) -> Receiver<N> {
    Receiver::new(provider, keyring(SECRET)).expect("a keyring for every scheme").with_max_body(MAX_BODY)
}

fn keyring(secret: &str) -> Keyring {
    Keyring::single("main", Secret::new(secret).expect("a secret")).expect("a keyring")
}

/// Signs as a platform does, with this secret.
pub fn signer(vendor: Vendor, secret: &str) -> Signer {
    Provider::of(vendor).expect("one of the five").signer(keyring(secret)).expect("a signer")
}

/// The headers of an honest request of now.
pub fn sign(vendor: Vendor, body: &[u8]) -> HeaderMap {
    sign_with(vendor, SECRET, body, UtcDateTime::now())
}

/// The headers that are made with this secret at this time.
pub fn sign_with(vendor: Vendor, secret: &str, body: &[u8], at: UtcDateTime) -> HeaderMap {
    signer(vendor, secret).sign("request-1", body, at).expect("headers")
}

/// A notification of Point of this length in bytes.
pub fn point_body(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#.to_vec();
    assert!(bytes >= body.len(), "a notification is longer than that");
    body.resize(bytes, b' ');
    body
}
