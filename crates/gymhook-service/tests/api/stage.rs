//! A service with the keys that tests need, and a receiver on this machine.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use bytes::Bytes;
use gymhook::Provider;
use gymhook::event::Vendor;
use gymhook::signature::{Keyring, Secret};
use gymhook_engine::Engine;
pub(crate) use gymhook_engine::store::ApiKeyRights as Rights;
use gymhook_engine::store::{ApiKeyOwner, SqliteStore};
use gymhook_service::{Service, Settings, Source};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

/// A service on a file of its own.
pub(crate) struct Stage {
    pub(crate) service: Service,
    router: Router,
    /// Issues keys, and looks at what the service wrote.
    pub(crate) engine: Engine<SqliteStore>,
    /// A key of all gyms that may do everything.
    pub(crate) operator: String,
    folder: TempDir,
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body, if the answer has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The place that a problem with this status names.
    #[track_caller]
    pub(crate) fn problem(self, status: u16) -> (String, String) {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.expect(status);
        assert_eq!((&problem["status"], &problem["type"]), (&json!(status), &json!("about:blank")));
        let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
        assert!(!text("title").is_empty() && !text("detail").is_empty(), "{problem}");
        (text("pointer"), text("detail"))
    }
}

impl Stage {
    /// With receivers on this machine allowed.
    pub(crate) async fn new() -> Self {
        let mut settings = Settings::default();
        settings.requests_per_minute = core::num::NonZeroU32::MAX;
        settings.subscriber_networks = vec!["127.0.0.0/8".parse().unwrap()];
        Self::with(settings).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
        let engine = Engine::builder(store.clone()).enqueue_only();
        let service = Service::start(settings, store).await.unwrap();
        let operator = service.first_api_key().await.unwrap().unwrap().expose_key().to_owned();
        Self { router: service.router(), service, engine, operator, folder }
    }

    /// Another service on the same file, as after a restart.
    pub(crate) async fn restarted(self) -> Self {
        let Self { service, router, engine, operator, folder } = self;
        service.shutdown().await;
        drop((service, router, engine));
        let store = SqliteStore::open(folder.path().join("gymhook.db")).unwrap();
        let engine = Engine::builder(store.clone()).enqueue_only();
        let service = Service::start(Settings::default(), store).await.unwrap();
        Self { router: service.router(), service, engine, operator, folder }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.answer(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The answer with its body still to come.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// A call with a key; `null` is no body.
    pub(crate) async fn call_as(&self, key: &str, method: Method, path: &str, body: &Value) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call_as(&self.operator, Method::GET, path, &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call_as(&self.operator, Method::POST, path, &body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call_as(&self.operator, Method::PATCH, path, &body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call_as(&self.operator, Method::DELETE, path, &Value::Null).await
    }

    /// A key of one gym.
    pub(crate) async fn key_of(&self, gym: &str, rights: Rights) -> String {
        self.key(ApiKeyOwner::Gym(gym.to_owned()), rights).await
    }

    pub(crate) async fn key(&self, owner: ApiKeyOwner, rights: Rights) -> String {
        let issued = self.engine.issue_api_key(owner, "a test's", rights).await.unwrap();
        issued.expose_key().to_owned()
    }

    /// A subscription of `gym` to what this receiver gets; its id.
    pub(crate) async fn subscribe(&self, gym: &str, url: &str) -> String {
        let new = json!({"gym": gym, "platform": "standard-webhooks", "url": url});
        let written = self.post("/v1/subscriptions", new).await.expect(201);
        written["id"].as_str().unwrap().to_owned()
    }

    /// Publishes an event of `gym`; the ids of its deliveries.
    pub(crate) async fn publish(&self, gym: &str, event_type: &str) -> Vec<String> {
        let event = json!({"gym": gym, "type": event_type, "data": {"member": 17}});
        let published = self.post("/v1/events", event).await.expect(202);
        let deliveries = published["deliveries"].as_array().unwrap().iter();
        deliveries.map(|delivery| delivery["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until a delivery has this state.
    pub(crate) async fn until(&self, delivery: &str, state: &str) -> Value {
        let mut found = Value::Null;
        for _ in 0..1_000 {
            found = self.get(&format!("/v1/deliveries/{delivery}")).await.expect(200);
            if found["state"] == json!(state) {
                return found;
            }
            tokio::time::sleep(core::time::Duration::from_millis(20)).await;
        }
        panic!("it is not {state}: {found}");
    }
}

/// A source at `/in/egym-berlin`.
pub(crate) fn egym_source() -> Source {
    let egym = Provider::of(Vendor::EGYM).unwrap();
    let keys = Keyring::single("berlin", Secret::new("the-key-that-egym-sends").unwrap()).unwrap();
    Source::new("egym-berlin", gymhook::Receiver::new(&egym, keys).unwrap())
}

/// A receiver on a loopback socket, that answers as it is told.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    requests: Vec<(HeaderMap, Bytes)>,
    /// The next answers; 204 when there are no more.
    answers: VecDeque<(u16, &'static str)>,
}

impl Receiver {
    pub(crate) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks?token=canary", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    pub(crate) fn answer_next(&self, status: u16, body: &'static str) {
        self.seen.lock().unwrap().answers.push_back((status, body));
    }

    pub(crate) fn requests(&self) -> Vec<(HeaderMap, Bytes)> {
        self.seen.lock().unwrap().requests.clone()
    }
}

async fn receive(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let mut seen = seen.lock().unwrap();
    seen.requests.push((headers, body));
    let (status, text) = seen.answers.pop_front().unwrap_or((204, ""));
    Response::builder().status(status).body(Body::from(text)).unwrap()
}
