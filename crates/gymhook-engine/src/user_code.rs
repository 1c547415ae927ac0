//! Calls the user's code (store, transport, observer) so that a panic in it ends that call only: `call`, `run`,
//! `Place` and `Panicked`.

use core::any::Any;
use core::fmt;
use core::panic::AssertUnwindSafe;
use core::pin::pin;
use core::task::Poll;
use std::panic::catch_unwind;

use gymhook::text::one_line;

use crate::store::StoreError;
use crate::{SecretCipherError, telemetry};

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Handler,
    Observer,
    #[cfg(feature = "http")]
    Resolver,
    SecretCipher,
    Store,
    Transport,
    /// This crate's own.
    Worker,
}

impl Place {
    /// All of them.
    pub(crate) const ALL: &[Self] = &[
        Self::Handler,
        Self::Observer,
        #[cfg(feature = "http")]
        Self::Resolver,
        Self::SecretCipher,
        Self::Store,
        Self::Transport,
        Self::Worker,
    ];

    /// The label of the metric.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Observer => "observer",
            #[cfg(feature = "http")]
            Self::Resolver => "resolver",
            Self::SecretCipher => "cipher",
            Self::Store => "store",
            Self::Transport => "transport",
            Self::Worker => "worker",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A panic that was caught.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {place} panicked: {message}")]
pub(crate) struct Panicked {
    place: Place,
    message: String,
}

impl Panicked {
    /// Counts it and logs it.
    fn new(place: Place, payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = match (place, text) {
            (Place::SecretCipher, _) => "its message is not repeated, since it may hold a secret".to_owned(),
            (_, Some(text)) => one_line(text),
            (_, None) => "its message is no text".to_owned(),
        };
        quietly(|| telemetry::panicked(place, &message));
        Self { place, message }
    }
}

/// Nobody knows whether the call took effect.
impl From<Panicked> for StoreError {
    fn from(panicked: Panicked) -> Self {
        Self::Unavailable { problem: panicked.to_string() }
    }
}

impl From<Panicked> for SecretCipherError {
    fn from(panicked: Panicked) -> Self {
        Self { problem: panicked.to_string() }
    }
}

/// Logs or counts something where a panic would end more than a call: a subscriber that writes to a full disk panics, too.
pub(crate) fn quietly(log: impl FnOnce()) {
    // The panic cannot be logged: it was the logger that panicked.
    let _untold = catch_unwind(AssertUnwindSafe(log));
}

/// Calls a function.
///
/// What it has changed when it panics is the user's to keep whole: nothing of this crate is borrowed mutably meanwhile, but by
/// the worker's own code, which is not called again.
pub(crate) fn call<R>(place: Place, function: impl FnOnce() -> R) -> Result<R, Panicked> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|payload| Panicked::new(place, &*payload))
}

/// Makes a future and runs it to its end.
pub(crate) async fn run<F: Future>(place: Place, make: impl FnOnce() -> F) -> Result<F::Output, Panicked> {
    let mut future = pin!(call(place, make)?);
    core::future::poll_fn(|context| match call(place, || future.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_one_short_line() {
        let long = format!("a\r\nERROR forged {}", "x".repeat(1_000));
        let caught = call(Place::Handler, || panic!("{long}")).unwrap_err().to_string();
        assert!(caught.starts_with("the handler panicked: a\u{FFFD}\u{FFFD}ERROR forged xxx"), "{caught}");
        assert_eq!(caught.chars().count(), "the handler panicked: ".len() + 300);
        let caught = call(Place::Observer, || std::panic::panic_any(7)).unwrap_err();
        assert_eq!(caught.to_string(), "the observer panicked: its message is no text");
    }

    #[test]
    fn what_a_secret_cipher_says_is_not_repeated() {
        let caught = call(Place::SecretCipher, || panic!("the secret is hunter2")).unwrap_err().to_string();
        assert!(!caught.contains("hunter2"), "{caught}");
    }

    #[tokio::test]
    async fn a_future_that_panics_at_its_second_poll_is_caught() {
        let caught = run(Place::Store, || async {
            tokio::task::yield_now().await;
            panic!("late");
        })
        .await;
        assert_eq!(caught.unwrap_err().to_string(), "the store panicked: late");
        let caught = run(Place::Store, || -> core::future::Ready<()> { panic!("at once") }).await;
        assert_eq!(caught.unwrap_err().to_string(), "the store panicked: at once");
    }
}
