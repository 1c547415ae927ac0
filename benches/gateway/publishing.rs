//! `POST /v1/events`, one at a time and a hundred a call, beside the engine without HTTP.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use gymhook::send::EndpointUrl;
use gymhook_benches::wire::Sent;
use gymhook_benches::{Outcome, Report, Rounds};
use gymhook_engine::store::{NewNotification, SqliteStore};
use gymhook_engine::{DeliveryId, Engine, Subscription};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::add;
use crate::child::api_key;
use crate::client::{Connection, asking};
use crate::load::{endpoint_id, policy};
use crate::serving::{Serving, keys, settings};
use crate::stores::Sqlite;

pub(crate) const TASK: &str = "events";

const GYM: &str = "berlin";
const TYPE: &str = "workout.created";
const A_CALL: u64 = 100;

/// How events are published.
#[derive(Clone, Copy, Debug)]
enum How {
    /// By a number of callers of the engine; then, how many events each call has.
    Engine(usize, u64),
    /// Over a number of connections; then, how many events each call has.
    Http(usize, u64),
}

const CONTENDERS: [How; 6] = [
    How::Engine(8, 1),
    How::Http(8, 1),
    How::Engine(64, 1),
    How::Http(64, 1),
    How::Engine(8, A_CALL),
    How::Http(8, A_CALL),
];

pub(crate) async fn measure(is_quick: bool, report: &mut Report) -> Outcome<()> {
    let (fewest, time) = if is_quick { (3, 300) } else { (7, 2_000) };
    let time = Duration::from_millis(time);
    let fresh = Sqlite::fresh()?;
    let key = api_key(fresh.store.path()).await?;
    let engine = Engine::builder(fresh.store.clone()).enqueue_only();
    // It is disabled, so that nothing is sent: what is measured is what comes before.
    let url = EndpointUrl::dangerous_without_rule("https://subscriber.example/")?;
    let id = endpoint_id(0);
    engine.put_subscription(&Subscription::new(id, GYM, "point", url, Arc::new(keys()?), policy())).await?;
    engine.disable(id).await?;
    let serving = Serving::start(settings(), fresh.store.clone()).await?;
    let numbers = Arc::new(AtomicU64::new(0));
    let rounds = tokio::task::block_in_place(|| {
        Rounds::play(CONTENDERS.len(), fewest, Duration::ZERO, |contender| {
            let how = *CONTENDERS.get(contender).ok_or("no such contender")?;
            let rate = Handle::current().block_on(rate(how, &engine, &serving, &key, &numbers, time))?;
            Ok(1e9 / rate)
        })
    })?;
    for (at, how) in CONTENDERS.into_iter().enumerate() {
        let (what, ratio) = match how {
            How::Engine(callers, each) => {
                (format!("the engine, {callers} callers, {each} a call"), String::new())
            }
            How::Http(connections, each) => {
                let ratio = rounds.ratio_of_rates(at, at - 1);
                (
                    format!("POST /v1/events, {connections} connections, {each} a call"),
                    format!("{ratio:.2} × the engine"),
                )
            }
        };
        add(
            report,
            [&format!("{TASK}, SQLite"), &what, &format!("{:.0}/s", rounds.rate(at)), &ratio, ""],
            None,
        );
    }
    serving.stop().await;
    Ok(())
}

/// Events a second.
async fn rate(
    how: How,
    engine: &Engine<SqliteStore>,
    serving: &Serving,
    key: &str,
    numbers: &Arc<AtomicU64>,
    time: Duration,
) -> Outcome<f64> {
    let mut publishing = JoinSet::new();
    let began = Instant::now();
    let (How::Engine(callers, each) | How::Http(callers, each)) = how;
    for _ in 0..callers {
        let (engine, key, numbers, address) =
            (engine.clone(), key.to_owned(), Arc::clone(numbers), serving.address);
        publishing.spawn(async move {
            let mut published = 0_u64;
            let mut connection = match how {
                How::Http(..) => Some(Connection::open(address).await?),
                How::Engine(..) => None,
            };
            while began.elapsed() < time {
                let first = numbers.fetch_add(each, Ordering::Relaxed);
                let events = first..first + each;
                match &mut connection {
                    Some(connection) => {
                        let request = asking("POST", "/v1/events", &key, &call(events));
                        let answer = connection.exchange(&request).await?;
                        if answer.status != 202 {
                            return Err(String::from_utf8_lossy(&answer.body).into_owned().into());
                        }
                    }
                    None => {
                        let new = |number| {
                            let id = DeliveryId::from_u128((1 << 96) + u128::from(number));
                            NewNotification::new(id, endpoint_id(0), TYPE, body(number).into())
                        };
                        for answer in engine.enqueue(events.map(new).collect()).await? {
                            let _enqueued = answer?;
                        }
                    }
                }
                published += each;
            }
            Sent::Ok(published)
        });
    }
    let mut published = 0;
    while let Some(done) = publishing.join_next().await {
        published += done?.map_err(|error| error.to_string())?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(published as f64 / began.elapsed().as_secs_f64())
}

fn id(number: u64) -> String {
    format!("event-{number}")
}

fn body(number: u64) -> String {
    format!(
        r#"{{"eventType":"{TYPE}","userId":"u-{number}","payload":[{{"id":{number},"type":"RUNNING","note":"{:-<180}"}}]}}"#,
        ""
    )
}

/// The body of a call.
fn call(events: core::ops::Range<u64>) -> String {
    let one = |number| {
        let (id, body) = (id(number), body(number));
        format!(r#"{{"id":"{id}","gym":"{GYM}","type":"{TYPE}","data":{body}}}"#)
    };
    let is_one = events.end - events.start == 1;
    let all: Vec<String> = events.map(one).collect();
    if is_one { all.concat() } else { format!("[{}]", all.join(",")) }
}
