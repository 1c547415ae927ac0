//! Each screen, and what is done on it.

use gymhook::signature::{Keyring, Secret};
use gymhook_engine::store::{ApiKeyRights, DeliveryQuery, State};
use gymhook_service::Destination;

use crate::stage::Stage;

#[tokio::test]
async fn an_empty_log_and_a_filter_that_fits_nothing_and_one_that_cannot_be_have_their_own_words() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let none = browser.get("/deliveries").await.expect(200);
    assert!(none.has("Nothing has been delivered yet") && !none.has("fits this filter"));
    let fits = browser.get("/deliveries?gym=berlin&state=&kind=").await.expect(200);
    assert!(fits.has("No delivery fits this filter") && !fits.has("Nothing has been"));
    for (query, words) in [
        ("from=yesterday", "write it like 2026-01-31T18:00"),
        ("state=lost", "There is no such state"),
        ("kind=lost", "There is no such kind"),
        ("endpoint=1", "This is not an id"),
        ("before=x", "This page is not there"),
    ] {
        let page = browser.get(&format!("/deliveries?{query}")).await.expect(422);
        assert!(page.has(words) && page.has("role=\"alert\""), "{query}: {}", page.text);
        page.is_protected();
    }
    // Twice the same parameter is a mistake of whoever wrote the address.
    browser.get("/deliveries?gym=a&gym=b").await.expect(400).is_protected();
}

#[tokio::test]
async fn filters_are_in_the_url_and_pages_follow_one_another() {
    let stage = Stage::new().await;
    stage.subscription("berlin", "app").await;
    stage.subscription("wien & graz", "app").await;
    for _ in 0..60 {
        stage.publish("berlin", "member.updated", "{}").await;
    }
    let other = stage.publish("wien & graz", "a&b", "{}").await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let first = browser.get("/deliveries").await.expect(200);
    assert_eq!(first.text.matches("<tr>").count(), 51, "a head and fifty");
    let older =
        first.text.split('"').find(|part| part.starts_with("/deliveries?before=")).unwrap().to_owned();
    let second = browser.get(&older).await.expect(200);
    assert_eq!(second.text.matches("<tr>").count(), 12);
    assert!(second.has("Latest") && !second.has("data-live"), "an older page stands still");
    let found = browser.get("/deliveries?gym=wien+%26+graz&type=a%26b").await.expect(200);
    assert!(found.has(&other.to_string()) && found.has("value=\"wien &#38; graz\""), "{}", found.text);
    assert_eq!(found.text.matches("<tr>").count(), 2);
}

#[tokio::test]
async fn a_delivery_shows_everything_but_secrets() {
    let stage = Stage::new().await;
    let subscription = stage.subscription("berlin", "Member app").await;
    let body = r#"{"id":9007199254740993123,"money":1.10}"#;
    let delivery = stage.publish("berlin", "member.updated", body).await;
    stage.attempted(delivery).await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let page = browser.get(&format!("/deliveries/{delivery}")).await.expect(200);
    for shown in [
        "member.updated",
        "Member app",
        "9007199254740993123",
        "1.10",
        "https://receiver.example/hooks",
        "webhook-signature",
        "webhook-id",
        "x-token",
        "curl --request POST",
        "Planned",
        "then it is given up",
        "Retry now",
        &format!("/deliveries/{delivery}/cancel"),
        &subscription.to_string(),
    ] {
        assert!(page.has(shown), "{shown}: {}", page.text);
    }
    for secret in ["secret-canary", "header-canary", "query-canary", "v1,"] {
        assert!(!page.has(secret), "{secret}");
    }
    // The payload is folded until somebody asks.
    let (_, payload) = page.text.split_once("id=\"raw\"").unwrap();
    assert!(payload.starts_with("><summary>"), "not open");
    for nothing in ["/deliveries/x", "/deliveries/0192ab34-0000-7000-8000-000000000001"] {
        browser.get(nothing).await.expect(404).is_protected();
    }
}

#[tokio::test]
async fn a_delivery_is_shown_whatever_became_of_where_it_goes() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let form = "/destinations/+new";
    let new = [("name", "app"), ("url", "http://127.0.0.1:9/"), ("form", "cloudevents")];
    browser.submit(form, form, &new).await.expect(200);
    browser.submit("/destinations/app", "/destinations/app/test", &[]).await.expect(303);
    let row = stage.engine.deliveries(DeliveryQuery::new(1)).await.unwrap().items.remove(0);
    let path = format!("/deliveries/{}", row.id);
    assert!(browser.get(&path).await.expect(200).has("href=\"/destinations/app\""));
    browser.submit("/destinations/app/delete", "/destinations/app/delete", &[]).await.expect(303);
    let page = browser.get(&path).await.expect(200);
    assert!(!page.has("href=\"/destinations/") && !page.has("Received by"), "{}", page.text);
    assert!(page.has("(deleted)") && page.has("<dt>To</dt>"), "{}", page.text);
    assert!(page.has("Its destination was deleted"), "{}", page.text);

    stage.subscription("berlin", "app").await;
    let delivery = stage.publish("berlin", "member.updated", "{}").await;
    let database = rusqlite::Connection::open(stage.folder.path().join("gymhook.db")).unwrap();
    let damage = "UPDATE gymhook_subscriptions SET settings = 'damaged' WHERE gym = 'berlin'";
    assert_eq!(database.execute(damage, []).unwrap(), 1);
    let page = browser.get(&format!("/deliveries/{delivery}")).await.expect(200);
    assert!(page.has("(its settings cannot be read)") && page.has("member.updated"), "{}", page.text);
    let all = browser.submit("/deliveries", "/subscriptions/test-all", &[("gym", "berlin")]).await;
    assert!(!all.status.is_server_error(), "{}", all.text);
}

#[tokio::test]
async fn cancelling_asks_first_and_says_what_was_done() {
    let stage = Stage::new().await;
    stage.subscription("berlin", "app").await;
    let delivery = stage.publish("berlin", "member.updated", "{}").await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let path = format!("/deliveries/{delivery}");
    let asked = browser.get(&format!("{path}/cancel")).await.expect(200);
    assert!(asked.has("Cancel this delivery?") && asked.has(">Back<"));
    let done = browser.submit(&format!("{path}/cancel"), &format!("{path}/cancel"), &[]).await.expect(303);
    assert_eq!(done.location(), path);
    let told = browser.get(&path).await.expect(200);
    assert!(told.has("The delivery is being cancelled."), "{}", told.text);
    assert!(!browser.get(&path).await.has("The delivery is being cancelled."), "it is told once");
    stage.until(delivery, |state| state == State::Cancelled).await;
}

#[tokio::test]
async fn what_was_done_is_one_of_our_sentences_whatever_the_cookie_says() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    browser.cookies.insert("gymhook-done".to_owned(), "<b>planted</b>".to_owned());
    assert!(!browser.get("/overview").await.expect(200).has("planted"));
}

#[tokio::test]
async fn a_subscription_is_created_and_its_secret_shown_once() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let form = "/subscriptions/new";
    let wrong = [
        ("gym", "berlin"),
        ("platform", "standard-webhooks"),
        ("url", "http://169.254.169.254/"),
        ("label", "kept"),
    ];
    let refused = browser.submit(form, form, &wrong).await.expect(422);
    assert!(refused.has("aria-invalid=\"true\"") && refused.has("value=\"kept\""), "{}", refused.text);
    let right = [
        ("gym", "berlin"),
        ("platform", "standard-webhooks"),
        ("url", "https://receiver.example/hooks"),
        ("events", "member.*, checkin.created"),
    ];
    let shown = browser.submit(form, form, &right).await.expect(200);
    assert!(shown.has("whsec_") && shown.has("shown only once"));
    let secret = shown.text.split("whsec_").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let list = browser.get("/subscriptions").await.expect(200);
    assert!(list.has("receiver.example") && !list.has(&secret));
    let one = list.text.split('"').find(|part| part.starts_with("/subscriptions/0")).unwrap().to_owned();
    let one = browser.get(&one).await.expect(200);
    assert!(one.has("member.*") && !one.has(&secret));
}

#[tokio::test]
async fn a_subscription_is_paused_enabled_rotated_tested_and_deleted() {
    let stage = Stage::new().await;
    let subscription = stage.subscription("berlin", "app").await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let path = format!("/subscriptions/{subscription}");
    let at = |action: &str| format!("{path}/{action}");
    browser.submit(&at("pause"), &at("pause"), &[("minutes", "60")]).await.expect(303);
    browser.submit(&at("pause"), &at("pause"), &[("minutes", "an hour")]).await.expect(422);
    browser.submit(&at("pause"), &at("pause"), &[("minutes", "4294967295")]).await.expect(422);
    browser.submit(&path, &at("enable"), &[]).await.expect(303);
    let rotated = browser.submit(&at("rotate"), &at("rotate"), &[("hours", "24")]).await.expect(200);
    assert!(rotated.has("whsec_"));
    browser.submit(&at("rotate"), &at("rotate"), &[("hours", "-1")]).await.expect(422);
    // As long as the API allows: 30 days.
    browser.submit(&at("rotate"), &at("rotate"), &[("hours", "720")]).await.expect(200);
    browser.submit(&at("rotate"), &at("rotate"), &[("hours", "721")]).await.expect(422);
    assert!(browser.get(&at("rotate")).await.has(&format!("href=\"{path}\"")), "there is a way back");
    // Its platform has no test event.
    assert!(browser.submit(&path, &at("test"), &[]).await.has("no test event"));
    let all = browser
        .submit("/subscriptions?gym=berlin", "/subscriptions/test-all", &[("gym", "berlin")])
        .await
        .expect(200);
    assert!(all.has("o test event"), "{}", all.text);
    browser.submit(&at("delete"), &at("delete"), &[]).await.expect(303);
    browser.get(&path).await.expect(404);
    assert!(stage.engine.subscription(subscription).await.unwrap().is_none());
}

#[tokio::test]
async fn a_destination_is_created_tested_and_deleted() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let form = "/destinations/+new";
    let wrong = [("name", "the app"), ("url", "http://127.0.0.1:9/"), ("kinds", "")];
    assert!(browser.submit(form, form, &wrong).await.expect(422).has("aria-invalid=\"true\""));
    let right =
        [("name", "new"), ("url", "http://127.0.0.1:9/"), ("kinds", "check-in"), ("form", "original")];
    assert!(browser.submit(form, form, &right).await.expect(200).has("whsec_"));
    assert!(browser.submit(form, form, &right).await.expect(422).has("There is a destination"));
    let one = browser.get("/destinations/new").await.expect(200);
    assert!(one.has("check-in") && one.has("original"));
    browser.submit("/destinations/new", "/destinations/new/test", &[]).await.expect(303);
    let all = browser.submit("/destinations", "/destinations/+test-all", &[]).await.expect(200);
    assert!(
        all.has("Tests of <bdi>all destinations</bdi>") && all.has("href=\"/destinations/new\""),
        "{}",
        all.text
    );
    let sent = stage.engine.deliveries(DeliveryQuery::new(10)).await.unwrap().items;
    assert_eq!(sent.iter().filter(|row| row.event_type == "gymhook.test").count(), 2);
    assert!(all.has(&format!("href=\"/deliveries/{}\"", sent[0].id)), "{}", all.text);
    let rotated =
        browser.submit("/destinations/new/rotate", "/destinations/new/rotate", &[("hours", "1")]).await;
    assert!(rotated.expect(200).has("whsec_"));
    browser.submit("/destinations/new/delete", "/destinations/new/delete", &[]).await.expect(303);
    browser.get("/destinations/new").await.expect(404);
}

#[tokio::test]
async fn a_destination_of_the_settings_is_changed_there() {
    let stage = Stage::with(|settings| {
        let keys = Keyring::single("main", Secret::new("a secret of thirty-two bytes, or more").unwrap());
        settings.destinations.push(Destination::new("app", "http://127.0.0.1:9/", keys.unwrap()));
    })
    .await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let page = browser.get("/destinations/app").await.expect(200);
    assert!(page.has("declared in the gateway") && page.has("/destinations/app/pause\""), "{}", page.text);
    assert!(!page.has("/rotate\"") && !page.has("/edit\"") && !page.has("/delete\""), "{}", page.text);
    for path in ["/destinations/app/edit", "/destinations/app/rotate", "/destinations/app/delete"] {
        browser.get(path).await.expect(409);
        browser.submit("/overview", path, &[("hours", "1")]).await.expect(409);
    }
}

#[tokio::test]
async fn the_overview_shows_who_fails_before_anything_is_given_up() {
    let stage = Stage::new().await;
    let deleted = stage.subscription("berlin", "The app of yesterday").await;
    stage.subscription("berlin", "The failing app").await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Read).await;
    assert!(!browser.get("/overview").await.expect(200).has("The failing app"), "nothing was sent yet");
    let delivery = stage.publish("berlin", "member.updated", "{}").await;
    stage.attempted(delivery).await;
    stage.engine.delete_subscription(deleted).await.unwrap();
    let mut page = browser.get("/overview").await.expect(200);
    for _ in 0..200 {
        if page.has("first failed") {
            break;
        }
        tokio::time::sleep(core::time::Duration::from_millis(50)).await;
        page = browser.get("/overview").await.expect(200);
    }
    assert!(page.has("The failing app") && page.has("first failed"), "{}", page.text);
    assert!(!page.has("The app of yesterday"), "it was deleted");
    assert!(page.has("No delivery was given up."), "{}", page.text);
}

#[tokio::test]
async fn a_key_is_issued_rotated_and_revoked() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    browser.submit("/keys/new", "/keys/new", &[("label", " "), ("rights", "read")]).await.expect(422);
    let wrong =
        browser.submit("/keys/new", "/keys/new", &[("label", "x"), ("rights", "all")]).await.expect(422);
    assert!(wrong.has("There are no such rights") && wrong.has("value=\"x\""), "{}", wrong.text);
    let fields = [("label", "front desk"), ("gym", "berlin"), ("rights", "retry")];
    let shown = browser.submit("/keys/new", "/keys/new", &fields).await.expect(200);
    let key = format!("ghk_{}", shown.text.split(">ghk_").nth(1).unwrap().split('<').next().unwrap());
    let issued = stage.engine.check_api_key(&key).await.unwrap().unwrap();
    assert_eq!((issued.label.as_str(), issued.rights), ("front desk", ApiKeyRights::Retry));
    assert!(!browser.get("/keys").await.expect(200).has("ghk_"));
    let rotate = format!("/keys/{}/rotate", issued.id);
    assert!(browser.submit(&rotate, &rotate, &[("hours", "1")]).await.expect(200).has(">ghk_"));
    let revoke = format!("/keys/{}/revoke", issued.id);
    assert!(browser.get(&revoke).await.expect(200).has("cannot be undone"));
    browser.submit(&revoke, &revoke, &[]).await.expect(303);
    assert!(stage.engine.check_api_key(&key).await.unwrap().is_none());
}

#[tokio::test]
async fn sources_say_what_came_and_why_something_was_refused() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Read).await;
    assert!(browser.get("/sources").await.expect(200).has("Not connected"));
    let request =
        http::Request::post("/in/egym").header("x-api-key", "value-canary").header("x-other", "value-canary");
    let refused = browser.send(request.body(axum::body::Body::from("{}")).unwrap()).await;
    assert_eq!(refused.status.as_u16(), 401);
    for path in ["/sources", "/sources/egym"] {
        // What is refused is written a little later.
        let mut page = browser.get(path).await.expect(200);
        for _ in 0..100 {
            if page.has("x-other") {
                break;
            }
            tokio::time::sleep(core::time::Duration::from_millis(50)).await;
            page = browser.get(path).await.expect(200);
        }
        assert!(page.has("Error") && page.has("x-other") && page.has("berlin"), "{}", page.text);
        assert!(!page.has("value-canary") && !page.has("the key that EGYM sends"));
        page.is_protected();
    }
    browser.get("/sources/nothing").await.expect(404);
}

/// Nobody has attempted it, and nobody had to.
#[tokio::test]
async fn what_was_passed_on_as_it_was_accepted_says_so() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Read).await;
    let body = r#"{"accountId":"a-1","gymId":1,"timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    let request = http::Request::post("/in/egym").header("x-api-key", "the key that EGYM sends");
    let accepted = browser.send(request.body(axum::body::Body::from(body)).unwrap()).await;
    assert_eq!(accepted.status.as_u16(), 200, "{}", accepted.text);
    let log = stage.engine.deliveries(DeliveryQuery::new(9)).await.unwrap().items;
    let [item] = &log[..] else { panic!("{log:?}") };
    let page = browser.get(&format!("/deliveries/{}", item.id)).await.expect(200);
    assert!(
        page.has("Passed on as it was accepted, at ") && page.has("No attempt was made"),
        "{}",
        page.text
    );
}

#[tokio::test]
async fn a_log_that_fails_to_load_is_not_an_empty_one() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    assert!(browser.get("/deliveries").await.expect(200).has("Nothing has been delivered yet"));
    let database = rusqlite::Connection::open(stage.folder.path().join("gymhook.db")).unwrap();
    database.execute_batch("ALTER TABLE gymhook_deliveries RENAME TO gone").unwrap();
    let page = browser.get("/deliveries").await.expect(503);
    assert!(
        page.has("The deliveries failed to load.") && !page.has("Nothing has been delivered"),
        "{}",
        page.text
    );
    page.is_protected();
    let page = browser.get("/overview").await.expect(503);
    assert!(page.has("Failed to load") && !page.has("gymhook_deliveries"), "{}", page.text);
    page.is_protected();
}

#[tokio::test]
async fn every_change_is_in_the_audit_with_the_key_s_label() {
    let stage = Stage::new().await;
    let subscription = stage.subscription("berlin", "app").await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    assert!(browser.get("/audit").await.expect(200).has("Nothing has been changed yet"));
    let path = format!("/subscriptions/{subscription}/delete");
    browser.submit(&path, &path, &[]).await.expect(303);
    let page = browser.get("/audit").await.expect(200);
    assert!(
        page.has(&subscription.to_string())
            && page.has("<bdi>somebody</bdi>")
            && page.has("<bdi>berlin</bdi>")
    );
    assert!(browser.get("/audit?gym=wien").await.expect(200).has("No change fits this filter"));
    let mut wien = stage.signed_in(Some("wien"), ApiKeyRights::Write).await;
    assert!(!wien.get("/audit").await.expect(200).has(&subscription.to_string()));
}

#[tokio::test]
async fn an_endpoint_s_page_says_what_failed_last_and_when_the_next_attempt_is() {
    let stage = Stage::new().await;
    let subscription = stage.subscription("berlin", "app").await;
    let path = format!("/subscriptions/{subscription}");
    let mut browser = stage.signed_in(None, ApiKeyRights::Read).await;
    let fact = |page: &crate::stage::Page, name: &str| {
        let (_, rest) = page.text.split_once(&format!("<dt>{name}</dt><dd>"))?;
        Some(rest.split("</dd>").next().unwrap().to_owned())
    };
    let page = browser.get(&path).await.expect(200);
    assert_eq!(fact(&page, "Last error").unwrap(), "none lately");
    assert!(fact(&page, "Next attempt").is_none());
    let delivery = stage.publish("berlin", "member.updated", "{}").await;
    stage.attempted(delivery).await;
    let page = browser.get(&path).await.expect(200);
    let error = fact(&page, "Last error").unwrap();
    let log = stage.engine.delivery(delivery).await.unwrap().unwrap();
    assert!(error.starts_with(&format!("<a href=\"/deliveries/{delivery}\">")), "{error}");
    assert!(error.contains(&log.attempts.items[0].outcome.to_string()), "{error}");
    // The schedule's 600 s.
    assert!(
        fact(&page, "Next attempt").unwrap().contains("in 10 min")
            || fact(&page, "Next attempt").unwrap().contains("in 9 min")
    );
    stage.engine.cancel(delivery).await.unwrap();
    let mut page = browser.get(&path).await;
    for _ in 0..200 {
        if fact(&page, "Next attempt").is_none() {
            break;
        }
        tokio::time::sleep(core::time::Duration::from_millis(20)).await;
        page = browser.get(&path).await;
    }
    assert!(fact(&page, "Next attempt").is_none(), "nothing waits");
    assert!(browser.get("/subscriptions").await.has("data-name=\"Last given up\""));
}
