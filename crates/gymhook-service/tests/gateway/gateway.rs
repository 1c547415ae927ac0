//! A gateway on a database, and what the platforms send to it.

use core::time::Duration;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use gymhook::event::Vendor;
use gymhook::signature::{Key, Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_engine::Engine;
use gymhook_engine::store::postgres::tokio_postgres::NoTls;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_engine::store::{PostgresStore, SqliteStore, Stats};
use gymhook_service::{Database, Destination, Service, Settings, Source};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use time::UtcDateTime;
use tower::ServiceExt as _;

use crate::application::{Application, SECRET};

/// What every platform of these tests signs with.
const VENDOR_SECRET: &str = "a-vendor-secret-of-128-bits";
/// The studio whose key it is.
pub(crate) const STUDIO: &str = "berlin";

pub(crate) struct Gateway {
    pub(crate) service: Service,
    router: Router,
    database: Database,
    api_key: String,
}

impl Gateway {
    pub(crate) async fn start(database: impl Into<Database>, settings: Settings) -> Self {
        let database = database.into();
        let service = Service::start(settings, database.clone()).await.unwrap();
        let issued = service.first_api_key().await.unwrap();
        let api_key = issued.map(|key| key.expose_key().to_owned()).unwrap_or_default();
        let router = service.router();
        Self { service, router, database, api_key }
    }

    /// The key of all gyms, if this gateway was the first of its database.
    pub(crate) fn api_key(&self) -> &str {
        &self.api_key
    }

    /// An engine on the same database.
    pub(crate) fn engine(&self) -> Engine<Database> {
        Engine::builder(self.database.clone()).enqueue_only()
    }

    /// A request to it, and the status of the answer.
    pub(crate) async fn post(&self, path: &str, headers: HeaderMap, body: impl Into<Body>) -> StatusCode {
        let mut request = Request::post(path).body(body.into()).unwrap();
        *request.headers_mut() = headers;
        self.router.clone().oneshot(request).await.unwrap().status()
    }

    /// A signed webhook of this platform, to the source of its name.
    pub(crate) async fn receive(&self, vendor: Vendor, id: &str, body: &str) -> StatusCode {
        self.receive_signed(vendor, STUDIO, VENDOR_SECRET, id, body).await
    }

    pub(crate) async fn receive_signed(
        &self,
        vendor: Vendor,
        studio: &str,
        secret: &str,
        id: &str,
        body: &str,
    ) -> StatusCode {
        let keys = Keyring::single(studio, Secret::new(secret).unwrap()).unwrap();
        let signer = Provider::of(vendor).unwrap().signer(keys).unwrap();
        let headers = signer.sign(id, body.as_bytes(), UtcDateTime::now()).unwrap();
        self.post(&format!("/in/{vendor}"), headers, body.to_owned()).await
    }

    /// Calls the API.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {key}"));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::String(shown)))
    }

    /// Waits until nothing waits and nothing is in flight, incoming or outgoing.
    pub(crate) async fn until_idle(&self) -> Stats {
        let engine = self.engine();
        let waiting = async {
            loop {
                let stats = engine.stats().await.unwrap();
                if stats.waiting + stats.in_flight == 0 {
                    return stats;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("it never becomes idle")
    }
}

pub(crate) fn sqlite(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder.join("gymhook.db")).unwrap()
}

pub(crate) async fn postgres() -> PostgresStore {
    let config = gymhook_test_postgres::shared().unwrap_or_else(|problem| panic!("{problem}"));
    let schema = Schema::new(gymhook_test_postgres::fresh_schema()).unwrap();
    let options = PostgresOptions::new().with_schema(schema);
    PostgresStore::connect_with(config, NoTls, options).await.unwrap()
}

/// A source of its platform's name, for keys of these studios, each with the common secret and its own name behind it; the first
/// has the common secret itself.
pub(crate) fn source(vendor: Vendor, studios: &[&str]) -> Source {
    let key =
        |(place, studio): (usize, &&str)| Key::new(*studio, Secret::new(secret_of(place, studio)).unwrap());
    let keys = Keyring::new(studios.iter().enumerate().map(key)).unwrap();
    Source::new(vendor.as_str(), Receiver::new(&Provider::of(vendor).unwrap(), keys).unwrap())
}

pub(crate) fn secret_of(place: usize, studio: &str) -> String {
    if place == 0 { VENDOR_SECRET.to_owned() } else { format!("{VENDOR_SECRET}-{studio}") }
}

/// All five platforms.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.sources = Vendor::ALL.iter().map(|vendor| source(*vendor, &[STUDIO])).collect();
    settings
}

pub(crate) fn destination(name: &str, application: &Application) -> Destination {
    let keys = Keyring::single("main", Secret::from_whsec(SECRET).unwrap()).unwrap();
    Destination::new(name, &application.url, keys)
}

pub(crate) fn settings_to(application: &Application) -> Settings {
    let mut settings = settings();
    settings.destinations = vec![destination("app", application)];
    settings
}

/// A check-in at PG Next.
pub(crate) fn check_in(uuid: &str) -> String {
    format!(
        r#"{{"entityId":7893459,"uuid":"{uuid}","payload":[{{"timestamp":1642779144176,"type":"CUSTOMER_CHECKIN"}}]}}"#
    )
}
