//! Under a path of another service.

use axum::Router;
use gymhook_engine::store::ApiKeyRights;
use http::header::SET_COOKIE;

use crate::stage::{Browser, Stage};

const BASE: &str = "/hooks-admin";

#[tokio::test]
async fn every_link_form_and_cookie_is_under_the_path() {
    let stage = Stage::new().await;
    stage.subscription("berlin", "app").await;
    let delivery = stage.publish("berlin", "member.updated", "{}").await;
    let key = stage.key(None, ApiKeyRights::Write).await;
    let router = Router::new().nest(BASE, stage.router.clone());
    let mut browser = Browser { router, base: BASE.to_owned(), cookies: Default::default() };
    assert_eq!(browser.get("").await.expect(303).location(), "/hooks-admin/overview");
    let asked = browser.get("/deliveries?state=waiting").await.expect(303);
    assert_eq!(asked.location(), "/hooks-admin/sign-in?next=%2Fdeliveries%3Fstate%3Dwaiting");
    let signed_in = browser.sign_in(key.expose_key()).await;
    assert_eq!(signed_in.location(), "/hooks-admin/overview");
    for cookie in signed_in.headers.get_all(SET_COOKIE) {
        assert!(cookie.to_str().unwrap().contains("Path=/hooks-admin"), "{cookie:?}");
    }
    for path in [
        "/overview",
        "/deliveries",
        "/subscriptions",
        "/destinations",
        "/sources",
        "/keys",
        "/audit",
        "/deliveries/x",
    ] {
        let page = browser.get(path).await;
        let links = page.text.split('"').filter(|part| part.starts_with('/') && !part.starts_with("/>"));
        for link in links {
            assert!(link.starts_with("/hooks-admin/"), "{path}: {link}");
        }
    }
    stage.attempted(delivery).await;
    let path = format!("/deliveries/{delivery}");
    let done = browser.submit(&path, &format!("{path}/retry"), &[]).await.expect(303);
    assert_eq!(done.location(), format!("{BASE}{path}"));
    let style = browser.get("/sign-in").await;
    let style = style.text.split('"').find(|part| part.ends_with(".css")).unwrap().to_owned();
    browser.get(style.strip_prefix(BASE).unwrap()).await.expect(200);
}
