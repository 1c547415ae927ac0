//! Updates of one subscription, by engines that share nothing but the store.

use core::sync::atomic::{AtomicU8, Ordering};
use core::time::Duration;
use std::sync::Arc;

use gymhook::send::EndpointUrl;
use gymhook::signature::{Key, Keyring, Secret};
use gymhook_delivery::EndpointPolicy;
use gymhook_engine::store::Store;
use gymhook_engine::{EndpointId, Engine, SecretCipher, SecretCipherError, Subscription};
use gymhook_retry::{RetryPolicy, RetrySchedule};
use http::{HeaderName, HeaderValue};

const ENDPOINT: EndpointId = EndpointId::from_u128(1);
const ROUNDS: u32 = 40;

/// Encrypts equal secrets to different bytes each time, as a cipher with a nonce does.
#[derive(Debug, Default)]
struct Nonced(AtomicU8);

impl SecretCipher for Nonced {
    fn encrypt(&self, plain: &[u8], _context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        let nonce = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(core::iter::once(nonce).chain(plain.iter().map(|byte| byte ^ nonce)).collect())
    }

    fn decrypt(&self, encrypted: &[u8], _context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        let (nonce, rest) = encrypted.split_first().unwrap();
        Ok(rest.iter().map(|byte| byte ^ nonce).collect())
    }
}

pub(crate) fn subscription() -> Subscription {
    let keys = Keyring::single("key 0", Secret::new("secret 0").unwrap()).unwrap();
    let url = EndpointUrl::dangerous_without_rule("http://127.0.0.1:9/hook").unwrap();
    let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::never()));
    Subscription::new(ENDPOINT, "berlin", "point", url, Arc::new(keys), policy)
}

fn header(round: u32) -> HeaderName {
    format!("x-round-{round}").parse().unwrap()
}

/// Two processes change different fields of one subscription again and again, and one of them its keys: all of it is kept.
pub(crate) async fn nothing_is_lost<S: Store>(one: S, other: S) {
    let engine = |store| Engine::builder(store).secret_cipher(Nonced::default()).enqueue_only();
    let (one, other) = (engine(one), engine(other));
    one.put_subscription(&subscription()).await.unwrap();

    let labelling = tokio::spawn({
        let engine = one.clone();
        async move {
            for round in 0..ROUNDS {
                let longer = |held: Subscription| {
                    let label = format!("{}{round},", held.label());
                    held.with_label(label)
                };
                engine.update_subscription(ENDPOINT, longer).await.unwrap();
            }
        }
    });
    let heading = tokio::spawn(async move {
        for round in 0..ROUNDS {
            let more = |held: Subscription| {
                let mut headers = held.http().unwrap().headers().clone();
                headers.insert(header(round), HeaderValue::from(round));
                held.with_headers(headers)
            };
            other.update_subscription(ENDPOINT, more).await.unwrap();
        }
    });
    let rotating = tokio::spawn({
        let engine = one.clone();
        async move {
            for round in 1..=4 {
                let new = Key::new(format!("key {round}"), Secret::new(format!("secret {round}")).unwrap());
                engine.rotate_key(ENDPOINT, new, Duration::from_secs(3_600)).await.unwrap();
            }
        }
    });
    labelling.await.unwrap();
    heading.await.unwrap();
    rotating.await.unwrap();

    let held = one.subscription(ENDPOINT).await.unwrap().unwrap();
    let rounds: Vec<String> = (0..ROUNDS).map(|round| round.to_string()).collect();
    assert_eq!(held.label().split_terminator(',').collect::<Vec<_>>(), rounds);
    let headers = held.http().unwrap().headers();
    let missing: Vec<u32> = (0..ROUNDS).filter(|round| !headers.contains_key(header(*round))).collect();
    assert_eq!(missing, [0; 0]);
    let mut keys: Vec<&str> =
        held.http().unwrap().keys().unwrap().keys().map(|key| key.id().as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["key 0", "key 1", "key 2", "key 3", "key 4"]);
}
