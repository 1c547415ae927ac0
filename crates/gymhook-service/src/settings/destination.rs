//! `Destination`, an application that incoming webhooks are forwarded to, and the `Form` in which it gets them.

use core::time::Duration;
use std::sync::Arc;

use gymhook::event::Kind;
use gymhook::signature::Keyring;

/// Where incoming webhooks are passed on to: an application of the operator's.
///
/// Each request is signed as Standard Webhooks, and by default retried as that specification recommends: ten attempts over three
/// days, each of up to 15 s. A destination that has failed for 5 days, without a success in between, is disabled (our default), and what
/// waits for it is kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Destination {
    /// Its name: up to 64 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// Where it listens. Plain `http` is allowed to [networks that are named](crate::Settings::destination_networks).
    pub url: String,
    /// The Standard Webhooks secrets that its requests are signed with.
    pub keys: Arc<Keyring>,
    /// What it gets.
    pub form: Form,
    /// From which sources; from all if empty.
    pub sources: Vec<String>,
    /// Of which studios, by the tenants or the ids of the keys that vouched for them; of all if empty.
    pub studios: Vec<String>,
    /// Events of which kinds; of all if empty.
    pub kinds: Vec<Kind>,
    /// How long to wait after each failed attempt: one retry for each delay, up to 100, in whole seconds from 1 s to 30 days, and no
    /// retry if it is empty. `None` for what the specification recommends.
    pub retry_delays: Option<Vec<Duration>>,
    /// How long an attempt may take, in whole seconds from 1 s to 2 min. `None` for 15 s, the shortest that the specification
    /// recommends.
    pub attempt_timeout: Option<Duration>,
}

impl Destination {
    /// A destination that gets everything, as CloudEvents.
    #[must_use]
    pub fn new(name: impl Into<String>, url: impl Into<String>, keys: impl Into<Arc<Keyring>>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            keys: keys.into(),
            form: Form::CloudEvents,
            sources: Vec::new(),
            studios: Vec::new(),
            kinds: Vec::new(),
            retry_delays: None,
            attempt_timeout: None,
        }
    }
}

/// In which form a destination gets what came in.
///
/// Exhaustive on purpose: whoever sets up a destination decides between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A [CloudEvent](gymhook::cloud_event::CloudEvent) for each event: the one reading, with what was proved.
    #[default]
    CloudEvents,
    /// The body as it came in, with what was proved in headers: `gymhook-platform`, `gymhook-source`, `gymhook-id`, `gymhook-key`,
    /// and `gymhook-proved`, which names `sender`, `body`, `time` and `id`, as far as they were proved.
    ///
    /// The signature covers the body and not these headers: the connection protects them.
    Original,
}

impl Form {
    /// Its name in configuration and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CloudEvents => "cloudevents",
            Self::Original => "original",
        }
    }

    /// The form with this name.
    ///
    /// ```
    /// use gymhook_service::Form;
    ///
    /// assert_eq!(Form::from_name("original"), Some(Form::Original));
    /// assert_eq!(Form::from_name("xml"), None);
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::CloudEvents, Self::Original].into_iter().find(|form| form.as_str() == name)
    }
}
