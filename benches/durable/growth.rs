//! How the engine's rate changes with the number of endpoints and of workers.

use core::num::NonZeroU32;
use std::time::Instant;

use gymhook_benches::Outcome;
use gymhook_engine::Engine;

use crate::Size;
use crate::load::{Load, deliver, http, subscribe, until_recorded, wide_policy};
use crate::receiver::Receiver;
use crate::report::{Report, Row, rate};
use crate::stores::{Postgres, Sqlite};

pub(crate) const ENDPOINTS: &str = "endpoints";
pub(crate) const WORKERS: &str = "workers";

pub(crate) async fn endpoints(size: Size, postgres: &Postgres, report: &mut Report) -> Outcome<()> {
    let receiver = Receiver::start().await?;
    for (store, is_sqlite) in [("SQLite", true), ("PostgreSQL", false)] {
        let mut first = None;
        for endpoints in [10, 100, 1_000, 10_000] {
            let load = Load { deliveries: size.pick(20_000, 2_000).max(endpoints), endpoints, callers: 4 };
            if size.is_quick && endpoints > 1_000 {
                continue;
            }
            let a_second = if is_sqlite {
                let fresh = Sqlite::fresh()?;
                deliver(fresh.store, load, &receiver).await?
            } else {
                deliver(postgres.fresh().await?, load, &receiver).await?
            };
            report.add(Row {
                task: format!("{ENDPOINTS}, {store}"),
                what: format!("{endpoints} endpoints"),
                result: rate(a_second),
                ratio: format!("{:.2} × with 10", a_second / *first.get_or_insert(a_second)),
                ..Row::default()
            });
        }
    }
    Ok(())
}

/// Each worker has 32 slots, and each answer takes 20 ms: alone a worker cannot do more than 1,600 a second.
pub(crate) async fn workers(size: Size, postgres: &Postgres, report: &mut Report) -> Outcome<()> {
    const SLOTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(31);
    let receiver = Receiver::start().await?;
    let mut first = None;
    for workers in [1, 2, 4, 8] {
        let schema = postgres.fresh_schema()?;
        let store = postgres.store(&schema).await?;
        let load = Load { deliveries: size.pick(5_000, 600) * workers, endpoints: 100, callers: 4 };
        let engine = Engine::builder(store.clone()).enqueue_only();
        subscribe(&engine, 0..load.endpoints, &receiver.url("/slow"), &wide_policy()).await?;
        load.hand_over(&store).await?;
        let before = receiver.arrived();
        let began = Instant::now();
        let mut engines = Vec::new();
        for _ in 0..workers {
            let own = postgres.store(&schema).await?;
            let fair_part =
                NonZeroU32::new(u32::try_from(load.endpoints.div_ceil(workers))?).unwrap_or(NonZeroU32::MIN);
            let builder = Engine::builder(own).max_in_flight(SLOTS).max_endpoints(fair_part);
            engines.push(builder.start(http()?).await?);
        }
        let ended = until_recorded(&store, load.deliveries, || receiver.arrived() - before).await?;
        for engine in engines {
            engine.shutdown().await;
        }
        let a_second = load.deliveries as f64 / ended.duration_since(began).as_secs_f64();
        report.add(Row {
            task: format!("{WORKERS}, PostgreSQL, 32 slots each, answers after 20 ms"),
            what: format!("{workers} workers"),
            result: rate(a_second),
            ratio: format!("{:.2} × one", a_second / *first.get_or_insert(a_second)),
            ..Row::default()
        });
    }
    Ok(())
}
