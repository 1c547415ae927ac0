//! Forms of other sites, and files that are kept.

use gymhook_engine::store::{ApiKeyQuery, ApiKeyRights};
use http::header::CACHE_CONTROL;

use crate::stage::Stage;

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn a_form_without_the_session_s_token_does_nothing() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let mut other = stage.signed_in(None, ApiKeyRights::Write).await;
    let foreign = other.get("/keys/new").await.token();
    let fields = [("label", "planted"), ("rights", "write")];
    for token in [None, Some(""), Some("x"), Some(foreign.as_str())] {
        let fields: Vec<_> = fields.iter().copied().chain(token.map(|token| ("csrf", token))).collect();
        browser.post("/keys/new", &fields).await.expect(403).is_protected();
    }
    // A token is of the session, and not of the sign-in page.
    let guest = stage.browser().get("/sign-in").await.token();
    browser
        .post("/keys/new", &[("label", "planted"), ("rights", "write"), ("csrf", &guest)])
        .await
        .expect(403);
    let keys = stage.engine.api_keys(ApiKeyQuery::new(100)).await.unwrap().items;
    assert!(keys.iter().all(|key| key.label != "planted"));
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing_even_with_the_token() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let token = browser.get("/keys/new").await.token();
    let fields = [("label", "planted"), ("rights", "write"), ("csrf", token.as_str())];
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://gateway.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "https://gateway.example.evil.example")],
    ] {
        browser.post_with("/keys/new", &fields, headers).await.expect(403);
    }
    for headers in [&[SAME][..], &[("origin", "https://gateway.example")]] {
        browser.post_with("/keys/new", &fields, headers).await.expect(200);
    }
}

#[tokio::test]
async fn nobody_is_signed_in_by_another_site() {
    let stage = Stage::new().await;
    let key = stage.key(None, ApiKeyRights::Write).await;
    let mut attacker = stage.browser();
    let token = attacker.get("/sign-in").await.token();
    // The attacker's token without the attacker's cookie.
    let mut victim = stage.browser();
    let fields = [("key", key.expose_key()), ("csrf", token.as_str())];
    victim.post("/sign-in", &fields).await.expect(403);
    let _ = victim.get("/sign-in").await;
    victim.post("/sign-in", &fields).await.expect(403);
    assert!(!victim.cookies.contains_key("gymhook-session"));
    let own = victim.get("/sign-in").await.token();
    let fields = [("key", key.expose_key()), ("csrf", own.as_str())];
    victim.post_with("/sign-in", &fields, &[("sec-fetch-site", "cross-site")]).await.expect(403);
    victim.post_with("/sign-in", &fields, &[SAME]).await.expect(303);
}

#[tokio::test]
async fn nothing_changes_by_get() {
    let stage = Stage::new().await;
    let subscription = stage.subscription("berlin", "app").await;
    let delivery = stage.publish("berlin", "member.updated", "{}").await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    for path in [
        format!("/deliveries/{delivery}/retry"),
        format!("/subscriptions/{subscription}/test"),
        format!("/subscriptions/{subscription}/enable"),
        "/subscriptions/test-all".to_owned(),
        "/destinations/+test-all".to_owned(),
        "/sign-out".to_owned(),
    ] {
        let page = browser.get(&path).await;
        assert!(page.status.as_u16() == 405 || page.status.as_u16() == 404, "{path}: {}", page.status);
    }
}

#[tokio::test]
async fn a_form_that_is_too_long_is_refused() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let long = "x".repeat(100_000);
    browser
        .submit("/keys/new", "/keys/new", &[("label", &long), ("rights", "read")])
        .await
        .expect(413)
        .is_protected();
}

#[tokio::test]
async fn style_and_script_are_kept_for_ever_under_names_that_change_with_them() {
    let stage = Stage::new().await;
    let mut browser = stage.browser();
    let page = browser.get("/sign-in").await;
    let links = page.text.split('"').filter(|part| part.starts_with("/assets/")).map(str::to_owned);
    let links: std::collections::BTreeSet<String> = links.collect();
    assert!(links.len() >= 2, "{links:?}");
    for link in &links {
        let file = browser.get(link).await.expect(200);
        assert_eq!(file.headers[CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(file.headers["x-content-type-options"], "nosniff");
    }
    browser.get("/assets/page-000000000000.css").await.expect(404);
    browser.get("/assets/..%2f..%2fCargo.toml").await.expect(404);
}
