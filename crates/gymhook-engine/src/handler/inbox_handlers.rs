//! `InboxHandlers`: handlers of several platforms behind one transport, chosen by the vendor of an item.

use core::fmt;
use core::pin::Pin;
use std::collections::BTreeMap;
use std::sync::Arc;

use gymhook::event::Notification;
use gymhook::signature::{Strength, Verified};
use gymhook::{PlatformNotification, Provider, Received, Unverified};

use super::{Handled, InboxHandler, answer_to};
use crate::store::NewNotification;
use crate::{Answer, Direction, HandlerError, InboxItem, Sending, Transport};

/// Delivers to handlers by the platform that sent an item: with it, an engine handles what [inboxes](crate::Inbox) accept.
///
/// ```
/// use gymhook::event::{AnyNotification, pg_next, point};
/// use gymhook::signature::{BodySigned, Verified};
/// use gymhook::Received;
/// use gymhook_engine::store::{Store, StoreError};
/// use gymhook_engine::{Engine, EngineBuilder, HandlerError, InboxHandlers, InboxItem};
///
/// async fn check_in(hook: Verified<Received<pg_next::Notification>>, _: InboxItem) -> Result<(), HandlerError> {
///     println!("studio {}: {:?}", hook.proof().key(), hook.value().notification());
///     Ok(())
/// }
///
/// // Asks for a signed body: what only its sender vouches for is rejected and does not get here.
/// async fn workout(
///     hook: Verified<Received<point::Notification>, BodySigned>,
///     _: InboxItem,
/// ) -> Result<(), HandlerError> {
///     println!("{:?}", hook.value().notification());
///     Ok(())
/// }
///
/// async fn others(hook: Verified<Received<AnyNotification>>, _: InboxItem) -> Result<(), HandlerError> {
///     for event in hook.value().events() {
///         println!("{} from {}", event.kind, event.vendor);
///     }
///     Ok(())
/// }
///
/// async fn start<S: Store>(builder: EngineBuilder<S>) -> Result<Engine<S>, StoreError> {
///     builder.start(InboxHandlers::new().on(check_in).on(workout).on(others)).await
/// }
/// ```
///
/// A handler of one platform comes before one of all, whichever was named first; of two for the same the last one counts.
///
/// # What happens to what no handler takes
///
/// Nothing is lost: every item is in the store until it is purged, and can be [redelivered](crate::Engine::redeliver).
///
/// | an item | is |
/// |---|---|
/// | that a handler did, or failed on | what the handler said |
/// | of a platform without a handler, or without a proof and without a handler for that | retried, since a deployment may bring the handler, and in the end undeliverable |
/// | whose body is not signed, for a handler that asks for that | undeliverable at once |
/// | whose body this version cannot read | undeliverable at once |
#[derive(Clone, Default)]
pub struct InboxHandlers {
    proved: ByVendor,
    unproved: ByVendor,
    otherwise: Option<Handle>,
}

type Handling = Pin<Box<dyn Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send>>;
/// A handler that is kept.
pub(crate) type Handle = Arc<dyn Fn(InboxItem) -> Handling + Send + Sync>;

#[derive(Clone, Default)]
struct ByVendor {
    /// Handlers of one platform each.
    own: BTreeMap<&'static str, Handle>,
    /// Those of handlers of several.
    shared: BTreeMap<&'static str, Handle>,
}

impl InboxHandlers {
    /// No handlers yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls this for every item that was proved and is of one of the type's platforms.
    #[must_use]
    pub fn on<N: PlatformNotification, P: Strength>(mut self, handler: impl InboxHandler<N, P>) -> Self {
        let call = calling(handler);
        self.proved.insert(N::providers(), |provider| typed(provider, call.clone()));
        self
    }

    /// As [`InboxHandlers::on`], for a handler that passes on: what it returns is enqueued in the transaction that records that the
    /// item was handled. See [`HandlerTransport::passing_on`](crate::HandlerTransport::passing_on).
    ///
    /// ```
    /// use gymhook::event::AnyNotification;
    /// use gymhook::signature::Verified;
    /// use gymhook::Received;
    /// use gymhook_engine::store::SqliteStore;
    /// use gymhook_engine::{Engine, HandlerError, InboxHandlers, InboxItem, Publication};
    ///
    /// type Hook = Verified<Received<AnyNotification>>;
    ///
    /// /// One notification a gym for each thing that happened there.
    /// fn handlers(sender: Engine<SqliteStore>) -> InboxHandlers {
    ///     InboxHandlers::new().pass_on(move |hook: Hook, item: InboxItem| {
    ///         let sender = sender.clone();
    ///         async move {
    ///             let mut follow_ups = Vec::new();
    ///             for (position, event) in hook.value().events().enumerate() {
    ///                 let id = format!("{}:{position}", item.delivery());
    ///                 let body = format!("{{\"kind\":\"{}\"}}", event.kind);
    ///                 let event = Publication::new("standard-webhooks", event.event_type, body);
    ///                 let new = sender.fan_out("my-application", &id, &event).await;
    ///                 follow_ups.extend(new.map_err(|error| HandlerError::retry(error.to_string()))?);
    ///             }
    ///             Ok(follow_ups)
    ///         }
    ///     })
    /// }
    /// # let _ = handlers;
    /// ```
    #[must_use]
    pub fn pass_on<N, P, F, R>(self, handler: F) -> Self
    where
        N: PlatformNotification,
        P: Strength,
        F: Fn(Verified<Received<N>, P>, InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send + 'static,
    {
        self.pass_on_of(N::providers(), handler)
    }

    /// As [`InboxHandlers::pass_on`], for a platform whose notification type does not say which it is.
    #[must_use]
    pub fn pass_on_as<N, P, F, R>(self, provider: &Provider<N>, handler: F) -> Self
    where
        N: Notification,
        P: Strength,
        F: Fn(Verified<Received<N>, P>, InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send + 'static,
    {
        self.pass_on_of([provider.clone()], handler)
    }

    fn pass_on_of<N, P, F, R>(mut self, providers: impl IntoIterator<Item = Provider<N>>, handler: F) -> Self
    where
        N: Notification,
        P: Strength,
        F: Fn(Verified<Received<N>, P>, InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.proved.insert(providers, |provider| {
            let handler = Arc::clone(&handler);
            typed(provider, move |hook, item| boxed(handler(hook, item)))
        });
        self
    }

    /// As [`InboxHandlers::on`], for a platform whose notification type does not say which it is.
    #[must_use]
    pub fn on_as<N: Notification, P: Strength>(
        mut self,
        provider: &Provider<N>,
        handler: impl InboxHandler<N, P>,
    ) -> Self {
        let call = calling(handler);
        self.proved.insert([provider.clone()], |provider| typed(provider, call.clone()));
        self
    }

    /// Calls this for every item that was accepted [without a proof](crate::Inbox::dangerous_accept_unsigned) and is of one of
    /// the type's platforms.
    #[must_use]
    pub fn dangerous_on_unverified<N, F, R>(self, handler: F) -> Self
    where
        N: PlatformNotification,
        F: Fn(Unverified<Received<N>>, InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        self.unverified(handler)
    }

    /// The same for a handler that [passes on](InboxHandlers::pass_on).
    #[must_use]
    pub fn dangerous_pass_on_unverified<N, F, R>(self, handler: F) -> Self
    where
        N: PlatformNotification,
        F: Fn(Unverified<Received<N>>, InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send + 'static,
    {
        self.unverified(handler)
    }

    fn unverified<N, F, R, H>(mut self, handler: F) -> Self
    where
        N: PlatformNotification,
        F: Fn(Unverified<Received<N>>, InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<H, HandlerError>> + Send + 'static,
        H: Handled,
    {
        let handler = Arc::new(handler);
        self.unproved.insert(N::providers(), |provider| {
            let handler = Arc::clone(&handler);
            Arc::new(move |item| match item.dangerous_read_unverified_as(&provider) {
                Ok(received) => boxed(handler(received, item)),
                Err(error) => Box::pin(core::future::ready(Err(error.into()))),
            })
        });
        self
    }

    /// Calls this for every item that none of the others is for.
    #[must_use]
    pub fn otherwise<F, R>(self, handler: F) -> Self
    where
        F: Fn(InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Self { otherwise: Some(Arc::new(move |item| boxed(handler(item)))), ..self }
    }

    /// The same for a handler that [passes on](InboxHandlers::pass_on).
    #[must_use]
    pub fn pass_on_otherwise<F, R>(self, handler: F) -> Self
    where
        F: Fn(InboxItem) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<NewNotification>, HandlerError>> + Send + 'static,
    {
        Self { otherwise: Some(Arc::new(move |item| boxed(handler(item)))), ..self }
    }

    fn handler_of(&self, item: &InboxItem) -> Result<&Handle, HandlerError> {
        let is_proved = item.proof().is_some();
        let found = if is_proved { &self.proved } else { &self.unproved }.find(item.vendor());
        found.or(self.otherwise.as_ref()).ok_or_else(|| {
            let vendor = item.vendor().unwrap_or("a platform that is not known");
            let (what, how) =
                if is_proved { ("", "on") } else { (" without a proof", "dangerous_on_unverified") };
            HandlerError::retry(format!(
                "no handler for a notification of {vendor}{what}: add one with InboxHandlers::{how}"
            ))
        })
    }
}

impl ByVendor {
    fn insert<N: Notification>(
        &mut self,
        providers: impl IntoIterator<Item = Provider<N>>,
        handle: impl Fn(Provider<N>) -> Handle,
    ) {
        let all: Vec<_> = providers.into_iter().map(|it| (it.vendor().as_str(), handle(it))).collect();
        let into = if all.len() == 1 { &mut self.own } else { &mut self.shared };
        into.extend(all);
    }

    /// Where the platform is not known, the only handler of one platform: whoever has one inbox has one platform.
    fn find(&self, vendor: Option<&str>) -> Option<&Handle> {
        match vendor {
            Some(vendor) => self.own.get(vendor).or_else(|| self.shared.get(vendor)),
            None => self.own.values().next().filter(|_| self.own.len() == 1),
        }
    }
}

fn boxed<H: Handled>(handling: impl Future<Output = Result<H, HandlerError>> + Send + 'static) -> Handling {
    Box::pin(async move { handling.await.map(H::follow_ups) })
}

/// A handler as a function that keeps it.
fn calling<N: Notification, P: Strength>(
    handler: impl InboxHandler<N, P>,
) -> impl Fn(Verified<Received<N>, P>, InboxItem) -> Handling + Clone + Send + Sync + 'static {
    let handler = Arc::new(handler);
    move |hook, item| {
        let handler = Arc::clone(&handler);
        boxed(async move { handler.handle(hook, item).await })
    }
}

/// A handler with the reading before it.
fn typed<N, P, F>(provider: Provider<N>, handler: F) -> Handle
where
    N: Notification,
    P: Strength,
    F: Fn(Verified<Received<N>, P>, InboxItem) -> Handling + Send + Sync + 'static,
{
    Arc::new(move |item| {
        let hook = match item.read_as(&provider).map(P::of) {
            Ok(Ok(hook)) => hook,
            Ok(Err(not_signed)) => {
                return Box::pin(core::future::ready(Err(HandlerError::reject(not_signed.to_string()))));
            }
            Err(error) => return Box::pin(core::future::ready(Err(error.into()))),
        };
        handler(hook, item)
    })
}

impl Transport for InboxHandlers {
    async fn send(&self, sending: Sending) -> Answer {
        let item = sending.into_item();
        answer_to(match self.handler_of(&item) {
            Ok(handle) => handle(item).await,
            Err(error) => Err(error),
        })
    }

    fn direction(&self) -> Direction {
        Direction::Incoming
    }
}

/// `Debug` shows the platforms that have a handler.
impl fmt::Debug for InboxHandlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vendors = |of: &ByVendor| of.own.keys().chain(of.shared.keys()).copied().collect::<Vec<_>>();
        f.debug_struct("InboxHandlers")
            .field("proved", &vendors(&self.proved))
            .field("unproved", &vendors(&self.unproved))
            .field("otherwise", &self.otherwise.is_some())
            .finish()
    }
}
