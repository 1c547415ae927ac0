//! A platform's signed request in, on disk, a signed CloudEvent out, its 2xx on record; beside the engine's own rate.

use core::sync::atomic::AtomicU64;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use gymhook::Provider;
use gymhook::event::Vendor;
use gymhook_benches::wire::{Requests, rate, request};
use gymhook_benches::{Outcome, Report, Rounds};
use gymhook_engine::store::Store;
use gymhook_service::Database;
use time::UtcDateTime;
use tokio::runtime::Handle;

use crate::add;
use crate::load::{Load, deliver, until_recorded};
use crate::receiver::Receiver;
use crate::serving::{Serving, destination, keys, settings, source};
use crate::stores::{Postgres, Sqlite};

pub(crate) const TASK: &str = "end to end";

const GOAL: f64 = 0.60;

pub(crate) async fn measure(is_quick: bool, postgres: &Postgres, report: &mut Report) -> Outcome<()> {
    let (fewest, time, deliveries) = if is_quick { (3, 500, 2_000) } else { (5, 4_000, 20_000) };
    let time = Duration::from_millis(time);
    let load = Load { deliveries, endpoints: 10, callers: 4 };
    let receiver = Receiver::start().await?;
    for is_sqlite in [true, false] {
        let rounds = tokio::task::block_in_place(|| {
            Rounds::play(2, fewest, Duration::ZERO, |contender| {
                let rate = Handle::current().block_on(async {
                    if is_sqlite {
                        let fresh = Sqlite::fresh()?;
                        turn(contender, fresh.store.clone(), load, time, &receiver).await
                    } else {
                        turn(contender, postgres.fresh().await?, load, time, &receiver).await
                    }
                })?;
                Ok(1e9 / rate)
            })
        })?;
        let task = format!("{TASK}, {}", if is_sqlite { "SQLite" } else { "PostgreSQL" });
        let per_second = |contender| format!("{:.0}/s", rounds.rate(contender));
        let ratio = rounds.ratio_of_rates(1, 0);
        add(report, [&task, "the engine: enqueued, sent, recorded", &per_second(0), "", ""], None);
        let ratio_text = format!("{ratio:.2} × the engine");
        add(
            report,
            [&task, "the gateway, 64 connections", &per_second(1), &ratio_text, "≥ 0.60"],
            Some(ratio >= GOAL),
        );
    }
    Ok(())
}

async fn turn<S: Store + Into<Database>>(
    contender: usize,
    store: S,
    load: Load,
    time: Duration,
    receiver: &Receiver,
) -> Outcome<f64> {
    if contender == 0 { deliver(store, load, receiver).await } else { relay(store, time, receiver).await }
}

/// Events a second, from the first request until the last delivery is recorded.
async fn relay<S: Store + Into<Database>>(store: S, time: Duration, receiver: &Receiver) -> Outcome<f64> {
    let mut settings = settings();
    settings.sources = vec![source()?];
    settings.destinations = vec![destination(receiver.url("/hook"))?];
    let serving = Serving::start(settings, store.clone()).await?;
    let (requests, sent) = (requests()?, AtomicU64::new(0));
    let before = receiver.arrived();
    let began = Instant::now();
    rate(serving.address, &requests, &sent, time).await?;
    // Each request is one event, and the gateway is not asked while it works, as the engine is not.
    let events = sent.into_inner();
    let ended = until_recorded(&store, events, || receiver.arrived() - before).await?;
    serving.stop().await;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    Ok(events as f64 / ended.duration_since(began).as_secs_f64())
}

/// Each with an id of its own.
fn requests() -> Outcome<Requests> {
    let provider: Provider = Provider::of(Vendor::PG_NEXT).ok_or("PG Next has a profile")?;
    // Its proof is a key in a header, the same for every body.
    let headers = provider.signer(keys()?)?.sign("", b"", UtcDateTime::now())?;
    let template = request("/in/pg-next", &headers, &body(0))?;
    let head = template.len() - body(0).len();
    Ok(Arc::new(move |number| {
        let mut bytes = template.clone();
        bytes.truncate(head);
        bytes.extend(body(number));
        bytes
    }))
}

fn body(number: u64) -> Vec<u8> {
    format!(
        r#"{{"entityId":7893459,"uuid":"{number:032x}","payload":[{{"timestamp":1764886881176,"type":"CUSTOMER_CHECKIN","content":{{"studio":"Main Street","of":"{:-<120}"}}}}]}}"#,
        ""
    )
    .into_bytes()
}
