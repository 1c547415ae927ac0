//! What an inbox has accepted reaches its handler typed, with the proof that it had, and with no stronger one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "a test fails by panicking"
)]

mod scripted;

use core::time::Duration;
use std::sync::{Arc, Mutex};

use gymhook::event::{AnyNotification, DedupeKey, Event, Kind, Notification, Vendor, decode};
use gymhook::event::{egym, gympoint, perfectgym, pg_next, point};
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook::signature::{
    AsProved, BodyHmac, BodySigned, Keyring, NotBodySigned, Secret, TimeAssurance, Verified,
};
use gymhook::{PlatformNotification, Profile, Provider, ReadError, Received, Receiver, Setting, Unverified};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::store::{AttemptQuery, NewNotification, State, Store};
use gymhook_engine::{
    Accepted, DeliveryId, EndpointId, Engine, HandlerError, HandlerTransport, Inbox, InboxHandlers,
    InboxItem, ReadItemError, Transport,
};
use http::{HeaderMap, HeaderName};
use scripted::until;
use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use time::macros::utc_datetime;

const NOW: UtcDateTime = utc_datetime!(2026-01-01 12:00);
const REQUEST_ID: &str = "4f1c8a52-0d0e-4a3e-9b1d-6a0a3a5f7c11";

const CHECK_IN: &str = r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f","payload":[{"timestamp":1642778725876,"type":"CUSTOMER_CHECKIN"}]}"#;
const WORKOUT: &str = r#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#;
const CONTRACT: &str = r#"{"event":"ContractCreated","triggeredDate":"2026-01-01T12:00:00Z","data":{"contractId":30771,"userId":5120}}"#;
const PAYMENT: &str = r#"{"event":"payment.failed","data":{"member":17}}"#;
/// Refused, unless a receiver is told to let it pass.
const TWICE: &str = r#"{"event":"payment.failed","data":{"amount":1,"amount":2}}"#;

fn keys() -> Keyring {
    Keyring::single("berlin", Secret::new("a secret of 128 random bits").unwrap()).unwrap()
}

/// A body as its platform sends it, received.
fn received<N: Notification>(provider: &Provider<N>, body: &'static str) -> Verified<Received<N>> {
    let headers = provider.signer(keys()).unwrap().sign(REQUEST_ID, body.as_bytes(), NOW).unwrap();
    Receiver::new(provider, keys()).unwrap().receive(&headers, body, NOW).unwrap()
}

fn id() -> EndpointId {
    EndpointId::from_u128(1)
}

/// An inbox, and an engine that handles it like this.
struct Setup {
    store: MemoryStore,
    inbox: Inbox<MemoryStore>,
}

impl Setup {
    async fn new(transport: impl Transport) -> Self {
        let store = MemoryStore::with_system_clock();
        let engine = Engine::builder(store.clone()).poll_interval(Duration::from_millis(20));
        let inbox =
            Inbox::open(engine.start(transport).await.unwrap(), id(), "", Inbox::policy()).await.unwrap();
        Self { store, inbox }
    }

    async fn accept<N: Notification, P: Sync>(&self, verified: &Verified<Received<N>, P>) -> DeliveryId {
        match self.inbox.accept(verified).await.unwrap() {
            Accepted::New { delivery, .. } => delivery,
            Accepted::Duplicate { delivery, .. } => panic!("{delivery} is new"),
        }
    }

    async fn until_state(&self, delivery: DeliveryId, state: State) {
        let row = || async { self.store.delivery(delivery).await.unwrap().unwrap() };
        until(state.as_str(), || async { row().await.state == state }).await;
    }

    /// What the first attempt left in the log.
    async fn first_attempt(&self, delivery: DeliveryId) -> (Option<u16>, String) {
        let attempts = async || self.store.attempts(AttemptQuery::new(delivery, 9)).await.unwrap().items;
        until("an attempt", || async { !attempts().await.is_empty() }).await;
        let attempts = attempts().await;
        (attempts[0].status, attempts[0].detail.clone().unwrap_or_default())
    }
}

/// What comes out of an inbox for what `put` puts in.
async fn through(put: impl AsyncFnOnce(&Setup)) -> InboxItem {
    let items: Arc<Mutex<Vec<InboxItem>>> = Arc::default();
    let taken = Arc::clone(&items);
    let setup = Setup::new(HandlerTransport::new(move |item: InboxItem| {
        taken.lock().unwrap().push(item);
        async { Ok(()) }
    }))
    .await;
    put(&setup).await;
    until("it is handled", || async { !items.lock().unwrap().is_empty() }).await;
    setup.inbox.engine().shutdown().await;
    let item = items.lock().unwrap().pop().unwrap();
    let row = setup.store.delivery(item.delivery()).await.unwrap().unwrap();
    assert_eq!(item.received_at(), row.enqueued_at);
    item
}

async fn item_of<N: Notification>(verified: &Verified<Received<N>>) -> InboxItem {
    through(async |setup| _ = setup.accept(verified).await).await
}

/// Whole: nothing that was known when it came in is lost on the way.
async fn comes_out_as_it_went_in<N: PlatformNotification + PartialEq>(
    provider: Provider<N>,
    body: &'static str,
) {
    let verified = received(&provider, body);
    let item = item_of(&verified).await;
    let read = item.read::<N>().unwrap();
    assert_eq!(read.proof(), verified.proof());
    assert_eq!(read.value().body(), verified.value().body());
    assert_eq!(read.value().identity(), verified.value().identity());
    assert_eq!(read.value().dedupe_key(), verified.value().dedupe_key());
    assert_eq!(read.value().repeat_window(), verified.value().repeat_window());
    assert_eq!(read.value().notification(), verified.value().notification());
    assert_eq!((item.vendor(), item.key()), (Some(provider.vendor().as_str()), Some(verified.proof().key())));

    let any = item.read::<AnyNotification>().unwrap();
    assert_eq!((any.proof(), any.value().vendor()), (verified.proof(), provider.vendor()));
    assert_eq!(read.into_body_signed().is_ok(), verified.into_body_signed().is_ok(), "{}", provider.vendor());
}

#[tokio::test]
async fn a_notification_comes_out_with_its_type_and_its_proof() {
    comes_out_as_it_went_in(Provider::gympoint(), PAYMENT).await;
    comes_out_as_it_went_in(Provider::egym(), r#"{"type":"TEST"}"#).await;
    comes_out_as_it_went_in(Provider::perfectgym(), CONTRACT).await;
    comes_out_as_it_went_in(Provider::pg_next(), CHECK_IN).await;
    comes_out_as_it_went_in(Provider::point(), WORKOUT).await;
}

#[tokio::test]
async fn a_proof_that_does_not_cover_the_body_does_not_cover_it_later() {
    let verified = received(&Provider::perfectgym(), CONTRACT);
    let NotBodySigned(sender_only) = verified.into_body_signed().unwrap_err();
    // Whoever accepted it had a reason, which the handler does not know.
    let accepted: Verified<_, BodySigned> = sender_only.dangerous_accept_unsigned_body("a test");
    let item = through(async |setup| _ = setup.accept(&accepted).await).await;
    let read = item.read::<perfectgym::Notification>().unwrap();
    assert_eq!(read.proof(), accepted.proof());
    let NotBodySigned(again) = read.into_body_signed().unwrap_err();
    assert_eq!(again.value().events().count(), 1);
}

#[tokio::test]
async fn all_types_of_a_notification_are_there_each_once() {
    let body = r#"{"entityId":7,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f","payload":[
        {"timestamp":1,"type":"CUSTOMER_UPDATED"},{"timestamp":2,"type":"NEWER_THAN_THIS"},
        {"timestamp":3,"type":"CUSTOMER_UPDATED"},{"timestamp":4,"type":"CUSTOMER_CHECKIN"}]}"#;
    let item = item_of(&received(&Provider::pg_next(), body)).await;
    assert_eq!(item.event_types(), ["CUSTOMER_UPDATED", "NEWER_THAN_THIS", "CUSTOMER_CHECKIN"]);
    assert_eq!(item.read::<pg_next::Notification>().unwrap().value().events().count(), 4);
}

#[tokio::test]
async fn another_platform_s_type_does_not_read_it() {
    let item = item_of(&received(&Provider::pg_next(), CHECK_IN)).await;
    let refused = item.read::<egym::Notification>().unwrap_err();
    assert!(
        matches!(&refused, ReadItemError::OtherVendor { vendor, reads } if vendor == "pg-next" && reads == "egym"),
        "{refused:?}"
    );
    assert_eq!(refused.to_string(), "it is from pg-next, and was to be read as egym");
    let by_hand = item.read_as(&Provider::point()).unwrap_err();
    assert!(matches!(by_hand, ReadItemError::OtherVendor { .. }), "{by_hand:?}");
}

#[tokio::test]
async fn what_was_not_proved_is_never_verified() {
    let receiver = Receiver::dangerous_unsigned(&Provider::perfectgym());
    let mut headers = HeaderMap::new();
    headers.insert("x-perfectgym-request", REQUEST_ID.parse().unwrap());
    let Unverified(received) = receiver.receive(&headers, CONTRACT).unwrap();
    let item =
        through(async |setup| _ = setup.inbox.dangerous_accept_unsigned(&received).await.unwrap()).await;
    assert_eq!((item.vendor(), item.key()), (Some("perfectgym"), None));
    let refused = item.read::<perfectgym::Notification>().unwrap_err();
    assert!(matches!(refused, ReadItemError::NotProved), "{refused:?}");
    let Unverified(read) = item.dangerous_read_unverified::<perfectgym::Notification>().unwrap();
    assert_eq!(read.identity(), received.identity());
    assert_eq!(read.dedupe_key().unwrap().id(), REQUEST_ID);
}

#[tokio::test]
async fn the_strict_check_is_made_again_unless_the_receiver_made_none() {
    // The store was written by a hand that checked nothing.
    let item = through(async |setup| {
        let origin =
            r#"{"vendor":"gympoint","key":"berlin","sender":"hmac","body":true,"time":false,"id":false}"#;
        let new = NewNotification::new(DeliveryId::from_u128(7), id(), "payment.failed", TWICE.into());
        let new = NewNotification { origin: Some(origin.to_owned()), ..new };
        assert!(setup.inbox.engine().enqueue(vec![new]).await.unwrap()[0].is_ok());
    })
    .await;
    let refused = item.read::<gympoint::Notification>().unwrap_err();
    assert!(matches!(refused, ReadItemError::Unreadable(ReadError::Ambiguous(_))), "{refused:?}");

    let provider = Provider::gympoint();
    let lenient = Receiver::new(&provider, keys()).unwrap().with_duplicate_keys_allowed();
    let headers = provider.signer(keys()).unwrap().sign("", TWICE.as_bytes(), NOW).unwrap();
    let verified = lenient.receive(&headers, TWICE, NOW).unwrap();
    let read = item_of(&verified).await.read::<gympoint::Notification>().unwrap();
    assert_eq!(read.value().body(), TWICE);
}

/// A row of the version that kept the proof in fewer words, and neither platform nor types.
async fn of_the_version_before(inbox: EndpointId, body: &'static str) -> InboxItem {
    through(async |setup| {
        let engine = setup.inbox.engine().clone();
        Inbox::open(engine, inbox, "", Inbox::policy()).await.unwrap();
        let origin = r#"{"key":"berlin","sender":"hmac","body":true,"time":true,"id":false}"#;
        let new = NewNotification::new(DeliveryId::from_u128(7), inbox, "workout.created", body.into());
        let new = NewNotification { origin: Some(origin.to_owned()), ..new };
        assert!(setup.inbox.engine().enqueue(vec![new]).await.unwrap()[0].is_ok());
    })
    .await
}

#[tokio::test]
async fn what_the_version_before_has_accepted_is_read_by_its_inbox_s_name_or_its_only_type() {
    let named = of_the_version_before(Inbox::id_of("point"), WORKOUT).await;
    assert_eq!((named.vendor(), named.event_types()), (Some("point"), &["workout.created".to_owned()][..]));
    assert!(named.read::<AnyNotification>().unwrap().into_body_signed().is_ok());
    assert!(matches!(named.read::<pg_next::Notification>(), Err(ReadItemError::OtherVendor { .. })));

    let unnamed = of_the_version_before(EndpointId::from_u128(2), WORKOUT).await;
    assert_eq!((unnamed.vendor(), unnamed.key().unwrap().as_str()), (None, "berlin"));
    assert!(matches!(unnamed.read::<AnyNotification>(), Err(ReadItemError::UnknownVendor)));
    let read = unnamed.read::<point::Notification>().unwrap();
    assert_eq!(read.proof().assurance().time, TimeAssurance::Signed);
    assert!(read.into_body_signed().is_ok());
}

// ------------------------------------------------------------------- handlers of several platforms

type Calls = Arc<Mutex<Vec<String>>>;

/// A handler that says which it is and what it got.
fn noting<N: Notification, P: Send + Sync + 'static>(
    calls: &Calls,
    name: &'static str,
) -> impl Fn(Verified<Received<N>, P>, InboxItem) -> core::future::Ready<Result<(), HandlerError>> + use<N, P>
{
    let calls = Arc::clone(calls);
    move |hook, item| {
        let types: Vec<_> = hook.value().events().map(|event| event.event_type.to_owned()).collect();
        assert_eq!(types, item.event_types());
        calls.lock().unwrap().push(format!("{name}: {}", types.join(",")));
        core::future::ready(Ok(()))
    }
}

#[tokio::test]
async fn each_platform_s_items_reach_its_handler_and_the_rest_the_one_of_all() {
    let calls = Calls::default();
    let handlers = InboxHandlers::new()
        .on(noting::<pg_next::Notification, AsProved>(&calls, "pg-next"))
        .on(noting::<AnyNotification, AsProved>(&calls, "any"))
        .on(noting::<point::Notification, BodySigned>(&calls, "point"));
    let setup = Setup::new(handlers).await;
    for delivery in [
        setup.accept(&received(&Provider::pg_next(), CHECK_IN)).await,
        setup.accept(&received(&Provider::point(), WORKOUT)).await,
        setup.accept(&received(&Provider::gympoint(), PAYMENT)).await,
    ] {
        setup.until_state(delivery, State::Delivered).await;
    }
    let mut calls = calls.lock().unwrap().clone();
    calls.sort_unstable();
    assert_eq!(calls, ["any: payment.failed", "pg-next: CUSTOMER_CHECKIN", "point: workout.created"]);
}

#[tokio::test]
async fn what_no_handler_is_for_is_asked_for_again_and_stays() {
    let calls = Calls::default();
    let setup =
        Setup::new(InboxHandlers::new().on(noting::<point::Notification, AsProved>(&calls, "point"))).await;
    let delivery = setup.accept(&received(&Provider::pg_next(), CHECK_IN)).await;
    let (status, detail) = setup.first_attempt(delivery).await;
    assert_eq!(
        (status, detail.as_str()),
        (Some(500), "no handler for a notification of pg-next: add one with InboxHandlers::on")
    );
    assert_eq!(setup.store.delivery(delivery).await.unwrap().unwrap().state, State::Waiting);
    setup.inbox.engine().shutdown().await;

    // A deployment brings it.
    let handlers = InboxHandlers::new().on(noting::<pg_next::Notification, AsProved>(&calls, "pg-next"));
    let engine = Engine::builder(setup.store.clone()).poll_interval(Duration::from_millis(20));
    let _engine = engine.start(handlers).await.unwrap();
    setup.until_state(delivery, State::Delivered).await;
    assert_eq!(*calls.lock().unwrap(), ["pg-next: CUSTOMER_CHECKIN"]);
}

#[tokio::test]
async fn a_handler_that_asks_for_a_signed_body_is_not_called_without() {
    let calls = Calls::default();
    let setup =
        Setup::new(InboxHandlers::new().on(noting::<AnyNotification, BodySigned>(&calls, "signed"))).await;
    let unsigned = setup.accept(&received(&Provider::perfectgym(), CONTRACT)).await;
    setup.until_state(unsigned, State::Undeliverable).await;
    let (status, detail) = setup.first_attempt(unsigned).await;
    assert_eq!(status, Some(422));
    assert!(detail.starts_with("the signature does not cover the body"), "{detail}");
    let signed = setup.accept(&received(&Provider::gympoint(), PAYMENT)).await;
    setup.until_state(signed, State::Delivered).await;
    assert_eq!(*calls.lock().unwrap(), ["signed: payment.failed"]);
}

#[tokio::test]
async fn what_was_not_proved_reaches_only_a_handler_that_says_so() {
    let Unverified(received) =
        Receiver::dangerous_unsigned(&Provider::gympoint()).receive(&HeaderMap::new(), PAYMENT).unwrap();
    let calls = Calls::default();
    let verified = noting::<gympoint::Notification, AsProved>(&calls, "verified");
    let setup = Setup::new(InboxHandlers::new().on(verified)).await;
    let Accepted::New { delivery, .. } = setup.inbox.dangerous_accept_unsigned(&received).await.unwrap()
    else {
        panic!("new")
    };
    let (status, detail) = setup.first_attempt(delivery).await;
    assert_eq!(status, Some(500));
    assert!(detail.contains("gympoint without a proof"), "{detail}");

    let unproved = Arc::clone(&calls);
    let handlers = InboxHandlers::new()
        .on(noting::<AnyNotification, AsProved>(&calls, "verified"))
        .dangerous_on_unverified(move |Unverified(hook): Unverified<Received<gympoint::Notification>>, _| {
            let types: Vec<_> = hook.events().map(|event| event.event_type.to_owned()).collect();
            unproved.lock().unwrap().push(format!("unverified: {}", types.join(",")));
            core::future::ready(Ok(()))
        });
    let setup = Setup::new(handlers).await;
    let Accepted::New { delivery, .. } = setup.inbox.dangerous_accept_unsigned(&received).await.unwrap()
    else {
        panic!("new")
    };
    setup.until_state(delivery, State::Delivered).await;
    assert_eq!(*calls.lock().unwrap(), ["unverified: payment.failed"]);
}

#[tokio::test]
async fn what_is_left_over_reaches_the_handler_of_the_rest_as_it_is() {
    let calls = Calls::default();
    let rest = Arc::clone(&calls);
    let handlers = InboxHandlers::new()
        .on(noting::<point::Notification, AsProved>(&calls, "point"))
        .otherwise(move |item: InboxItem| {
            rest.lock().unwrap().push(format!("rest: {:?}", item.vendor()));
            core::future::ready(Ok(()))
        });
    let setup = Setup::new(handlers).await;
    let delivery = setup.accept(&received(&Provider::pg_next(), CHECK_IN)).await;
    setup.until_state(delivery, State::Delivered).await;
    assert_eq!(*calls.lock().unwrap(), [r#"rest: Some("pg-next")"#]);
}

// ------------------------------------------------------------------- a custom platform

#[derive(Debug, Serialize, Deserialize)]
struct Visit {
    visitor: String,
}

const ACME: Vendor = Vendor::new("acme");

impl Notification for Visit {
    fn vendor(&self) -> Vendor {
        ACME
    }

    fn event_count(&self) -> usize {
        1
    }

    fn event(&self, index: usize) -> Option<Event<'_>> {
        (index == 0).then(|| Event::new(ACME, "visit", Kind::CheckIn))
    }

    fn dedupe_key(&self) -> Option<DedupeKey> {
        Some(DedupeKey::Provided(self.visitor.clone()))
    }
}

impl PlatformNotification for Visit {
    fn providers() -> impl Iterator<Item = Provider<Self>> {
        let retry = Setting::configured(RetryPolicy::new(RetrySchedule::never()));
        let profile = Profile::new("https://acme.example/webhooks", retry);
        let scheme = BodyHmac::new(HeaderName::from_static("x-acme-signature"));
        core::iter::once(Provider::new(ACME, scheme, decode, profile))
    }
}

#[tokio::test]
async fn a_platform_of_a_program_s_own_is_read_and_handled_like_the_others() {
    let provider = Visit::providers().next().unwrap();
    let verified = received(&provider, r#"{"visitor":"Ada"}"#);
    let item = item_of(&verified).await;
    assert_eq!((item.vendor(), item.event_types()), (Some("acme"), &["visit".to_owned()][..]));
    assert_eq!(item.read::<Visit>().unwrap().value().notification().visitor, "Ada");
    assert!(matches!(item.read::<AnyNotification>(), Err(ReadItemError::OtherVendor { .. })));

    let calls = Calls::default();
    let handlers = InboxHandlers::new()
        .on(noting::<AnyNotification, AsProved>(&calls, "any"))
        .on_as(&provider, noting::<Visit, BodySigned>(&calls, "own"));
    let setup = Setup::new(handlers).await;
    let delivery = setup.accept(&verified).await;
    setup.until_state(delivery, State::Delivered).await;
    assert_eq!(*calls.lock().unwrap(), ["own: visit"]);
}
