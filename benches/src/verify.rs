//! Verifying: each scheme against its floor, and against published crates that do the same job.
//!
//! A floor is the bare digest over the signed parts, as they arrive one by one, with the keyed state ready, plus decoding the
//! signature and comparing it: no header is looked for, no time is judged, nothing is said about what was proved.

use core::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use constant_time_eq::{constant_time_eq_16, constant_time_eq_32};
use gymhook::signature::{
    ApiKey, Key, Keyring, RequestIdMd5, Secret, SignatureScheme, StandardWebhooks, Verifier, vendor,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};
use sha2::Sha256;
use time::UtcDateTime;
use webhook_verify::{Provider, VerifyOptions};

use crate::request::{REQUEST_ID, SECRET, usual_headers};
use crate::{Goal, Group, Outcome};

const FLOOR: &str = "floor";
const FLOOR_WITH_LOOK_UPS: &str = "floor, headers found";
const GYMHOOK: &str = "gymhook";
const GYMHOOK_WITH_CLOCK: &str = "gymhook, clock read";

const SIZES: [usize; 4] = [300, 1024, 16 * 1024, 1024 * 1024];

/// Every scheme at every size, then one key against many.
pub fn groups() -> impl Iterator<Item = Outcome<Group>> {
    let schemes = [standard_webhooks, timestamped_hmac, body_hmac, request_id_md5, api_key];
    let sizes = schemes.into_iter().flat_map(|scheme| SIZES.into_iter().map(scheme));
    sizes.chain(core::iter::once_with(api_key_among_many))
}

fn standard_webhooks(size: usize) -> Outcome<Group> {
    let message = Message::signed_by(StandardWebhooks::new(), size)?;
    let id = message.header("webhook-id")?;
    let digits = message.header("webhook-timestamp")?;
    let encoded = message.header("webhook-signature")?.strip_prefix("v1,").ok_or("no v1")?.to_owned();
    let signed = [id.into(), b".".into(), digits.into(), b".".into(), message.body.clone()];

    let reference = standardwebhooks::Webhook::from_bytes(SECRET.into())?;
    let secret = webhook_verify::Secret::new(STANDARD.encode(SECRET));
    let (for_reference, for_peer) = (message.clone(), message.clone());
    let floor = floor_hmac(signed, move |tag| {
        let mut room = [0; 64];
        let written = STANDARD.decode_slice_unchecked(black_box(&encoded), &mut room);
        written == Ok(tag.len()) && room.first_chunk().is_some_and(|shown| constant_time_eq_32(tag, shown))
    })?;
    let headers =
        [StandardWebhooks::ID_HEADER, StandardWebhooks::TIMESTAMP_HEADER, StandardWebhooks::SIGNATURE_HEADER];
    message
        .group("Standard Webhooks", headers, floor)?
        .with_goals(GYMHOOK, &[at_most_the_floor(size)], Some(0), message.clone().verify())?
        .with_goals(GYMHOOK_WITH_CLOCK, &[], Some(0), message.verify_reading_the_clock())?
        .with_goals("standardwebhooks", &peer_goals(size, 5.0, GYMHOOK_WITH_CLOCK), None, move || {
            reference.verify(black_box(&for_reference.body), black_box(&for_reference.headers)).is_ok()
        })?
        .with_goals("webhook-verify", &peer_goals(size, 1.0, GYMHOOK_WITH_CLOCK), None, move || {
            for_peer.passes_webhook_verify(Provider::StandardWebhooks, &secret)
        })
}

fn timestamped_hmac(size: usize) -> Outcome<Group> {
    let message = Message::signed_by(vendor::point(), size)?;
    let value = message.header("point-signature")?;
    let (digits, encoded) =
        value.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).ok_or("no t and v1")?;
    let signed = [digits.into(), b".".into(), message.body.clone()];
    let headers = [HeaderName::from_static("point-signature")];
    message.group("Point", headers, floor_hmac(signed, hex_of_32(encoded))?)?.with_goals(
        GYMHOOK,
        &[at_most_the_floor(size)],
        Some(0),
        message.verify(),
    )
}

/// GymPoint's scheme under GitHub's header name, so that a crate without GymPoint can read the same message.
fn body_hmac(size: usize) -> Outcome<Group> {
    let header = HeaderName::from_static("x-hub-signature-256");
    let scheme = vendor::gympoint().with_header(header.clone()).with_prefix("sha256=");
    let message = Message::signed_by(scheme, size)?;
    let encoded =
        message.header("x-hub-signature-256")?.strip_prefix("sha256=").ok_or("no prefix")?.to_owned();
    let secret = webhook_verify::Secret::new(SECRET);
    let for_peer = message.clone();
    message
        .group("GymPoint", [header], floor_hmac([message.body.clone()], hex_of_32(&encoded))?)?
        .with_goals(GYMHOOK, &[at_most_the_floor(size)], Some(0), message.verify())?
        .with_goals("webhook-verify", &peer_goals(size, 1.0, GYMHOOK), None, move || {
            for_peer.passes_webhook_verify(Provider::GitHub, &secret)
        })
}

fn request_id_md5(size: usize) -> Outcome<Group> {
    let message = Message::signed_by(vendor::perfectgym(), size)?;
    let encoded = message.header("x-perfectgym-signature")?;
    let signed = [REQUEST_ID, ":", SECRET];
    let digested = signed.concat().len();
    let floor = move || {
        let mut md5 = Md5::new();
        for part in black_box(&signed) {
            md5.update(part);
        }
        let own: [u8; 16] = md5.finalize().into();
        const_hex::decode_to_array(black_box(&encoded)).is_ok_and(|shown| constant_time_eq_16(&own, &shown))
    };
    message.group("PerfectGym", [RequestIdMd5::ID_HEADER, RequestIdMd5::SIGNATURE_HEADER], floor)?.with_goals(
        GYMHOOK,
        &[at_most_the_floor(digested)],
        Some(0),
        message.verify(),
    )
}

/// The floor is one HMAC of the presented key, compared with the one known digest.
fn api_key(size: usize) -> Outcome<Group> {
    let message = Message::signed_by(vendor::pg_next(), size)?;
    let known: [u8; 32] = keyed()?.chain_update(SECRET).finalize().into_bytes().into();
    let floor = floor_hmac([SECRET.into()], move |tag| constant_time_eq_32(tag, black_box(&known)))?;
    message.group("PG Next, EGYM", [ApiKey::HEADER], floor)?.with_goals(
        GYMHOOK,
        &[at_most_the_floor(SECRET.len())],
        Some(0),
        message.verify(),
    )
}

/// A thousand requests in turn, as many different keys; they carry one header each, to leave the caches to the keys.
fn api_key_among_many() -> Outcome<Group> {
    const PRESENTED: usize = 1024;
    const KEYS: usize = 10_000;
    const ONE: &str = "1 key";
    let contender = |keys: usize| -> Outcome<_> {
        let secret = |number: usize| format!("{SECRET}-{number}");
        let keyring = (0..keys).map(|n| Ok(Key::new(format!("studio-{n}"), Secret::new(secret(n))?)));
        let verifier =
            Verifier::new(vendor::pg_next(), Keyring::new(keyring.collect::<Outcome<Vec<_>>>()?)?)?;
        let mut random = fastrand::Rng::with_seed(1);
        let requests = (0..PRESENTED).map(|_| {
            let value = HeaderValue::try_from(secret(random.usize(..keys)))?;
            Ok(HeaderMap::from_iter([(ApiKey::HEADER, value)]))
        });
        let requests = requests.collect::<Outcome<Vec<_>>>()?;
        let turn = core::cell::Cell::new(0);
        let now = UtcDateTime::now();
        Ok(move || {
            turn.set((turn.get() + 1) % PRESENTED);
            requests
                .get(turn.get())
                .is_some_and(|headers| black_box(&verifier.verify(headers, b"", now)).is_ok())
        })
    };
    Group::new("PG Next, EGYM: many keys", 0).with_goals(ONE, &[], Some(0), contender(1)?)?.with_goals(
        "10,000 keys",
        &[Goal::AtMost(1.5, ONE)],
        Some(0),
        contender(KEYS)?,
    )
}

/// The more bytes are digested, the less may anything else weigh.
fn at_most_the_floor(digested: usize) -> Goal {
    Goal::AtMost(if digested < 16 * 1024 { 1.15 } else { 1.02 }, FLOOR)
}

/// A published crate is hoped to take longer: at 1 KiB this multiple as long, elsewhere any longer.
fn peer_goals(size: usize, times_at_1_kib: f64, gymhook: &'static str) -> [Goal; 1] {
    [Goal::AtLeast(if size == 1024 { times_at_1_kib } else { 1.0 }, gymhook)]
}

fn keyed() -> Outcome<Hmac<Sha256>> {
    Ok(Hmac::new_from_slice(SECRET.as_bytes())?)
}

fn floor_hmac<const PARTS: usize>(
    signed: [Vec<u8>; PARTS],
    matches: impl Fn(&[u8; 32]) -> bool + Clone + 'static,
) -> Outcome<impl Fn() -> bool + Clone + 'static> {
    let keyed = keyed()?;
    Ok(move || {
        let mut mac = black_box(&keyed).clone();
        for part in black_box(&signed) {
            mac.update(part);
        }
        matches(&mac.finalize().into_bytes().into())
    })
}

fn hex_of_32(encoded: &str) -> impl Fn(&[u8; 32]) -> bool + Clone + use<> {
    let encoded = encoded.to_owned();
    move |tag| {
        const_hex::decode_to_array(black_box(&encoded)).is_ok_and(|shown| constant_time_eq_32(tag, &shown))
    }
}

/// A request as it arrived, and the one who judges it.
#[derive(Clone)]
struct Message {
    headers: HeaderMap,
    body: Vec<u8>,
    verifier: Verifier,
    now: UtcDateTime,
}

impl Message {
    fn signed_by(scheme: impl SignatureScheme + 'static, size: usize) -> Outcome<Self> {
        let verifier = Verifier::new(scheme, Keyring::single("2026-05", Secret::new(SECRET)?)?)?;
        let body = json_text(size);
        let now = UtcDateTime::now();
        let mut headers = usual_headers(size)?;
        headers.extend(verifier.signer().sign(REQUEST_ID, &body, now)?);
        Ok(Self { headers, body, verifier, now })
    }

    fn header(&self, name: &str) -> Outcome<String> {
        Ok(self.headers.get(name).ok_or("no such header")?.to_str()?.to_owned())
    }

    /// A group of the floor and, for small bodies, of what nobody can do without who starts from a request: the floor, once
    /// the headers are found by their names.
    fn group<const N: usize>(
        &self,
        name: &'static str,
        wanted: [HeaderName; N],
        floor: impl Fn() -> bool + Clone + 'static,
    ) -> Outcome<Group> {
        let group = Group::new(name, self.body.len()).with(FLOOR, floor.clone())?;
        if self.body.len() > 1024 {
            return Ok(group);
        }
        let headers = self.headers.clone();
        group.with(FLOOR_WITH_LOOK_UPS, move || {
            wanted.iter().all(|name| black_box(black_box(&headers).get(name)).is_some()) && floor()
        })
    }

    fn verify(self) -> impl Fn() -> bool {
        move || {
            let Self { headers, body, verifier, now } = black_box(&self);
            black_box(&verifier.verify(headers, body, *now)).is_ok()
        }
    }

    fn verify_reading_the_clock(self) -> impl Fn() -> bool {
        move || {
            let Self { headers, body, verifier, now: _ } = black_box(&self);
            black_box(&verifier.verify(headers, body, UtcDateTime::now())).is_ok()
        }
    }

    fn passes_webhook_verify(&self, provider: Provider, secret: &webhook_verify::Secret) -> bool {
        let Self { headers, body, .. } = black_box(self);
        webhook_verify::verify(provider, headers, body, secret, VerifyOptions::default()).is_ok()
    }
}

/// A JSON string of exactly this length in bytes.
fn json_text(size: usize) -> Vec<u8> {
    let mut text = vec![b'x'; size];
    if let [first, .., last] = text.as_mut_slice() {
        (*first, *last) = (b'"', b'"');
    }
    text
}
