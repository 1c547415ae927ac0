//! Enqueued durably, sent over HTTP, recorded durably: how many a second, beside what its parts can do alone.

use gymhook_benches::Outcome;
use gymhook_benches::stats::median;

use crate::load::{Load, deliver};
use crate::peer::{self, Peer};
use crate::receiver::Receiver;
use crate::report::{Report, Row, rate};
use crate::stores::{Postgres, Sqlite};
use crate::{Size, ceilings};

pub(crate) const TASK: &str = "end to end";

const ENDPOINTS: u64 = 10;
const CALLERS: u64 = 4;

/// What was measured on one store, a round each.
#[derive(Default)]
struct Rounds {
    http: Vec<f64>,
    store: Vec<f64>,
    engine: Vec<f64>,
}

pub(crate) async fn measure(size: Size, postgres: &Postgres, report: &mut Report) -> Outcome<()> {
    let load = Load { deliveries: size.pick(30_000, 4_000), endpoints: ENDPOINTS, callers: CALLERS };
    let peers_deliveries = size.pick(2_000, 400);
    let receiver = Receiver::start().await?;
    let url = receiver.url("/hook");
    let (mut on_sqlite, mut on_postgres) = (Rounds::default(), Rounds::default());
    let (mut peer_on_sqlite, mut peer_on_postgres) = (Vec::new(), Vec::new());
    let peer = Peer::find();
    for _ in 0..3 {
        for rounds in [&mut on_sqlite, &mut on_postgres] {
            rounds.http.push(ceilings::http(&url, load.deliveries).await?);
        }
        let mut alone = Vec::new();
        for callers in [1, CALLERS] {
            let fresh = Sqlite::fresh()?;
            alone.push(ceilings::store(fresh.store, Load { callers, ..load }).await?);
        }
        on_sqlite.store.push(alone.drain(..).fold(0.0, f64::max));
        let fresh = Sqlite::fresh()?;
        on_sqlite.engine.push(deliver(fresh.store, load, &receiver).await?);
        for callers in [1, CALLERS] {
            alone.push(ceilings::store(postgres.fresh().await?, Load { callers, ..load }).await?);
        }
        on_postgres.store.push(alone.drain(..).fold(0.0, f64::max));
        on_postgres.engine.push(deliver(postgres.fresh().await?, load, &receiver).await?);
        if let Some(peer) = &peer {
            let folder = tempfile::tempdir()?;
            peer_on_sqlite.push(peer.on_sqlite(folder.path(), &url, peers_deliveries).await?);
            let database = postgres.peers_database().await?;
            peer_on_postgres.push(peer.on_postgres(&database, &url, peers_deliveries).await?);
        }
    }
    for (name, rounds, peers) in
        [("SQLite", &on_sqlite, &peer_on_sqlite), ("PostgreSQL", &on_postgres, &peer_on_postgres)]
    {
        rounds.add_to(report, name);
        peer::add_to(report, &format!("{TASK}, {name}"), &rounds.engine, peers);
    }
    Ok(())
}

impl Rounds {
    fn add_to(&self, report: &mut Report, store: &str) {
        let task = format!("{TASK}, {store}");
        let row = |what: &str, rates: &[f64]| Row {
            task: task.clone(),
            what: what.to_owned(),
            result: rate(median(rates.iter().copied())),
            ..Row::default()
        };
        report.add(row("ceiling: HTTP client and server alone", &self.http));
        report.add(row("ceiling: the store alone, batches of 100", &self.store));
        let lower = self.http.iter().zip(&self.store).map(|(http, store)| http.min(*store));
        let both: Vec<f64> =
            self.http.iter().zip(&self.store).map(|(http, store)| 1.0 / (1.0 / http + 1.0 / store)).collect();
        let share = |of: &mut dyn Iterator<Item = f64>| {
            100.0 * median(self.engine.iter().zip(of).map(|(engine, ceiling)| engine / ceiling))
        };
        let of_lower = share(&mut lower.into_iter());
        let of_both = share(&mut both.iter().copied());
        report.add(Row {
            ratio: format!("{of_lower:.0} % of the lower"),
            goal: "≥ 50 % of the lower ceiling",
            met: Some(of_lower >= 50.0),
            ..row("the engine", &self.engine)
        });
        report.add(Row {
            ratio: format!("the engine: {of_both:.0} %"),
            ..row("both ceilings on the same two cores: 1 / (1/HTTP + 1/store)", &both)
        });
    }
}
