//! Deliveries that are redelivered, many at once.

use gymhook_engine::store::{ApiKeyRights, Command, NewNotification, State, Store as _};
use gymhook_engine::{DeliveryId, EndpointId};

use crate::stage::Stage;

#[tokio::test]
async fn all_that_a_filter_lists_are_redelivered_after_a_question_with_their_number() {
    let stage = Stage::new().await;
    stage.subscription("berlin", "app").await;
    stage.subscription("wien", "app").await;
    let mut cancelled = Vec::new();
    for gym in ["berlin", "berlin", "wien"] {
        let delivery = stage.publish(gym, "member.updated", "{}").await;
        stage.attempted(delivery).await;
        stage.engine.cancel(delivery).await.unwrap();
        cancelled.push(delivery);
    }
    let state = async |delivery| stage.engine.delivery(delivery).await.unwrap().unwrap().delivery.state;
    for delivery in &cancelled {
        stage.until(*delivery, |state| state == State::Cancelled).await;
    }
    let mut browser = stage.signed_in(None, ApiKeyRights::Retry).await;
    assert!(!browser.get("/deliveries").await.has("/deliveries/redeliver"), "a state is named first");
    let list = browser.get("/deliveries?state=cancelled&gym=berlin").await.expect(200);
    let path = "/deliveries/redeliver?gym=berlin&state=cancelled";
    assert!(list.has(&path.replace('&', "&#38;")), "{}", list.text);
    let asked = browser.get(path).await.expect(200);
    assert!(asked.has("2 deliveries will be sent again."), "{}", asked.text);
    assert_eq!(state(cancelled[0]).await, State::Cancelled, "it asks first");
    let done = browser.submit(path, path, &[]).await.expect(303);
    assert_eq!(done.location(), "/deliveries?gym=berlin&state=cancelled");
    for delivery in &cancelled[..2] {
        stage.until(*delivery, |state| state != State::Cancelled).await;
    }
    assert_eq!(state(cancelled[2]).await, State::Cancelled, "another gym's");
    for wrong in ["/deliveries/redeliver", "/deliveries/redeliver?state=delivered"] {
        browser.get(wrong).await.expect(404);
        browser.submit("/overview", wrong, &[]).await.expect(404);
    }
    let mut reader = stage.signed_in(None, ApiKeyRights::Read).await;
    assert!(!reader.get("/deliveries?state=cancelled").await.has("/deliveries/redeliver"));
    reader.get(path).await.expect(403);
    reader.submit("/overview", path, &[]).await.expect(403);
    let mut wien = stage.signed_in(Some("wien"), ApiKeyRights::Retry).await;
    wien.submit("/overview", path, &[]).await.expect(404);
}

/// A delivery that is cancelled.
async fn cancelled(stage: &Stage, gym: &str) -> DeliveryId {
    let delivery = stage.publish(gym, "member.updated", "{}").await;
    stage.attempted(delivery).await;
    stage.engine.cancel(delivery).await.unwrap();
    stage.until(delivery, |state| state == State::Cancelled).await;
    delivery
}

/// As many cancelled deliveries as one call looks at.
async fn many_cancelled(stage: &Stage, endpoint: EndpointId) {
    const MANY: u32 = 10_000;
    let later = stage.engine.now().await.unwrap() + core::time::Duration::from_secs(86_400);
    let new = |_| NewNotification {
        not_before: Some(later),
        ..NewNotification::new(uuid::Uuid::now_v7().into(), endpoint, "member.updated", "{}".into())
    };
    let new: Vec<_> = (0..MANY).map(new).collect();
    let commands = new.iter().map(|new| (endpoint, Command::Cancel(new.id))).collect();
    let last = new.last().unwrap().id;
    stage.engine.enqueue(new).await.unwrap();
    stage.engine.store().command(commands, stage.engine.now().await.unwrap()).await.unwrap();
    stage.engine.look_for_work([endpoint]);
    stage.until(last, |state| state == State::Cancelled).await;
}

/// The link or form that a page has for the rest.
fn rest(text: &str, attribute: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("{attribute}=\"/deliveries/redeliver?"))?;
    Some(format!("/deliveries/redeliver?{}", rest.split('"').next()?.replace("&#38;", "&")))
}

#[tokio::test]
async fn what_one_call_does_not_reach_is_asked_for_next() {
    let stage = Stage::new().await;
    let gone = stage.subscription("berlin", "gone").await;
    stage.subscription("wien", "app").await;
    let oldest = cancelled(&stage, "wien").await;
    many_cancelled(&stage, gone).await;
    stage.engine.delete_subscription(gone).await.unwrap();
    let mut browser = stage.signed_in(None, ApiKeyRights::Retry).await;
    let path = "/deliveries/redeliver?state=cancelled";
    let asked = browser.get(path).await.expect(200);
    assert!(asked.has("None of the latest deliveries of this filter can be sent again."), "{}", asked.text);
    assert!(asked.has("10,000 have nowhere to go") && !asked.has("class=\"danger\""), "{}", asked.text);
    let next = rest(&asked.text, "href").unwrap();
    assert!(browser.get(&next).await.expect(200).has("One delivery will be sent again."));
    let skipped = browser.submit("/overview", path, &[]).await.expect(303);
    assert_eq!(skipped.location(), next);
    assert!(!browser.get(&next).await.has("are being sent again"), "nothing was sent");

    let latest = cancelled(&stage, "wien").await;
    let asked = browser.get(path).await.expect(200);
    assert!(asked.has("1 will be sent again; after that, you are asked for the rest."), "{}", asked.text);
    assert!(asked.has("9,999 have nowhere to go"), "{}", asked.text);
    let done = browser.submit(path, &rest(&asked.text, "action").unwrap(), &[]).await.expect(303);
    stage.until(latest, |state| state != State::Cancelled).await;
    let next = done.location().to_owned();
    assert!(next.starts_with("/deliveries/redeliver?state=cancelled&before="), "{next}");
    let asked = browser.get(&next).await.expect(200);
    assert!(
        asked.has("The deliveries are being sent again.") && asked.has("One delivery will be sent again.")
    );
    assert_eq!(rest(&asked.text, "action").as_deref(), Some(&*next));
    let done = browser.submit(&next, &next, &[]).await.expect(303);
    assert_eq!(done.location(), "/deliveries?state=cancelled");
    stage.until(oldest, |state| state != State::Cancelled).await;
}
