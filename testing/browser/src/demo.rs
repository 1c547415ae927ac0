//! A gateway as it looks after a busy morning.

use std::sync::Arc;
use std::time::Duration;

use gymhook::delivery::EndpointPolicy;
use gymhook::event::Vendor;
use gymhook::retry::{RetryPolicy, RetrySchedule};
use gymhook::send::EndpointUrl;
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights, DeliveryQuery, SqliteStore, State};
use gymhook_engine::{DeliveryId, EndpointId, Engine, Publication, Subscription};
use gymhook_service::{Destination, Service, Settings, Source};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::browser::Result;
use crate::gateway::EGYM_KEY;
use crate::receiver;
use crate::request::send;

/// What runs if it gets on a page as it is.
pub const HOSTILE: &str = "</title></script>\"'><img src=x onerror=window.__xss=1><svg onload=window.__xss=1><script>window.__xss=1</script>";

/// The service, on a port of its own.
#[derive(Debug)]
pub struct Demo {
    /// Where the page is.
    pub base: String,
    /// A key that may do everything.
    pub operator: String,
    /// A key of the gym `berlin-mitte` that may do everything there.
    pub of_gym: String,
    /// A delivery with hostile strings in every place, that was given up.
    pub failed: DeliveryId,
    pub delivered: DeliveryId,
    /// What came in with a hostile string in it.
    pub incoming: DeliveryId,
    /// A key that is called by hostile strings.
    pub hostile_key: uuid::Uuid,
    /// A delivery that waits for its next attempt.
    pub waiting: DeliveryId,
    pub failing: EndpointId,
    pub hostile_subscription: EndpointId,
    engine: Engine<SqliteStore>,
    service: Service,
    _folder: TempDir,
}

struct Wanted {
    gym: &'static str,
    platform: &'static str,
    label: &'static str,
    path: &'static str,
    policy: EndpointPolicy,
    events: u32,
}

fn policy(platform: &str) -> EndpointPolicy {
    let provider = platform.parse::<Vendor>().ok().and_then(Provider::of);
    provider.map_or_else(
        || EndpointPolicy::new(RetryPolicy::standard_webhooks()),
        |provider| provider.profile().endpoint_policy(),
    )
}

fn once() -> EndpointPolicy {
    EndpointPolicy::new(RetryPolicy::new(RetrySchedule::never()))
}

fn body(number: u32, gym: &str) -> String {
    format!(
        "{{\"type\":\"member.updated\",\"timestamp\":\"2026-11-28T09:{:02}:12Z\",\"data\":{{\"memberId\":9007199254740993{number},\
         \"gym\":\"{gym}\",\"balance\":1{number}9.90,\"name\":\"Grüße, Müller\",\"tags\":[\"vip\",\"morning\"],\"card\":null}}}}",
        number % 60
    )
}

impl Demo {
    /// Starts it, and waits until what was published has come to rest.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = SqliteStore::open(folder.path().join("gymhook.db"))?;
        let mut settings = Settings::default();
        settings.subscriber_networks.push("127.0.0.0/8".parse()?);
        settings.sources = sources()?;
        let receivers = receiver::start().await?;
        let secret = Keyring::single("2026-11", Secret::new("a secret of thirty-two bytes, or more")?)?;
        settings.destinations = vec![Destination::new("member-app", format!("{receivers}/ok"), secret)];
        let service = Service::start(settings, store.clone()).await?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let router = service.router();
        tokio::spawn(async move { axum::serve(listener, router).await });

        let engine = Engine::builder(store).enqueue_only();
        let operator = engine.issue_api_key(ApiKeyOwner::All, "Operator", ApiKeyRights::Write).await?;
        let hostile_key = engine.issue_api_key(ApiKeyOwner::All, HOSTILE, ApiKeyRights::Write).await?;
        let berlin = ApiKeyOwner::Gym("berlin-mitte".to_owned());
        let of_gym = engine.issue_api_key(berlin, "Berlin", ApiKeyRights::Write).await?;
        let old = engine.issue_api_key(ApiKeyOwner::All, "Old", ApiKeyRights::Read).await?;
        engine.revoke_api_key(old.key.id).await?;
        // In the audit this is the hostile key's.
        let bearer = format!("authorization: Bearer {}\r\n", hostile_key.expose_key());
        let destination =
            serde_json::json!({ "name": "door-app", "url": format!("{receivers}/ok") }).to_string();
        send(&address.to_string(), "/v1/destinations", &bearer, &destination).await?;

        let mut put = Vec::new();
        for wanted in wanted() {
            put.push((subscribe(&engine, &receivers, &wanted).await?, wanted));
        }
        let mut deliveries = Vec::new();
        for round in 0..10 {
            for (id, wanted) in put.iter().filter(|(_, wanted)| wanted.events > round) {
                let body = if wanted.path == "/hostile" {
                    format!("{{\"text\":{}}}", serde_json::to_string(HOSTILE)?)
                } else {
                    body(round, wanted.gym)
                };
                let event_type = if wanted.path == "/hostile" {
                    HOSTILE
                } else {
                    TYPES[usize::try_from(round)? % TYPES.len()]
                };
                let publication = Publication::new(wanted.platform, event_type, body);
                for published in
                    engine.publish(wanted.gym, &format!("event-{id}-{round}"), &publication).await?
                {
                    deliveries.push((published.delivery, published.subscription, wanted.path));
                }
            }
        }
        let at = |path: &str| {
            let found = deliveries.iter().find(|(_, _, to)| *to == path);
            found.map(|(delivery, ..)| *delivery).ok_or("a delivery to each receiver")
        };
        let endpoint = |path: &str| {
            put.iter()
                .find(|(_, wanted)| wanted.path == path)
                .map(|(id, _)| *id)
                .ok_or("a subscription to each")
        };
        let failed = at("/hostile")?;
        receive(&address.to_string()).await?;
        at_rest(&engine, failed).await?;
        let came = DeliveryQuery { state: Some(State::Unreadable), ..DeliveryQuery::new(1) };
        let came = engine.deliveries(came).await?.items;
        Ok(Self {
            base: format!("http://{address}"),
            operator: operator.expose_key().to_owned(),
            of_gym: of_gym.expose_key().to_owned(),
            failed,
            delivered: at("/ok")?,
            incoming: came.first().map(|row| row.id).ok_or("what could not be read is kept")?,
            hostile_key: hostile_key.key.id,
            waiting: at("/down")?,
            failing: endpoint("/down")?,
            hostile_subscription: endpoint("/hostile")?,
            engine,
            service,
            _folder: folder,
        })
    }

    /// Publishes an event of this type, which is delivered at once.
    ///
    /// # Errors
    /// It cannot be enqueued.
    pub async fn publish(&self, event_type: &str) -> Result<()> {
        let publication = Publication::new("standard-webhooks", event_type, "{}");
        self.engine.publish("berlin-mitte", &uuid::Uuid::now_v7().to_string(), &publication).await?;
        Ok(())
    }

    /// Ends the service.
    pub async fn stop(self) {
        self.service.shutdown().await;
    }
}

const TYPES: [&str; 5] =
    ["member.updated", "checkin.created", "payment.failed", "class.booked", "contract.cancelled"];

fn wanted() -> Vec<Wanted> {
    let wanted =
        |gym, platform, label, path, policy, events| Wanted { gym, platform, label, path, policy, events };
    vec![
        wanted("berlin-mitte", "standard-webhooks", "Member app", "/ok", policy("standard-webhooks"), 10),
        wanted("wien-neubau", "gympoint", "Door control", "/slow", policy("gympoint"), 6),
        wanted("linz", "standard-webhooks", "Newsletter", "/down", policy("standard-webhooks"), 8),
        wanted("graz", "standard-webhooks", HOSTILE, "/hostile", once(), 1),
    ]
}

fn sources() -> Result<Vec<Source>> {
    let provider = |vendor| Provider::of(vendor).ok_or("a platform that is known");
    let egym =
        Receiver::new(&provider(Vendor::EGYM)?, Keyring::single("berlin-mitte", Secret::new(EGYM_KEY)?)?)?;
    let perfectgym = Keyring::single("wien-neubau", Secret::new("the secret that PerfectGym signs with")?)?;
    let perfectgym = Receiver::new(&provider(Vendor::PERFECTGYM)?, perfectgym)?;
    Ok(vec![Source::new("egym", egym), Source::new("perfectgym", perfectgym)])
}

async fn subscribe(engine: &Engine<SqliteStore>, receivers: &str, wanted: &Wanted) -> Result<EndpointId> {
    let id = EndpointId::from(uuid::Uuid::now_v7());
    let url = EndpointUrl::dangerous_without_rule(&format!("{receivers}{}", wanted.path))?;
    let keys = Arc::new(Keyring::single("2026-11", Secret::new("a secret of thirty-two bytes, or more")?)?);
    let subscription = Subscription::new(id, wanted.gym, wanted.platform, url, keys, wanted.policy.clone());
    engine.put_subscription(&subscription.with_label(wanted.label)).await?;
    Ok(id)
}

/// Two webhooks that are what they seem, one that is not, one of an unknown type, and one that cannot be read.
async fn receive(address: &str) -> Result<()> {
    let body = r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921312188,"type":"GYM_CHECKIN"}"#;
    for (key, body) in [
        (EGYM_KEY, body.to_owned()),
        (EGYM_KEY, body.replace("188", "189")),
        ("another key", body.to_owned()),
        (EGYM_KEY, serde_json::json!({ "type": HOSTILE, HOSTILE: [HOSTILE] }).to_string()),
        (EGYM_KEY, format!("{{\"type\": {HOSTILE}")),
    ] {
        let headers = format!("x-api-key: {key}\r\nauthorization: Bearer {key}\r\nx-'&lt'planted: 1\r\n");
        send(address, "/in/egym", &headers, &body).await?;
    }
    Ok(())
}

/// Waits until everything was attempted, and that delivery was given up.
async fn at_rest(engine: &Engine<SqliteStore>, failed: DeliveryId) -> Result<()> {
    for _ in 0..600 {
        let open = DeliveryQuery { state: Some(State::InFlight), ..DeliveryQuery::new(1) };
        let is_open = !engine.deliveries(open).await?.items.is_empty();
        let state = engine.delivery(failed).await?.map(|log| log.delivery.state);
        // What came in takes its own way, and one of it cannot be read.
        let unreadable = DeliveryQuery { state: Some(State::Unreadable), ..DeliveryQuery::new(1) };
        let delivered = DeliveryQuery { state: Some(State::Delivered), ..DeliveryQuery::new(100) };
        if !is_open
            && state == Some(State::Undeliverable)
            && !engine.deliveries(unreadable).await?.items.is_empty()
            && engine.deliveries(delivered).await?.items.len() >= 16
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the deliveries do not come to rest".into())
}
