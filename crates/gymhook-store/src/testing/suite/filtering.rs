//! Looking for deliveries in the log.

use gymhook_delivery::{End, Enqueued, Undeliverable};

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
    assert_eq!(stage.store.delete_subscription(endpoint(2), stage.now).await, Ok(true));
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
