//! What a key may not do is not shown, and refused anyway.

use gymhook_engine::store::{ApiKeyRights, State};

use crate::stage::Stage;

/// What is done to a destination, each behind its path.
const OF_A_DESTINATION: [&str; 6] = ["edit", "rotate", "delete", "pause", "enable", "test"];

/// A destination, which the operator sees at this path.
async fn destination(stage: &Stage) -> &'static str {
    let path = "/destinations/app";
    let mut operator = stage.signed_in(None, ApiKeyRights::Write).await;
    let new = [("name", "app"), ("url", "http://127.0.0.1:9/of-Berlin")];
    operator.submit("/destinations/+new", "/destinations/+new", &new).await.expect(200);
    for shown in [path, "/destinations/app/edit", "/destinations/app/rotate", "/destinations/app/delete"] {
        operator.get(shown).await.expect(200);
    }
    path
}

#[tokio::test]
async fn a_key_that_may_only_read_sees_no_buttons_and_is_refused() {
    let stage = Stage::new().await;
    let subscription = stage.subscription("berlin", "app").await;
    let delivery = stage.publish("berlin", "member.updated", "{}").await;
    let destination = destination(&stage).await;
    let mut reader = stage.signed_in(None, ApiKeyRights::Read).await;
    let pages = [
        "/overview".to_owned(),
        "/deliveries".to_owned(),
        format!("/deliveries/{delivery}"),
        "/subscriptions?gym=berlin".to_owned(),
        format!("/subscriptions/{subscription}"),
        "/destinations".to_owned(),
        destination.to_owned(),
        "/keys".to_owned(),
    ];
    for path in &pages {
        let page = reader.get(path).await.expect(200);
        // Only signing out is left.
        assert_eq!(page.text.matches("method=\"post\"").count(), 1, "{path}");
        for link in [
            "/retry\"",
            "/cancel\"",
            "/delete\"",
            "/pause\"",
            "/rotate\"",
            "/edit\"",
            "/revoke\"",
            "/new\"",
            "/+new\"",
        ] {
            assert!(!page.has(link), "{path}: {link}");
        }
    }
    for path in [
        format!("/deliveries/{delivery}/retry"),
        format!("/deliveries/{delivery}/cancel"),
        format!("/subscriptions/{subscription}/test"),
        format!("/subscriptions/{subscription}/enable"),
        format!("/subscriptions/{subscription}/pause"),
        format!("/subscriptions/{subscription}/rotate"),
        format!("/subscriptions/{subscription}/edit"),
        format!("/subscriptions/{subscription}/delete"),
        format!("/keys/{}/revoke", uuid::Uuid::now_v7()),
    ]
    .into_iter()
    .chain(OF_A_DESTINATION.map(|action| format!("{destination}/{action}")))
    {
        let fields = [("hours", "1"), ("minutes", "")];
        reader.submit("/overview", &path, &fields).await.expect(403).is_protected();
    }
    let edit = format!("/subscriptions/{subscription}/edit");
    for path in ["/keys/new", "/subscriptions/new", "/destinations/+new", &edit, "/destinations/app/edit"] {
        reader.get(path).await.expect(403);
        reader.submit("/overview", path, &[("label", "x"), ("rights", "read")]).await.expect(403);
    }
    let gym = [("gym", "berlin")];
    reader.submit("/overview", "/subscriptions/test-all", &gym).await.expect(403);
    reader.submit("/overview", "/destinations/+test-all", &[]).await.expect(403);
    reader.get(destination).await.expect(200);
    let log = stage.engine.delivery(delivery).await.unwrap().unwrap();
    assert_ne!(log.delivery.state, State::Cancelled);
    assert!(stage.engine.subscription(subscription).await.unwrap().is_some());
}

#[tokio::test]
async fn another_gym_is_not_there() {
    let stage = Stage::new().await;
    let subscription = stage.subscription("berlin", "the app of Berlin").await;
    let delivery = stage.publish("berlin", "member.updated", "{\"secret\":\"of Berlin\"}").await;
    let berlin_key = stage.key(Some("berlin"), ApiKeyRights::Write).await.key.id;
    let destination = destination(&stage).await;
    let mut wien = stage.signed_in(Some("wien"), ApiKeyRights::Write).await;
    for path in [
        format!("/deliveries/{delivery}"),
        format!("/deliveries/{delivery}/cancel"),
        format!("/subscriptions/{subscription}"),
        format!("/subscriptions/{subscription}/delete"),
        format!("/subscriptions/{subscription}/rotate"),
        format!("/subscriptions/{subscription}/edit"),
        format!("/subscriptions/{subscription}/pause"),
        format!("/keys/{berlin_key}/rotate"),
        "/destinations".to_owned(),
        destination.to_owned(),
        "/sources".to_owned(),
        "/sources/egym".to_owned(),
        "/keys/new".to_owned(),
        format!("/keys/{berlin_key}/revoke"),
    ]
    .into_iter()
    .chain(["edit", "rotate", "delete", "pause"].map(|question| format!("{destination}/{question}")))
    {
        let page = wien.get(&path).await.expect(404);
        assert!(!page.has("Berlin"), "{path}");
    }
    for path in [
        format!("/deliveries/{delivery}/retry"),
        format!("/deliveries/{delivery}/cancel"),
        format!("/subscriptions/{subscription}/delete"),
        format!("/subscriptions/{subscription}/test"),
        format!("/subscriptions/{subscription}/rotate"),
        format!("/subscriptions/{subscription}/edit"),
        format!("/subscriptions/{subscription}/pause"),
        format!("/subscriptions/{subscription}/enable"),
        format!("/keys/{berlin_key}/revoke"),
        format!("/keys/{berlin_key}/rotate"),
        "/subscriptions/test-all".to_owned(),
        "/destinations/+test-all".to_owned(),
    ]
    .into_iter()
    .chain(OF_A_DESTINATION.map(|action| format!("{destination}/{action}")))
    {
        let fields = [("hours", "1"), ("minutes", ""), ("gym", "berlin")];
        wien.submit("/overview", &path, &fields).await.expect(404);
    }
    stage.signed_in(None, ApiKeyRights::Write).await.get(destination).await.expect(200);
    stage.attempted(delivery).await;
    let overview = wien.get("/overview").await.expect(200);
    assert!(!overview.has("of Berlin") && !overview.has(&subscription.to_string()), "{}", overview.text);
    assert!(!overview.has("egym") && !overview.has("The last hour"), "what came in is the operator's");
    assert!(!overview.has("href=\"/sources\"") && !overview.has("href=\"/destinations\""));
    assert!(wien.get("/deliveries").await.expect(200).has("Nothing has been delivered yet"));
    wien.get("/deliveries?gym=berlin").await.expect(404);
    assert!(wien.get("/subscriptions").await.expect(200).has("There are no subscriptions yet"));
    wien.get("/subscriptions?gym=berlin").await.expect(404);
    assert!(!wien.get("/keys").await.expect(200).has(&berlin_key.to_string()));
}
