//! Finding deliveries with `DeliveryQuery`: by event type, gym and time, and by every combination of its filters.

use gymhook_delivery::{End, Enqueued, Undeliverable};

use time::UtcDateTime;

use super::Harness;
use super::stage::{HOUR, MICRO, SECOND, Stage, delivery, ended, endpoint, notification, subscription};
use crate::{DeliveryQuery, NewNotification, State, Store, SubscriptionRow};

/// Twelve deliveries, a second apart from the stage's beginning on: endpoints 1, 2 and 3 in turn, of which 1 and 2 are one
/// gym's, 2 is deleted, and 3 another gym's. Every other one is a payment. 4 and 9 are given up, 7 is delivered.
async fn twelve<H: Harness>(harness: &H) -> Stage<'_, H> {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.subscribe(SubscriptionRow { gym: "wien".to_owned(), ..subscription(3) }).await;
    let mut at = stage.now;
    for number in 1..=12 {
        let event_type = if number % 2 == 0 { "payment.failed" } else { "workout.created" };
        let new = notification(number, (number - 1) % 3 + 1);
        let new = NewNotification { event_type: event_type.to_owned(), not_before: None, ..new };
        assert_eq!(stage.store.enqueue(vec![new], at).await, Ok(vec![Ok(Enqueued::New)]));
        at += SECOND;
    }
    let four = stage.record(4).await;
    let four = ended(four, stage.now, End::Undeliverable(Undeliverable::Exhausted));
    let seven = ended(stage.record(7).await, stage.now, End::Delivered);
    stage.write(1, vec![four, seven]).await;
    let nine = ended(stage.record(9).await, stage.now, End::Undeliverable(Undeliverable::Gone));
    let late = SECOND * 20;
    let later = Stage { harness, store: stage.store.clone(), now: stage.now + late };
    later.write(3, vec![nine]).await;
    assert_eq!(stage.delete_subscription(2).await, Ok(true));
    stage
}

fn all() -> DeliveryQuery {
    DeliveryQuery::new(100)
}

fn of_gym(gym: &str) -> DeliveryQuery {
    DeliveryQuery { gym: Some(gym.to_owned()), ..all() }
}

fn of_type(event_type: &str) -> DeliveryQuery {
    of_types(&[event_type])
}

fn of_types(event_types: &[&str]) -> DeliveryQuery {
    DeliveryQuery {
        event_types: event_types.iter().map(|event_type| (*event_type).to_owned()).collect(),
        ..all()
    }
}

/// What is found, in one page and in pages of every length.
async fn numbers<H: Harness>(stage: &Stage<'_, H>, query: DeliveryQuery) -> Vec<u128> {
    let whole = stage.store.deliveries(query.clone()).await.unwrap();
    assert_eq!(whole.next, None, "it is the last page");
    for limit in 1..=whole.items.len() + 1 {
        let (mut found, mut before) = (Vec::new(), query.before);
        loop {
            let page = DeliveryQuery { before, limit: u32::try_from(limit).unwrap(), ..query.clone() };
            let page = stage.store.deliveries(page).await.unwrap();
            assert!(page.items.len() <= limit);
            assert!(page.next.is_none() || page.items.len() == limit, "a page is full unless it is the last");
            found.extend(page.items);
            before = page.next;
            if before.is_none() {
                break;
            }
            assert!(found.len() < whole.items.len(), "a page said that there was more");
        }
        assert_eq!(found, whole.items, "{query:?} in pages of {limit}");
    }
    let number = |id| (1..100).find(|number| delivery(*number) == id).unwrap();
    whole.items.iter().map(|row| number(row.id)).collect()
}

/// The log is that of one event type, as it is spelled.
pub async fn by_type<H: Harness>(harness: &H) {
    let stage = twelve(harness).await;
    assert_eq!(numbers(&stage, of_type("payment.failed")).await, [12, 10, 8, 6, 4, 2]);
    for other in ["Payment.failed", "payment.", "payment.%", "", "a\0b", "'; --"] {
        assert_eq!(numbers(&stage, of_type(other)).await, [], "{other:?}");
    }
    let of_one = DeliveryQuery { endpoint: Some(endpoint(1)), ..of_type("payment.failed") };
    assert_eq!(numbers(&stage, of_one).await, [10, 4]);
}

/// The log is that of several event types, the latest first, whichever it is of.
pub async fn by_several_types<H: Harness>(harness: &H) {
    let stage = twelve(harness).await;
    let other = NewNotification { event_type: "Payment'; --".to_owned(), ..notification(13, 1) };
    assert_eq!(stage.store.enqueue(vec![other], stage.now).await, Ok(vec![Ok(Enqueued::New)]));
    let both = of_types(&["payment.failed", "Payment'; --"]);
    assert_eq!(numbers(&stage, both.clone()).await, [13, 12, 10, 8, 6, 4, 2]);
    assert_eq!(numbers(&stage, of_types(&["Payment'; --", "a\0b", "Payment'; --"])).await, [13]);
    assert_eq!(numbers(&stage, of_types(&["a\0b", "payment."])).await, []);
    let of_berlin = DeliveryQuery { gym: Some("berlin-mitte".to_owned()), ..both.clone() };
    assert_eq!(numbers(&stage, of_berlin).await, [13, 10, 8, 4, 2]);
    let of_one = DeliveryQuery { endpoint: Some(endpoint(1)), state: Some(State::Waiting), ..both };
    assert_eq!(numbers(&stage, of_one).await, [13, 10]);
}

/// The log is that of one gym: of all its subscriptions, deleted ones too, the latest first.
pub async fn by_gym<H: Harness>(harness: &H) {
    let stage = twelve(harness).await;
    assert_eq!(numbers(&stage, of_gym("berlin-mitte")).await, [11, 10, 8, 7, 5, 4, 2, 1]);
    assert_eq!(numbers(&stage, of_gym("wien")).await, [12, 9, 6, 3]);
    for other in ["Wien", "wie", "", "a\0b"] {
        assert_eq!(numbers(&stage, of_gym(other)).await, [], "{other:?}");
    }
    let of_one = |number| DeliveryQuery { endpoint: Some(endpoint(number)), ..of_gym("berlin-mitte") };
    assert_eq!(numbers(&stage, of_one(2)).await, [11, 8, 5, 2]);
    assert_eq!(numbers(&stage, of_one(3)).await, [], "it is another gym's");
    assert_eq!(numbers(&stage, of_one(9)).await, [], "there is none");
    let gone = of_gym("berlin-mitte");
    assert_eq!(
        numbers(&stage, DeliveryQuery { before: None, state: Some(State::Quarantined), ..gone }).await,
        []
    );
}

/// The log is that of a time, with its first moment and without its last.
pub async fn by_time<H: Harness>(harness: &H) {
    let stage = twelve(harness).await;
    let at = |number: u32| Some(stage.now + SECOND * (number - 1));
    let from = |from| DeliveryQuery { from, ..all() };
    let until = |until| DeliveryQuery { until, ..all() };
    assert_eq!(numbers(&stage, from(at(10))).await, [12, 11, 10]);
    assert_eq!(numbers(&stage, from(at(10).map(|at| at + MICRO))).await, [12, 11]);
    assert_eq!(numbers(&stage, until(at(3))).await, [2, 1]);
    assert_eq!(numbers(&stage, until(at(3).map(|at| at + MICRO))).await, [3, 2, 1]);
    assert_eq!(numbers(&stage, DeliveryQuery { from: at(5), until: at(8), ..all() }).await, [7, 6, 5]);
    assert_eq!(numbers(&stage, DeliveryQuery { from: at(5), until: at(5), ..all() }).await, []);
    assert_eq!(numbers(&stage, from(Some(stage.now + HOUR))).await, []);
}

/// Everything that is asked for is asked for at once, and the next page keeps to it.
pub async fn by_everything_at_once<H: Harness>(harness: &H) {
    let stage = twelve(harness).await;
    let given_up = |query| DeliveryQuery { state: Some(State::Undeliverable), ..query };
    assert_eq!(numbers(&stage, given_up(all())).await, [9, 4]);
    assert_eq!(numbers(&stage, given_up(of_gym("wien"))).await, [9]);
    assert_eq!(numbers(&stage, given_up(of_type("payment.failed"))).await, [4]);
    let delivered = DeliveryQuery { state: Some(State::Delivered), ..of_gym("berlin-mitte") };
    assert_eq!(numbers(&stage, delivered).await, [7]);
    let query = DeliveryQuery {
        event_types: vec!["payment.failed".to_owned()],
        state: Some(State::Waiting),
        from: Some(stage.now + SECOND),
        until: Some(stage.now + SECOND * 10),
        ..of_gym("berlin-mitte")
    };
    assert_eq!(numbers(&stage, query.clone()).await, [10, 8, 2]);
    let before = Some(stage.row(8).await.sequence);
    assert_eq!(numbers(&stage, DeliveryQuery { before, ..query }).await, [2]);
}

/// What a delivery of a long log was made of.
struct Made {
    number: u128,
    to: u128,
    event_type: &'static str,
    state: State,
    at: UtcDateTime,
}

impl Made {
    /// What a query asks for, field by field.
    fn is_meant(&self, query: &DeliveryQuery) -> bool {
        query.endpoint.is_none_or(|wanted| wanted == endpoint(self.to))
            && query.gym.as_ref().is_none_or(|gym| gym == gym_of(self.to))
            && (query.event_types.is_empty() || query.event_types.iter().any(|one| one == self.event_type))
            && query.state.is_none_or(|state| state == self.state)
            && query.from.is_none_or(|from| self.at >= from)
            && query.until.is_none_or(|until| self.at < until)
    }
}

const fn gym_of(number: u128) -> &'static str {
    match number {
        1 | 2 => "berlin-mitte",
        3 => "wien",
        _ => "graz",
    }
}

/// 320 deliveries, a second apart. In every 40, endpoint 3 has four, 4 and 5 have one each, and 1 and 2 the rest; two are payments
/// and one a refund; one in eight is delivered, one in eight given up, and one in 40 cancelled.
async fn many<H: Harness>(harness: &H) -> (Stage<'_, H>, Vec<Made>) {
    let stage = Stage::open(harness).await;
    for number in 1..=5 {
        let gym = gym_of(number).to_owned();
        stage.subscribe(SubscriptionRow { gym, ..subscription(number) }).await;
    }
    let mut made = Vec::new();
    for number in 1..=320 {
        let to = match number % 40 {
            7 | 17 | 27 | 37 => 3,
            11 => 4,
            23 => 5,
            rest => 1 + rest % 2,
        };
        let event_type = match number % 40 {
            6 | 17 => "payment.failed",
            23 => "payment.refunded",
            rest if rest % 3 == 0 => "checkin.created",
            _ => "workout.created",
        };
        let state = match number % 40 {
            19 => State::Cancelled,
            rest if rest % 8 == 1 => State::Delivered,
            rest if rest % 8 == 7 => State::Undeliverable,
            _ => State::Waiting,
        };
        let at = stage.now + SECOND * u32::try_from(number).unwrap();
        made.push(Made { number, to, event_type, state, at });
    }
    for made in &made {
        let event_type = made.event_type.to_owned();
        let new = NewNotification { event_type, ..notification(made.number, made.to) };
        assert_eq!(stage.store.enqueue(vec![new], made.at).await, Ok(vec![Ok(Enqueued::New)]));
    }
    let later = Stage { harness, store: stage.store.clone(), now: stage.now + HOUR };
    for to in 1..=5 {
        let mut records = Vec::new();
        for made in made.iter().filter(|made| made.to == to) {
            let end = match made.state {
                State::Delivered => End::Delivered,
                State::Undeliverable => End::Undeliverable(Undeliverable::Exhausted),
                State::Cancelled => End::Cancelled,
                State::Waiting | State::InFlight | State::Quarantined | State::Unreadable => continue,
            };
            records.push(ended(stage.record(made.number).await, stage.now, end));
        }
        later.write(to, records).await;
    }
    (stage, made)
}

/// Each query with each of these values.
fn with_each<T: Copy>(
    queries: Vec<DeliveryQuery>,
    values: &[T],
    set: impl Fn(&mut DeliveryQuery, T),
) -> Vec<DeliveryQuery> {
    let mut more = Vec::new();
    for query in queries {
        for value in values {
            let mut query = query.clone();
            set(&mut query, *value);
            more.push(query);
        }
    }
    more
}

/// All combinations of filters, in pages of 60.
fn combinations(now: UtcDateTime) -> Vec<DeliveryQuery> {
    let at = |second: u32| Some(now + SECOND * second);
    let types: [&[&str]; 6] = [
        &[],
        &["workout.created"],
        &["payment.failed"],
        &["payment.refunded", "payment.failed"],
        &["payment.refunded", "checkin.created", "payment.refunded"],
        &["nothing.happened"],
    ];
    let states = [None, Some(State::Waiting), Some(State::Delivered), Some(State::Cancelled)];
    let times = [(None, None), (at(200), None), (None, at(150)), (at(40), at(290))];
    let queries = vec![DeliveryQuery::new(60)];
    let queries =
        with_each(queries, &[None, Some(1), Some(4)], |query, to| query.endpoint = to.map(endpoint));
    let queries =
        with_each(queries, &[None, Some("berlin-mitte"), Some("graz"), Some("nobody")], |query, gym| {
            query.gym = gym.map(str::to_owned)
        });
    let queries = with_each(queries, &types, |query, types| query.event_types = of_types(types).event_types);
    let queries = with_each(queries, &states, |query, state| query.state = state);
    with_each(queries, &times, |query, time| (query.from, query.until) = time)
}

/// Whatever is asked for, alone or together, a long log answers as if each of its deliveries had been looked at.
pub async fn every_combination<H: Harness>(harness: &H) {
    let (stage, made) = many(harness).await;
    for query in combinations(stage.now) {
        let expected = made.iter().rev().filter(|made| made.is_meant(&query));
        let expected: Vec<_> = expected.map(|made| delivery(made.number)).collect();
        let (mut found, mut page) = (Vec::new(), query.clone());
        loop {
            let read = stage.store.deliveries(page.clone()).await.unwrap();
            found.extend(read.items.into_iter().map(|row| row.id));
            let Some(next) = read.next else { break };
            page.before = Some(next);
        }
        assert_eq!(found, expected, "{query:?}");
    }
}
