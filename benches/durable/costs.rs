//! What deliveries cost: the processors' time, what is written, and how often a commit or a sync is waited for.

use core::time::Duration;
use std::fs;

use cpu_time::ProcessTime;
use gymhook_benches::Outcome;
use gymhook_engine::store::postgres::tokio_postgres::{Client, Config, NoTls};

/// How long PostgreSQL's processes may keep their figures to themselves.
const UNTIL_TOLD: Duration = Duration::from_millis(2_500);

/// Figures that only rise. Those of a server are 0 on SQLite.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    /// Processors' time of this process: the engine, the sender and what it sends to.
    pub(crate) own_seconds: f64,
    /// Processors' time of PostgreSQL's processes.
    pub(crate) server_seconds: f64,
    /// Of SQLite what this process wrote, of PostgreSQL the write-ahead log.
    pub(crate) bytes_written: f64,
    pub(crate) transactions: f64,
    pub(crate) syncs: f64,
}

/// Where costs are read.
pub(crate) enum Meter {
    Sqlite,
    Postgres { client: Client, postmaster: u32 },
}

impl Meter {
    pub(crate) async fn of_postgres(config: &Config) -> Outcome<Self> {
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        let row = client.query_one("SELECT pg_backend_pid()", &[]).await?;
        let backend = u32::try_from(row.get::<_, i32>(0))?;
        let postmaster = Stat::of(backend)?.parent;
        Ok(Self::Postgres { client, postmaster })
    }

    pub(crate) async fn read(&self) -> Outcome<Costs> {
        let own_seconds = ProcessTime::now().as_duration().as_secs_f64();
        match self {
            Self::Sqlite => {
                let io = fs::read_to_string("/proc/self/io")?;
                let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
                let bytes_written = written.ok_or("no write_bytes")?.trim().parse()?;
                let (server_seconds, transactions, syncs) = (0.0, 0.0, 0.0);
                Ok(Costs { own_seconds, server_seconds, bytes_written, transactions, syncs })
            }
            Self::Postgres { client, postmaster } => {
                let server_seconds = server_seconds(*postmaster)?;
                tokio::time::sleep(UNTIL_TOLD).await;
                let sql = "SELECT wal_bytes::float8, wal_sync::float8,
                    (SELECT xact_commit::float8 FROM pg_stat_database WHERE datname = current_database())
                    FROM pg_stat_wal";
                let row = client.query_one(sql, &[]).await?;
                let (bytes_written, syncs, transactions) = (row.get(0), row.get(1), row.get(2));
                Ok(Costs { own_seconds, server_seconds, bytes_written, transactions, syncs })
            }
        }
    }
}

impl Costs {
    /// What each of so many deliveries cost since then.
    pub(crate) fn each(self, since: Self, deliveries: u64) -> Self {
        let each = |now: f64, then: f64| (now - then) / deliveries as f64;
        Self {
            own_seconds: each(self.own_seconds, since.own_seconds),
            server_seconds: each(self.server_seconds, since.server_seconds),
            bytes_written: each(self.bytes_written, since.bytes_written),
            transactions: each(self.transactions, since.transactions),
            syncs: each(self.syncs, since.syncs),
        }
    }
}

/// The time of the server's processes that run, and of those that have ended.
fn server_seconds(postmaster: u32) -> Outcome<f64> {
    let mut ticks = Stat::of(postmaster)?.with_ended;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may end meanwhile.
        if let Ok(stat) = Stat::of(process)
            && stat.parent == postmaster
        {
            ticks += stat.own;
        }
    }
    Ok(ticks / rustix::param::clock_ticks_per_second() as f64)
}

/// A process, and its time in ticks of the clock.
struct Stat {
    parent: u32,
    own: f64,
    /// That of its children that have ended included.
    with_ended: f64,
}

impl Stat {
    fn of(process: u32) -> Outcome<Self> {
        let line = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name before it, in parentheses, may contain anything.
        let (_, rest) = line.rsplit_once(") ").ok_or("no name")?;
        let words: Vec<&str> = rest.split(' ').collect();
        let word = |at: usize| words.get(at).copied().ok_or("a short line");
        let times = [11, 12, 13, 14].map(|at| word(at).map(str::parse::<f64>));
        let [user, system, ended_user, ended_system] = times;
        let own = user?? + system??;
        Ok(Self { parent: word(1)?.parse()?, own, with_ended: own + ended_user?? + ended_system?? })
    }
}
