//! Signing in, staying signed in, signing out.

use gymhook::signature::Secret;
use gymhook_engine::store::ApiKeyRights;
use http::header::SET_COOKIE;

use crate::stage::{Browser, Stage};

fn set(page: &crate::stage::Page, name: &str) -> String {
    let cookies = page.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap());
    cookies.into_iter().find(|cookie| cookie.starts_with(&format!("{name}="))).expect("a cookie").to_owned()
}

#[tokio::test]
async fn a_key_begins_a_session_whose_cookie_no_script_reads_and_no_other_site_sends() {
    let stage = Stage::new().await;
    let key = stage.key(None, ApiKeyRights::Write).await;
    let mut browser = stage.browser();
    let signed_in = browser.sign_in(key.expose_key()).await;
    assert_eq!(signed_in.location(), "/overview");
    let cookie = set(&signed_in, "gymhook-session");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains(key.expose_key()));
    let page = browser.get("/overview").await.expect(200);
    assert!(page.has("somebody") && page.has("may read and write"));
    page.is_protected();
}

#[tokio::test]
async fn over_https_the_cookie_is_secure() {
    let stage = Stage::with(|settings| settings.https = true).await;
    let key = stage.key(None, ApiKeyRights::Write).await;
    let signed_in = stage.browser().sign_in(key.expose_key()).await;
    assert!(set(&signed_in, "gymhook-session").contains("Secure"));
}

#[tokio::test]
async fn nobody_sees_anything_before_signing_in_and_then_what_was_asked_for() {
    let stage = Stage::new().await;
    let mut browser = stage.browser();
    for path in [
        "/overview",
        "/deliveries?state=waiting",
        "/subscriptions",
        "/destinations",
        "/sources",
        "/keys",
        "/audit",
        "/keys/new",
    ] {
        let page = browser.get(path).await.expect(303);
        assert!(page.location().starts_with("/sign-in?next="), "{path}");
        page.is_protected();
    }
    let sent = browser.get("/deliveries?state=waiting").await;
    let form = browser.get(sent.location()).await.expect(200);
    assert!(form.has("value=\"/deliveries?state=waiting\""), "{}", form.text);
    let key = stage.key(None, ApiKeyRights::Read).await;
    let fields = [("key", key.expose_key()), ("next", "/deliveries?state=waiting"), ("csrf", &form.token())];
    assert_eq!(browser.post("/sign-in", &fields).await.location(), "/deliveries?state=waiting");
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_after_many_the_answer_is_to_wait_but_a_right_one_gets_in() {
    let stage = Stage::new().await;
    let mut browser = stage.browser();
    let mut answers = Vec::new();
    for _ in 0..40 {
        let page = browser.submit("/sign-in", "/sign-in", &[("key", "ghk_wrong")]).await;
        assert!(!browser.cookies.contains_key("gymhook-session"));
        page.is_protected();
        answers.push(page.status.as_u16());
    }
    assert_eq!(answers.first(), Some(&401));
    assert_eq!(answers.last(), Some(&429), "{answers:?}");
    let key = stage.key(None, ApiKeyRights::Write).await;
    browser.sign_in(key.expose_key()).await;
}

#[tokio::test]
async fn a_revoked_key_ends_its_sessions_at_once() {
    let stage = Stage::new().await;
    let key = stage.key(None, ApiKeyRights::Write).await;
    let mut browser = stage.browser();
    browser.sign_in(key.expose_key()).await;
    browser.get("/overview").await.expect(200);
    stage.engine.revoke_api_key(key.key.id).await.unwrap();
    assert!(browser.get("/overview").await.expect(303).location().starts_with("/sign-in"));
}

#[tokio::test]
async fn a_cookie_that_was_changed_is_no_session() {
    let stage = Stage::new().await;
    let key = stage.key(None, ApiKeyRights::Write).await;
    let mut browser = stage.browser();
    browser.sign_in(key.expose_key()).await;
    let good = browser.cookies["gymhook-session"].clone();
    for bad in [
        String::new(),
        "x".to_owned(),
        good[1..].to_owned(),
        format!("{good}A"),
        good.replace(&good[..4], "AAAA"),
    ] {
        browser.cookies.insert("gymhook-session".to_owned(), bad);
        browser.get("/overview").await.expect(303);
    }
}

#[tokio::test]
async fn sessions_end_with_the_process_unless_a_secret_is_set() {
    let set = |text: &str| Some(std::sync::Arc::new(Secret::new(text).unwrap()));
    let one = || set("a secret of thirty-two bytes, or more");
    let stage = Stage::with(|settings| settings.session_secret = one()).await;
    let key = stage.key(None, ApiKeyRights::Write).await;
    let mut browser = stage.browser();
    browser.sign_in(key.expose_key()).await;
    let cookies = browser.cookies.clone();
    // Other processes of the same database.
    for (secret, status) in [(one(), 200), (set("another secret of thirty-two bytes"), 303), (None, 303)] {
        let is_set = secret.is_some();
        let router = stage.again(|settings| settings.session_secret = secret).await;
        let mut browser = Browser { router, base: String::new(), cookies: cookies.clone() };
        let page = browser.get("/overview").await;
        assert_eq!(page.status.as_u16(), status, "set: {is_set}");
    }
}

#[tokio::test]
async fn signing_out_forgets_the_session() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Read).await;
    let page = browser.submit("/overview", "/sign-out", &[]).await.expect(303);
    assert_eq!(page.location(), "/sign-in");
    assert!(!browser.cookies.contains_key("gymhook-session"));
    browser.get("/overview").await.expect(303);
}
