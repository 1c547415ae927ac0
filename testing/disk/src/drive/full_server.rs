//! A PostgreSQL server whose tables are on a disk that is full for real.

use std::os::unix::fs::{MetadataExt as _, chown};

use gymhook_crash_tests::random::Random;
use gymhook_test_postgres::fresh_schema;
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

use super::full::{FILLINGS, fill};
use super::stage::{Ended, Stage};
use crate::Failure;
use crate::backend::PostgresBackend;
use crate::check::Told;
use crate::script::Size;
use crate::small_disk::SmallDisk;

/// Room for a database and a few rounds.
const MEBIBYTES: u32 = 48;

const SIZE: Size = Size { each: 6, longest: 60_000 };

/// A database on a small disk of its own; the server keeps its write-ahead log elsewhere.
#[derive(Debug)]
pub(super) struct SmallTablespace {
    disk: SmallDisk,
    database: Config,
}

impl SmallTablespace {
    /// Makes one on this server.
    ///
    /// # Errors
    /// No disk can be mounted, or the server does not take it.
    pub(super) async fn on(server: &Config) -> Result<Self, Failure> {
        let disk = SmallDisk::of(MEBIBYTES)?;
        let Some(Host::Unix(folder)) = server.get_hosts().first() else {
            return Err("the server is not on this machine".into());
        };
        // The server may only use what is its own.
        let account = std::fs::metadata(folder)?;
        let place = disk.path().join("tablespace");
        std::fs::create_dir(&place)?;
        chown(&place, Some(account.uid()), Some(account.gid()))?;
        let (client, connection) = server.connect(NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", place.display())).await?;
        client.batch_execute("CREATE DATABASE small TABLESPACE small").await?;
        let mut database = server.clone();
        database.dbname("small");
        Ok(Self { disk, database })
    }

    /// Plays a round and judges it: the disk fills up at random moments.
    ///
    /// # Errors
    /// The test itself failed, or the engine did not come to an end.
    pub(super) async fn fill(&self, seed: u64) -> Result<Ended, Failure> {
        let backend = PostgresBackend::new(&self.database, fresh_schema(), None);
        let stage = Stage::set(backend.clone(), seed, SIZE);
        let ended = self.play(seed, &stage).await;
        backend.remove().await?;
        ended.map_err(|problem| format!("full server, seed {seed}: {problem}").into())
    }

    async fn play(&self, seed: u64, stage: &Stage<PostgresBackend>) -> Result<Ended, Failure> {
        let (engine, working) = stage.put_to_work().await?;
        let mut random = Random::new(seed);
        let mut faults = 0;
        for _ in 0..FILLINGS {
            // The server makes its files longer by several pages at a time.
            let left = random.below(200_000);
            let (ballast, struck) =
                fill(&self.disk, left, &mut random, &stage.caller.ledger, &working).await?;
            ballast.remove()?;
            faults += u64::from(struck);
        }
        let process = working.await??;
        let last = stage.clone();
        process.run(async move { last.finish(engine).await }).await?;
        drop(process);
        let mut ended = stage.judge(Told::Full).await?;
        ended.totals.rounds = 1;
        (ended.totals.faults, ended.totals.full) = (faults, faults);
        Ok(ended)
    }
}
