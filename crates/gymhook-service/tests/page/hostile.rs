//! What vendors, receivers and subscribers write is shown as text.

use axum::Router;
use gymhook::send::EndpointUrl;
use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights};
use http::StatusCode;

use crate::form::Form;
use crate::stage::{Page, Stage};

const HOSTILE: &str =
    "</title></script></pre>\"'><img src=x onerror=planted><svg/onload=planted>{{planted}}&lt;planted";

fn is_text(path: &str, page: &Page) {
    for markup in ["<img src=x", "<svg/onload", "</pre>\"", "\"'>"] {
        assert!(!page.has(markup), "{path}: {markup}: {}", page.text);
    }
    page.is_protected();
}

/// What the form says, if anything of it was changed meanwhile.
const STALE: &str = "was changed since";

/// The field itself was refused, and is shown as text.
fn is_judged(field: &str, page: &Page) {
    is_text(field, page);
    assert!(page.has("id=\"problem\"") && !page.has(STALE), "{field}: {}", page.text);
}

/// The mark of what the form showed was refused.
fn is_stale(what: &str, page: &Page) {
    is_text(what, page);
    assert!(page.has(STALE), "{what}: {}", page.text);
}

/// Answers with them.
async fn receiver() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let router = Router::new().fallback(async || (StatusCode::INTERNAL_SERVER_ERROR, HOSTILE));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn no_string_of_others_becomes_markup() {
    let stage =
        Stage::with(|settings| settings.subscriber_networks = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let gym = HOSTILE;
    let subscription = stage.subscription(gym, HOSTILE).await;
    let held = stage.engine.subscription(subscription).await.unwrap().unwrap();
    let url = EndpointUrl::dangerous_without_rule(&receiver().await).unwrap();
    let held = held.with_url_for(HOSTILE, url.clone()).with_url(url);
    let notes = [
        ("\"'><img src=x>".to_owned(), HOSTILE.to_owned()),
        ("a".to_owned(), "</textarea><img src=x>".to_owned()),
    ];
    stage.engine.put_subscription(&held.with_metadata(notes)).await.unwrap();
    let body = serde_json::to_string(HOSTILE).unwrap();
    let delivery = stage.publish(gym, HOSTILE, &body).await;
    let raw = stage.publish(gym, "raw", HOSTILE).await;
    let owner = ApiKeyOwner::Gym(HOSTILE.to_owned());
    let key = stage.engine.issue_api_key(owner, HOSTILE, ApiKeyRights::Write).await.unwrap();
    stage.attempted(delivery).await;
    let mut browser = stage.browser();
    browser.sign_in(key.expose_key()).await;
    // The audit has the key's label, the gym and what it was done to.
    browser.submit("/overview", &format!("/deliveries/{raw}/cancel"), &[]).await;
    let tested =
        browser.submit("/overview", "/subscriptions/test-all", &[("gym", HOSTILE)]).await.expect(200);
    is_text("the tests", &tested);
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let new = [("name", "app"), ("url", "http://127.0.0.1:9/"), ("studios", HOSTILE), ("sources", HOSTILE)];
    browser.submit("/overview", "/destinations/+new", &new).await.expect(200);
    let edit = "/destinations/app/edit".to_owned();
    let form = Form::at(&mut browser, &edit).await;
    for field in ["kinds", "url", "form"] {
        let refused = form.clone().with(field, HOSTILE).send(&mut browser).await.expect(422);
        is_judged(field, &refused);
    }
    is_stale("a destination's form", &form.with("seen", HOSTILE).send(&mut browser).await.expect(422));
    let edit = format!("/subscriptions/{subscription}/edit");
    let form = Form::at(&mut browser, &edit).await;
    for field in ["url", "urls", "headers", "max_in_flight", "rate_attempts", "metadata"] {
        let refused = form.clone().with(field, HOSTILE).send(&mut browser).await.expect(422);
        is_judged(field, &refused);
    }
    let stale = form.clone().with("seen", HOSTILE).send(&mut browser).await.expect(422);
    is_stale("a subscription's form", &stale);
    // A type may be called so: the pages below show it.
    form.with("events", HOSTILE).send(&mut browser).await.expect(303);
    assert!(browser.get(&format!("/subscriptions/{subscription}")).await.has("&#60;svg/onload=planted&#62;"));
    let tested = browser.submit("/overview", "/destinations/+test-all", &[]).await.expect(200);
    is_text("the tests of destinations", &tested);
    // All that a header's name may have.
    let refused = http::Request::post("/in/egym").header("x-'&lt'planted", "1").header("x-api-key", HOSTILE);
    browser.send(refused.body(axum::body::Body::from(HOSTILE)).unwrap()).await.expect(401);
    let key = key.key.id;
    let asked = serde_urlencoded::to_string([("gym", HOSTILE), ("type", HOSTILE)]).unwrap();
    let wrong = serde_urlencoded::to_string([("from", HOSTILE), ("state", "")]).unwrap();
    for path in [
        "/overview".to_owned(),
        "/deliveries".to_owned(),
        format!("/deliveries?{asked}"),
        format!("/deliveries?{wrong}"),
        format!("/deliveries/{delivery}"),
        format!("/deliveries/{raw}"),
        format!("/deliveries/{delivery}/cancel"),
        "/subscriptions".to_owned(),
        format!("/subscriptions?{}", serde_urlencoded::to_string([("gym", HOSTILE)]).unwrap()),
        format!("/subscriptions/{subscription}"),
        format!("/subscriptions/{subscription}/edit"),
        format!("/subscriptions/{subscription}/pause"),
        format!("/subscriptions/{subscription}/rotate"),
        format!("/subscriptions/{subscription}/delete"),
        "/keys".to_owned(),
        format!("/keys/{key}/rotate"),
        format!("/keys/{key}/revoke"),
        "/sources".to_owned(),
        "/sources/egym".to_owned(),
        "/destinations".to_owned(),
        "/destinations/app".to_owned(),
        "/destinations/app/edit".to_owned(),
        "/audit".to_owned(),
        format!("/audit?{}", serde_urlencoded::to_string([("gym", HOSTILE), ("subject", HOSTILE)]).unwrap()),
        format!("/sign-in?{}", serde_urlencoded::to_string([("next", HOSTILE)]).unwrap()),
    ] {
        is_text(&path, &browser.get(&path).await);
    }
    assert!(browser.get("/audit").await.has("planted"), "there are entries");
    let mut sources = browser.get("/sources").await;
    for _ in 0..200 {
        if sources.has("planted") {
            break;
        }
        // What is refused is written a little later.
        tokio::time::sleep(core::time::Duration::from_millis(50)).await;
        sources = browser.get("/sources").await;
    }
    assert!(sources.has("x-&#39;&#38;lt&#39;planted"), "{}", sources.text);
    is_text("/sources", &sources);
    let page = browser.get(&format!("/deliveries/{delivery}")).await;
    let (_, response) = page.text.split_once("<summary>Response</summary>").expect("the response is kept");
    assert!(response.contains("&#60;img src=x"), "{response}");
    assert!(page.has("&#60;img src=x onerror=planted&#62;"), "{}", page.text);
    assert!(page.has("&#38;lt;planted"), "an entity of theirs is text, too");
}
