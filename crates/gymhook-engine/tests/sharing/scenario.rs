//! Several workers on one store, with endpoints that always have something to send and answer slowly.

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret};
use gymhook_delivery::{AutoDisable, EndpointPolicy};
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::{
    Announcement, AttemptOutcome, AttemptQuery, NewNotification, Store, StoreError, WorkerId,
};
use gymhook_engine::{
    Answer, DeliveryId, Direction, EndpointId, Engine, EngineBuilder, SecretCipher, SecretCipherError,
    Sending, Subscription, Transport,
};
use gymhook_retry::{Outcome, RetryPolicy, RetrySchedule};
use http::StatusCode;
use uuid::Uuid;

const ENDPOINTS: u128 = 20;
/// How long an answer takes.
const SLOW: Duration = Duration::from_millis(60);
const POLL: Duration = Duration::from_millis(150);
/// On a busy machine a look takes longer than between two of them is: then what was just given up is not counted, and one or
/// two are given up that go back.
const LATE: u64 = 4;

/// An attempt: of this delivery, by this worker, under the lease of this number.
#[derive(Clone, Copy, Debug)]
struct Sent {
    delivery: u128,
    endpoint: u128,
    by: u8,
    lease: u64,
}

/// What all workers together have sent, in this order.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<Sent>>>);

impl Log {
    fn all(&self) -> Vec<Sent> {
        self.0.lock().unwrap().clone()
    }

    /// Who sent to each endpoint last.
    fn owners(&self) -> BTreeMap<u128, u8> {
        self.all().into_iter().map(|sent| (sent.endpoint, sent.by)).collect()
    }

    /// How many endpoints each of these workers has, if all endpoints have been sent to.
    fn shares<const N: usize>(&self, workers: [u8; N]) -> Option<[usize; N]> {
        let owners = self.owners();
        let all = owners.len() == usize::try_from(ENDPOINTS).unwrap();
        all.then(|| workers.map(|by| owners.values().filter(|owner| **owner == by).count()))
    }

    /// How often an endpoint has got another owner: each lease has a number of its own, from 1 on.
    fn moves(&self) -> u64 {
        let last: BTreeMap<u128, u64> =
            self.all().into_iter().map(|sent| (sent.endpoint, sent.lease)).collect();
        last.values().map(|lease| lease - 1).sum()
    }
}

#[derive(Debug)]
struct Slow {
    by: u8,
    log: Log,
}

impl Transport for Slow {
    async fn send(&self, sending: Sending) -> Answer {
        let attempt = sending.attempt.attempt;
        self.log.0.lock().unwrap().push(Sent {
            delivery: attempt.delivery.as_uuid().as_u128(),
            endpoint: attempt.endpoint.as_uuid().as_u128(),
            by: self.by,
            lease: attempt.lease.get(),
        });
        tokio::time::sleep(SLOW).await;
        Answer::new(Outcome::response(StatusCode::OK))
    }
}

/// A store with its endpoints, of which every second one is ordered, and the workers on it.
pub(crate) struct Stage<S> {
    store: S,
    log: Log,
    each: u128,
}

type Worker<S> = Engine<FaultyStore<S>>;

impl<S: Store> Stage<S> {
    /// So many deliveries wait for each endpoint.
    pub(crate) async fn with(store: S, each: u128) -> Self {
        let engine = Engine::builder(store.clone()).enqueue_only();
        let keys = Arc::new(Keyring::single("main", Secret::new("a secret of the tests").unwrap()).unwrap());
        for number in 1..=ENDPOINTS {
            let retry = RetryPolicy::new(RetrySchedule::constant(Duration::from_millis(50), 3))
                .with_attempt_timeout(Duration::from_secs(10));
            let policy = EndpointPolicy::new(retry)
                .with_breaker(None)
                .with_auto_disable(AutoDisable::never())
                .with_ordered(number % 2 == 0)
                .with_max_in_flight(NonZeroU32::MIN);
            let url = EndpointUrl::dangerous_without_rule("http://127.0.0.1:9/hook").unwrap();
            let id = EndpointId::from_u128(number);
            let new = Subscription::new(id, "berlin", "point", url, Arc::clone(&keys), policy);
            engine.put_subscription(&new).await.unwrap();
        }
        let stage = Self { store, log: Log::default(), each };
        let new = stage.deliveries().map(|(delivery, endpoint)| {
            NewNotification::new(
                DeliveryId::from_u128(delivery),
                EndpointId::from_u128(endpoint),
                "workout.created",
                format!("body {delivery}").into(),
            )
        });
        for enqueued in engine.enqueue(new.collect()).await.unwrap() {
            assert!(enqueued.is_ok(), "{enqueued:?}");
        }
        stage
    }

    /// All deliveries, each with its endpoint; those of one endpoint are enqueued in the order of their numbers.
    fn deliveries(&self) -> impl Iterator<Item = (u128, u128)> {
        (1..=self.each * ENDPOINTS).map(|number| (number, number % ENDPOINTS + 1))
    }

    pub(crate) async fn worker(&self, by: u8) -> Worker<S> {
        self.worker_with(by, |builder| builder).await
    }

    async fn worker_with(
        &self,
        by: u8,
        set: impl FnOnce(EngineBuilder<FaultyStore<S>>) -> EngineBuilder<FaultyStore<S>>,
    ) -> Worker<S> {
        let builder = Engine::builder(FaultyStore::new(self.store.clone()))
            .poll_interval(POLL)
            .lease_length(Duration::from_secs(3_600));
        set(builder).start(Slow { by, log: self.log.clone() }).await.unwrap()
    }

    async fn until_shares<const N: usize>(&self, workers: [u8; N], wanted: [usize; N]) {
        let what = format!("{workers:?} have {wanted:?}");
        until(&what, || async {
            let shares = self.log.shares(workers);
            shares.is_some_and(|shares| {
                let (mut shares, mut wanted) = (shares, wanted);
                shares.sort_unstable();
                wanted.sort_unstable();
                shares == wanted
            })
        })
        .await;
    }

    /// Until everything is delivered: each once, in order where there is one, and no attempt was lost.
    async fn until_all_is_delivered_once(&self) {
        let engine = Engine::builder(self.store.clone()).enqueue_only();
        until("everything is delivered", || async {
            let stats = engine.stats().await.unwrap();
            stats.waiting + stats.in_flight == 0
        })
        .await;
        for (delivery, _) in self.deliveries() {
            let query = AttemptQuery::new(DeliveryId::from_u128(delivery), 9);
            let attempts = self.store.attempts(query).await.unwrap().items;
            let outcomes: Vec<_> = attempts.iter().map(|row| (row.outcome, row.status)).collect();
            assert_eq!(outcomes, [(AttemptOutcome::Response, Some(200))], "delivery {delivery}");
        }
        let sent = self.log.all();
        let distinct: BTreeSet<u128> = sent.iter().map(|sent| sent.delivery).collect();
        assert_eq!((sent.len(), distinct.len()), (self.deliveries().count(), self.deliveries().count()));
        for endpoint in (1..=ENDPOINTS).filter(|number| number % 2 == 0) {
            let to_it = sent.iter().filter(|sent| sent.endpoint == endpoint);
            let in_order: Vec<u128> = to_it.map(|sent| sent.delivery).collect();
            assert!(in_order.is_sorted(), "endpoint {endpoint}: {in_order:?}");
        }
    }
}

/// Until each of these workers has looked for work so many times more.
async fn looks<S: Store>(workers: &[&Worker<S>], times: u64) {
    let count = |worker: &&Worker<S>| worker.store().reached(Operation::OtherWorkers, When::After);
    let then: Vec<u64> = workers.iter().map(|worker| count(worker) + times).collect();
    until("they have looked", || async {
        workers.iter().zip(&then).all(|(worker, then)| count(worker) >= *then)
    })
    .await;
}

/// One worker has everything; a second one joins, then a third one; then the second one leaves.
pub(crate) async fn who_joins_gets_its_share_and_who_leaves_leaves_it<S: Store>(store: S) {
    let stage = Stage::with(store, 160).await;
    let one = stage.worker(1).await;
    stage.until_shares([1], [20]).await;

    let two = stage.worker(2).await;
    stage.until_shares([1, 2], [10, 10]).await;
    looks(&[&one, &two], 6).await;
    let moves = stage.log.moves();
    assert!((10..=10 + LATE).contains(&moves), "{moves}: each of the ten went to its next owner once");
    looks(&[&one, &two], 4).await;
    assert_eq!(stage.log.moves(), moves, "and stays there");

    let three = stage.worker(3).await;
    stage.until_shares([1, 2, 3], [7, 7, 6]).await;
    looks(&[&one, &two, &three], 6).await;
    let joined = stage.log.moves();
    assert!((moves + 6..=moves + 6 + LATE).contains(&joined), "{joined} after {moves}: six have moved");
    looks(&[&one, &two, &three], 4).await;
    assert_eq!(stage.log.moves(), joined, "and nothing since");
    let shares = stage.log.shares([1, 2, 3]).unwrap();
    assert!(shares.iter().all(|share| (6..=7).contains(share)), "{shares:?}");

    two.shutdown().await;
    until("the others have what it left", || async { stage.log.shares([2]) == Some([0]) }).await;
    looks(&[&one, &three], 6).await;
    // Seven went to whoever looked first. If that was one of them alone, it has 14 then, and gives up four.
    let moves = stage.log.moves() - joined;
    assert!((6..=7 + 4).contains(&moves), "{moves}");
    let shares = stage.log.shares([1, 3]).unwrap();
    assert!(shares.iter().all(|share| (8..=12).contains(share)), "{shares:?}");
    stage.until_all_is_delivered_once().await;
    one.shutdown().await;
    three.shutdown().await;
}

/// What is announced, read and committed fails now and then, on both sides, while endpoints go from one worker to the other.
pub(crate) async fn a_store_that_fails_costs_no_attempt<S: Store>(store: S) {
    let stage = Stage::with(store, 130).await;
    let one = stage.worker(1).await;
    stage.until_shares([1], [20]).await;
    let two = stage.worker(2).await;
    for worker in [&one, &two] {
        for (operation, nth) in
            [(Operation::Announce, 3), (Operation::OtherWorkers, 5), (Operation::Commit, 20)]
        {
            for when in When::ALL {
                let gone = StoreError::Unavailable { problem: "now and then".to_owned() };
                worker.store().fail_every(operation, when, NonZeroU32::new(nth).unwrap(), gone);
            }
        }
    }
    until("the second has some", || async { stage.log.shares([2]).is_some_and(|[has]| has > 7) }).await;
    stage.until_all_is_delivered_once().await;
    one.store().heal();
    two.store().heal();
    one.shutdown().await;
    two.shutdown().await;
}

/// Somebody asks for more and is gone: what was given up for it is taken back when its announcement no longer counts.
pub(crate) async fn who_asks_and_is_gone_takes_nothing_away<S: Store>(store: S) {
    let stage = Stage::with(store, 60).await;
    let one = stage.worker(1).await;
    stage.until_shares([1], [20]).await;
    let now = stage.store.now().await.unwrap();
    let counts_until = now + 40 * POLL;
    let gone = Announcement {
        worker: WorkerId::new(Uuid::from_u128(0xDEAD)),
        direction: Direction::Outgoing,
        endpoints: 0,
        wants_more: true,
        looked_at: now,
        counts_until,
    };
    stage.store.announce(gone, now).await.unwrap();
    let others = async || {
        let now = stage.store.now().await.unwrap();
        stage.store.other_workers(gone.worker, Direction::Outgoing, now).await.unwrap().announcements
    };
    until("it is answered", || async { others().await.iter().any(|other| other.endpoints == 20) }).await;
    stage.until_all_is_delivered_once().await;
    assert_eq!(stage.log.moves(), 10, "half was given up, once, and taken again");
    one.shutdown().await;
    assert_eq!(others().await, [], "who leaves says so");
}

/// Its key service does not answer.
#[derive(Debug)]
struct NoKey;

impl SecretCipher for NoKey {
    fn encrypt(&self, _plain: &[u8], _context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        Err(SecretCipherError { problem: "the key is not available".to_owned() })
    }

    fn decrypt(&self, _encrypted: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        self.encrypt(&[], context).map(|_| Vec::new())
    }
}

/// A worker that can send for no subscription gets a share once, until its leases run out, and asks for no more.
pub(crate) async fn who_cannot_read_subscriptions_asks_no_more<S: Store>(store: S) {
    let stage = Stage::with(store, 60).await;
    let one = stage.worker(1).await;
    stage.until_shares([1], [20]).await;
    let broken = stage
        .worker_with(2, |builder| builder.secret_cipher(NoKey).lease_length(Duration::from_secs(1)))
        .await;
    let nobody = WorkerId::new(Uuid::nil());
    let asks = async || {
        let now = stage.store.now().await.unwrap();
        let heard = stage.store.other_workers(nobody, Direction::Outgoing, now).await.unwrap();
        heard.announcements.iter().any(|other| other.wants_more)
    };
    until("it asks", asks).await;
    until("it has leased what it cannot read", || async { !asks().await }).await;
    for _ in 0..10 {
        looks(&[&broken], 1).await;
        assert!(!asks().await);
    }
    broken.shutdown().await;
    stage.until_all_is_delivered_once().await;
    one.shutdown().await;
}

/// It finds its share in several looks, and nobody takes any of it meanwhile.
pub(crate) async fn who_leases_little_at_a_time_gets_its_share_as_well<S: Store>(store: S) {
    let stage = Stage::with(store, 130).await;
    let one = stage.worker(1).await;
    stage.until_shares([1], [20]).await;
    let two = stage.worker_with(2, |builder| builder.lease_batch(NonZeroU32::MIN)).await;
    // With a pause after every second one, so that the other looks meanwhile.
    let gone = StoreError::Unavailable { problem: "every second time".to_owned() };
    two.store().fail_every(Operation::Lease, When::Before, NonZeroU32::new(2).unwrap(), gone);
    stage.until_shares([1, 2], [10, 10]).await;
    looks(&[&one, &two], 6).await;
    assert_eq!(stage.log.moves(), 10);
    stage.until_all_is_delivered_once().await;
    one.shutdown().await;
    two.shutdown().await;
}

/// Waits until something holds; a test that waits for what never comes fails after a minute.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..12_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("timed out waiting until {what}");
}
