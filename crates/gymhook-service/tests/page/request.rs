//! The request that a delivery's page shows, beside the one that a receiver gets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret};
use gymhook_engine::store::{ApiKeyRights, DeliveryQuery, State};
use gymhook_engine::{DeliveryHeaders, Publication};
use gymhook_service::{Destination, Form};
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::stage::{Page, Stage};

const TRACED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What came, by path.
type Seen = Arc<Mutex<BTreeMap<String, HeaderMap>>>;

async fn receiver() -> (String, Seen) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let router = Router::new().fallback(async move |request: Request<Body>| {
        let (head, _) = request.into_parts();
        kept.lock().unwrap().insert(head.uri.path().to_owned(), head.headers);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, seen)
}

/// The headers on the page; of one that is masked no value.
fn shown(page: &Page) -> Vec<(String, Option<String>)> {
    let (_, table) = page.text.split_once("<caption class=\"unseen\">Headers</caption>").expect("a request");
    let (table, _) = table.split_once("</table>").unwrap();
    let row = |row: &str| {
        let (name, value) = row.split_once("</code></th><td>").unwrap();
        let value = value.strip_prefix("<code>").map(|value| value.split('<').next().unwrap().to_owned());
        (name.to_owned(), value)
    };
    table.split("<tr><th scope=\"row\"><code>").skip(1).map(row).collect()
}

#[tokio::test]
async fn the_request_on_a_page_is_the_one_that_is_sent() {
    let (receiver, seen) = receiver().await;
    let stage = Stage::with(|settings| {
        settings.subscriber_networks = vec!["127.0.0.0/8".parse().unwrap()];
        for form in [Form::CloudEvents, Form::Original] {
            let keys = Keyring::single("main", Secret::new("a secret of thirty-two bytes, or more").unwrap());
            let url = format!("{receiver}/{}", form.as_str());
            let mut destination = Destination::new(form.as_str(), url, keys.unwrap());
            destination.form = form;
            settings.destinations.push(destination);
        }
    })
    .await;
    let id = stage.subscription("berlin", "app").await;
    let subscription = stage.engine.subscription(id).await.unwrap().unwrap();
    let url = EndpointUrl::dangerous_without_rule(&format!("{receiver}/subscription?token=canary")).unwrap();
    stage.engine.put_subscription(&subscription.with_url(url)).await.unwrap();
    let traced = (HeaderName::from_static("traceparent"), HeaderValue::from_static(TRACED));
    let headers = DeliveryHeaders::new(HeaderMap::from_iter([traced])).unwrap();
    let publication = Publication::new("standard-webhooks", "member.updated", "{}").with_headers(headers);
    stage.engine.publish("berlin", "event-1", &publication).await.unwrap();
    let body = r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    let mut browser = stage.signed_in(None, ApiKeyRights::Read).await;
    let webhook = Request::post("/in/egym").header("x-api-key", "the key that EGYM sends");
    browser.send(webhook.body(Body::from(body)).unwrap()).await.expect(200);

    let query = DeliveryQuery { state: Some(State::Delivered), ..DeliveryQuery::new(10) };
    let mut delivered = Vec::new();
    for _ in 0..1_200 {
        delivered = stage.engine.deliveries(query.clone()).await.unwrap().items;
        delivered.retain(|row| row.platform != "inbox");
        if delivered.len() == 3 {
            break;
        }
        tokio::time::sleep(core::time::Duration::from_millis(50)).await;
    }
    assert_eq!(delivered.len(), 3, "to two destinations and a subscription");
    for row in delivered {
        let page = browser.get(&format!("/deliveries/{}", row.id)).await.expect(200);
        let path = page.text.split(&receiver).nth(1).unwrap();
        let path: String = path.chars().take_while(|c| *c == '/' || c.is_ascii_alphabetic()).collect();
        let mut got = seen.lock().unwrap()[&path].clone();
        // HTTP's own.
        got.remove("host");
        let shown = shown(&page);
        let mut names: Vec<_> = shown.iter().map(|(name, _)| name.as_str()).collect();
        let mut sent: Vec<_> = got.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        sent.sort_unstable();
        assert_eq!(names, sent, "{path}");
        for (name, value) in &shown {
            match value {
                None => assert!(["webhook-signature", "x-token"].contains(&name.as_str()), "{path}: {name}"),
                Some(_) if name == "webhook-timestamp" => {}
                Some(value) => {
                    assert_eq!(value.as_str(), got[name.as_str()].to_str().unwrap(), "{path}: {name}")
                }
            }
        }
        let has = |name: &str| names.contains(&name);
        assert!(has("user-agent") && has("content-type") && has("webhook-signature"), "{names:?}");
        assert_eq!(has("traceparent"), path == "/subscription");
        assert_eq!(has("gymhook-proved"), path == "/original");
        assert!(page.has("An attempt would now send") && !page.has("The next attempt sends"));
    }
}
