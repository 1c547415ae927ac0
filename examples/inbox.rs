//! How do I receive webhooks so that none is lost, and none counts twice?
//!
//! This is a long demonstration. A server receives PG Next's check-ins: it verifies each request, writes it to disk, and answers.
//! A handler counts the visits afterwards, fails now and then, and is called again. The platform, played by a real client, sends
//! each of 400 check-ins one to three times, all at once, mixed with requests that must be refused. The exit status is 0 only if
//! every member has exactly the visits that were sent.
//!
//! `cargo run --release --example inbox`

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use bytes::Bytes;
use gymhook::event::pg_next;
use gymhook::retry::RetrySchedule;
use gymhook::send::{self, EndpointUrl};
use gymhook::signature::{Keyring, Secret, Signer, Verified};
use gymhook::{Provider, Received, Receiver};
use gymhook_axum::{InboxSource, inbox_route};
use gymhook_engine::store::SqliteStore;
use gymhook_engine::store::sqlite::rusqlite::{self, Connection, TransactionBehavior};
use gymhook_engine::{EndpointId, Engine, HandlerError, Inbox, InboxHandlers, InboxItem};
use gymhook_examples::{AnyError, table};
use http::StatusCode;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use time::UtcDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const CHECK_INS: u32 = 400;
const MEMBERS: u32 = 50;

#[tokio::main]
async fn main() -> Result<ExitCode, AnyError> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("gym.db");
    let store = SqliteStore::open(&file)?;
    let gym = Arc::new(Gym::open(&file)?);
    let engine = Engine::builder(store)
        .start(InboxHandlers::new().on({
            let gym = Arc::clone(&gym);
            move |check_in: CheckIn, item: InboxItem| Arc::clone(&gym).handle(check_in, item)
        }))
        .await?;
    // Our own retries come sooner, so that the example ends sooner.
    let policy = Inbox::policy();
    let delays = [100, 200, 400, 400, 400, 400, 400, 400, 400, 400].map(Duration::from_millis);
    let retry = policy.retry().clone().with_schedule(RetrySchedule::fixed(delays.to_vec()));
    let inbox =
        Inbox::open(engine.clone(), EndpointId::from_u128(1), "check-ins", policy.with_retry(retry)).await?;

    let answers = Platform::new(serve(inbox).await?)?.send_everything().await?;
    println!("All requests are answered; {} check-ins wait to be handled.", engine.stats().await?.waiting);
    let began = Instant::now();
    loop {
        let stats = engine.stats().await?;
        if stats.waiting + stats.in_flight == 0 {
            break;
        }
        if began.elapsed() > Duration::from_secs(30) {
            return Err("waited for half a minute, and not all is handled".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    engine.shutdown().await;

    let kept = gym.report(&answers, engine.stats().await?.undeliverable)?;
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

// ---------------------------------------------------------------- the server: verify, put on disk, answer

async fn serve(inbox: Inbox<SqliteStore>) -> Result<String, AnyError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/hooks", listener.local_addr()?);
    let receiver = Receiver::new(&Provider::pg_next(), keys("key-of-berlin")?)?;
    let routes = Router::new().route("/hooks", inbox_route(InboxSource::new(receiver, inbox)));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(url)
}

// ---------------------------------------------------------------- the handler: what is to be done once

/// What came in: verified then, and read again with its proof.
type CheckIn = Verified<Received<pg_next::Notification>>;

/// A gym that counts its members' visits, in tables of its own in the same file.
struct Gym {
    connection: Mutex<Connection>,
    handled: AtomicU32,
    failed: AtomicU32,
}

impl Gym {
    fn open(file: &Path) -> Result<Self, AnyError> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "CREATE TABLE handled (delivery TEXT PRIMARY KEY);
             CREATE TABLE visits (member TEXT PRIMARY KEY, visits INTEGER NOT NULL);",
        )?;
        Ok(Self { connection: Mutex::new(connection), handled: AtomicU32::new(0), failed: AtomicU32::new(0) })
    }

    /// Fails at two moments: before anything is done, and after everything is.
    async fn handle(self: Arc<Self>, check_in: CheckIn, item: InboxItem) -> Result<(), HandlerError> {
        let call = self.handled.fetch_add(1, Ordering::Relaxed);
        if call % 7 == 3 {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return Err(HandlerError::retry("the turnstile does not answer"));
        }
        let gym = Arc::clone(&self);
        let counted = tokio::task::spawn_blocking(move || gym.count_visit(&check_in, &item)).await;
        match counted.map_err(|error| HandlerError::retry(error.to_string()))? {
            Ok(()) if call % 11 == 5 => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                Err(HandlerError::retry("it is done, and nobody heard of it"))
            }
            counted => counted,
        }
    }

    /// The visit and the delivery's id become durable together: handled again, it changes nothing.
    fn count_visit(&self, check_in: &CheckIn, item: &InboxItem) -> Result<(), HandlerError> {
        // What names nobody now names nobody later either.
        let nobody = || HandlerError::reject("a check-in of nobody");
        let event = check_in.value().events().next().ok_or_else(nobody)?;
        let member = event.subject.id.ok_or_else(nobody)?.to_string();

        let later = |error: rusqlite::Error| HandlerError::retry(error.to_string());
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(later)?;
        let delivery = item.delivery().to_string();
        let first = transaction.execute("INSERT INTO handled VALUES (?1) ON CONFLICT DO NOTHING", [delivery]);
        if first.map_err(later)? == 1 {
            let count = "INSERT INTO visits VALUES (?1, 1) ON CONFLICT DO UPDATE SET visits = visits + 1";
            transaction.execute(count, [member]).map_err(later)?;
        }
        transaction.commit().map_err(later)
    }

    fn report(&self, answers: &Answers, undeliverable: u64) -> Result<bool, AnyError> {
        let mut rows = table(&["requests", "answers", "as expected"]);
        let mut as_expected = true;
        for ((what, status), (count, expected)) in answers {
            rows.add_row([
                (*what).to_owned(),
                format!("{count} × {status}"),
                if *expected { "yes" } else { "NO" }.to_owned(),
            ]);
            as_expected &= expected;
        }
        println!("{rows}");

        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut selected = connection.prepare("SELECT member, visits FROM visits")?;
        let visits = selected
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<BTreeMap<String, u32>, _>>()?;
        let wrong = (0..MEMBERS)
            .filter(|member| visits.get(&member_id(*member)) != Some(&(CHECK_INS / MEMBERS)))
            .count();
        println!(
            "The handler was called {} times and failed {} times. {} of {CHECK_INS} check-ins counted, for {} members;\n{wrong} \
             members have a visit too few or too many, {undeliverable} check-ins were given up.",
            self.handled.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
            visits.values().sum::<u32>(),
            visits.len(),
        );
        Ok(as_expected && wrong == 0 && undeliverable == 0 && visits.len() == MEMBERS as usize)
    }
}

// ---------------------------------------------------------------- the platform, played by a real client

/// How often what was answered how, and whether that is as it has to be.
type Answers = BTreeMap<(&'static str, StatusCode), (u32, bool)>;

#[derive(Clone)]
struct Platform {
    client: Client<HttpConnector, Full<Bytes>>,
    url: EndpointUrl,
    key: Signer,
    guessed_key: Signer,
}

impl Platform {
    fn new(url: String) -> Result<Self, AnyError> {
        let provider = Provider::pg_next();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            url: EndpointUrl::dangerous_without_rule(&url)?, // the platform's rule asks for https
            key: provider.signer(keys("key-of-berlin")?)?,
            guessed_key: provider.signer(keys("key-of-nobody")?)?,
        })
    }

    /// Sends each check-in one to three times, all at the same time; and then what nobody should accept.
    async fn send_everything(&self) -> Result<Answers, AnyError> {
        let mut answers = Answers::new();
        let mut sending = JoinSet::new();
        for number in 0..CHECK_INS {
            for _ in 0..=number % 3 {
                let (platform, body) = (self.clone(), check_in(number, number));
                sending.spawn(async move { platform.post(&platform.key, body).await });
            }
        }
        let mut note = |what, status, expected| {
            answers.entry((what, status)).or_insert((0, status == expected)).0 += 1;
        };
        while let Some(sent) = sending.join_next().await {
            note("one to three times each, at once", sent??, StatusCode::OK);
        }
        for number in 0..20 {
            let replayed = self.post(&self.key, check_in(number, number + 1)).await?;
            note("the same uuid, another member", replayed, StatusCode::CONFLICT);
            let guessed = self.post(&self.guessed_key, check_in(CHECK_INS + number, number)).await?;
            note("another key", guessed, StatusCode::UNAUTHORIZED);
        }
        Ok(answers)
    }

    async fn post(&self, signer: &Signer, body: String) -> Result<StatusCode, AnyError> {
        let request = send::request(signer, &self.url, "", body.into(), UtcDateTime::now())?;
        Ok(self.client.request(request.map(Full::new)).await?.status())
    }
}

fn check_in(uuid: u32, visit: u32) -> String {
    let member = member_id(visit % MEMBERS);
    format!(
        r#"{{"entityId":{member},"uuid":"095be615-a8ad-4c33-8e9c-{uuid:012x}","payload":[{{"timestamp":1764885600176,"type":"CUSTOMER_CHECKIN"}}]}}"#
    )
}

fn member_id(member: u32) -> String {
    (7_000_000 + member).to_string()
}

fn keys(secret: &str) -> Result<Keyring, AnyError> {
    Ok(Keyring::single("berlin", Secret::new(secret)?)?)
}
