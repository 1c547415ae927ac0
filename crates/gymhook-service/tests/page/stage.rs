//! A service over a database of its own, and browsers without a window.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use gymhook::Provider;
use gymhook::delivery::EndpointPolicy;
use gymhook::event::Vendor;
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret};
use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights, SqliteStore, State};
use gymhook_engine::{DeliveryId, EndpointId, Engine, IssuedApiKey, Publication, Subscription};
use gymhook_service::{Service, Settings, Source};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) struct Stage {
    pub(crate) router: Router,
    pub(crate) engine: Engine<SqliteStore>,
    pub(crate) folder: TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
        let settings = Self::settings(change);
        let service = Service::start(settings, store.clone()).await.unwrap();
        let engine = Engine::builder(store).enqueue_only();
        Self { router: service.router(), engine, folder }
    }

    /// Another service on the same database.
    pub(crate) async fn again(&self, change: impl FnOnce(&mut Settings)) -> Router {
        let store = SqliteStore::open(self.folder.path().join("gymhook.db")).unwrap();
        Service::start(Self::settings(change), store).await.unwrap().router()
    }

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings::default();
        let egym = Provider::of(Vendor::EGYM).unwrap();
        let keys = Keyring::single("berlin", Secret::new("the key that EGYM sends").unwrap()).unwrap();
        settings.sources.push(Source::new("egym", gymhook::Receiver::new(&egym, keys).unwrap()));
        change(&mut settings);
        settings
    }

    pub(crate) async fn key(&self, gym: Option<&str>, rights: ApiKeyRights) -> IssuedApiKey {
        self.engine
            .issue_api_key(ApiKeyOwner::from_gym(gym.map(str::to_owned)), "somebody", rights)
            .await
            .unwrap()
    }

    /// A browser in which nobody has signed in.
    pub(crate) fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), base: String::new(), cookies: BTreeMap::new() }
    }

    /// A browser in which somebody has, with a key of these rights.
    pub(crate) async fn signed_in(&self, gym: Option<&str>, rights: ApiKeyRights) -> Browser {
        let key = self.key(gym, rights).await;
        let mut browser = self.browser();
        browser.sign_in(key.expose_key()).await;
        browser
    }

    /// A subscription to a receiver that is not there.
    pub(crate) async fn subscription(&self, gym: &str, label: &str) -> EndpointId {
        let id = EndpointId::from(uuid::Uuid::now_v7());
        let url =
            EndpointUrl::dangerous_without_rule("https://receiver.example/hooks?token=query-canary").unwrap();
        let keys = Arc::new(
            Keyring::single("2026-01", Secret::new("secret-canary-of-32-bytes-at-least").unwrap()).unwrap(),
        );
        let policy = EndpointPolicy::new(RetryPolicy::new(RetrySchedule::fixed(vec![
                core::time::Duration::from_secs(
                    600
                );
                3
            ])));
        let mut headers = HeaderMap::new();
        headers.insert("x-token", "header-canary".parse().unwrap());
        let subscription = Subscription::new(id, gym, "standard-webhooks", url, keys, policy)
            .with_label(label)
            .with_headers(headers);
        self.engine.put_subscription(&subscription).await.unwrap();
        id
    }

    /// Waits until it was attempted.
    pub(crate) async fn attempted(&self, delivery: DeliveryId) {
        for _ in 0..400 {
            let log = self.engine.delivery(delivery).await.unwrap().unwrap();
            if log.delivery.state != State::InFlight && !log.attempts.items.is_empty() {
                return;
            }
            tokio::time::sleep(core::time::Duration::from_millis(50)).await;
        }
        panic!("it was not attempted");
    }

    /// Waits until its state is one that is wanted.
    pub(crate) async fn until(&self, delivery: DeliveryId, is_wanted: impl Fn(State) -> bool) {
        let mut state = State::Waiting;
        for _ in 0..1_000 {
            state = self.engine.delivery(delivery).await.unwrap().unwrap().delivery.state;
            if is_wanted(state) {
                return;
            }
            tokio::time::sleep(core::time::Duration::from_millis(20)).await;
        }
        panic!("{delivery} is still {}", state.as_str());
    }

    pub(crate) async fn publish(&self, gym: &str, event_type: &str, body: &str) -> DeliveryId {
        let publication = Publication::new("standard-webhooks", event_type, body.to_owned());
        let event = uuid::Uuid::now_v7().to_string();
        let published = self.engine.publish(gym, &event, &publication).await.unwrap();
        published.first().unwrap().delivery
    }
}

/// What a browser keeps between requests.
pub(crate) struct Browser {
    pub(crate) router: Router,
    /// Where the page is mounted.
    pub(crate) base: String,
    pub(crate) cookies: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) async fn send(&mut self, request: Request<Body>) -> Page {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() || cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Page { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) fn cookie(&self) -> String {
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let request = Request::get(format!("{}{path}", self.base)).header("cookie", self.cookie());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A form as it is on the page at `from`, with these fields.
    pub(crate) async fn submit(&mut self, from: &str, to: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.get(from).await.token();
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", token.as_str())]).collect();
        self.post(to, &fields).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.post_with(path, fields, &[("sec-fetch-site", "same-origin")]).await
    }

    pub(crate) async fn post_with(
        &mut self,
        path: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Page {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}{path}", self.base))
            .header("cookie", self.cookie())
            .header("host", "gateway.example")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn sign_in(&mut self, key: &str) -> Page {
        let page = self.submit("/sign-in", "/sign-in", &[("key", key)]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.text);
        page
    }
}

impl Page {
    /// The token of the first form.
    pub(crate) fn token(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"csrf\" value=\"").expect("a form with a token");
        rest.split('"').next().unwrap().to_owned()
    }

    pub(crate) fn location(&self) -> &str {
        self.headers.get(LOCATION).expect("somewhere to go").to_str().unwrap()
    }

    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// What every page has, whatever is on it.
    pub(crate) fn is_protected(&self) {
        let policy = self.headers.get(CONTENT_SECURITY_POLICY).expect("a policy").to_str().unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(rule), "{rule}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(self.headers.get(name).expect(name), value);
        }
        assert_eq!(self.headers[CACHE_CONTROL], "no-store");
        for inline in [" style=", " onclick=", " onload=", "<style", "<script>", "javascript:"] {
            assert!(!self.text.contains(inline), "{inline}: {}", self.text);
        }
    }
}
