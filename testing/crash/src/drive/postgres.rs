//! Several senders on one database: any of them is killed, and now and then the server.

use core::num::NonZeroU32;
use core::time::Duration;
use std::path::{Path, PathBuf};

use gymhook_engine::store::PostgresStore;
use gymhook_engine::store::postgres::{PostgresOptions, Schema};
use gymhook_test_postgres::Server;
use tempfile::TempDir;

use super::campaign::{judge, wait_for_work};
use super::moment::Moment;
use super::until_drained;
use crate::Failure;
use crate::orders::{Orders, Place};
use crate::process::Process;
use crate::random::Random;
use crate::receiver::Receiver;
use crate::total::Totals;
use crate::wire::Event;

/// A number of kills of senders that work on one database.
#[derive(Clone, Debug)]
pub struct PostgresRound {
    /// The sender's program.
    pub program: PathBuf,
    /// Chance follows from this.
    pub seed: u64,
    /// How many.
    pub kills: usize,
    /// The number of the first, which says when it happens.
    pub first: usize,
    /// How many senders at a time.
    pub senders: u32,
    /// How often the server is stopped, as if the power had gone.
    pub outages: usize,
}

/// Plays a round on this server and judges it.
///
/// # Errors
/// A promise was broken, or the test itself failed.
pub async fn postgres(round: &PostgresRound, server: &Server) -> Result<Totals, Failure> {
    let folder = TempDir::with_prefix("gymhook-crash-")?;
    let ended = Stage::set(round, server, folder.path())?.play().await;
    if ended.is_err() {
        eprintln!("everything is kept in {}", folder.keep().display());
    }
    ended
}

struct Stage<'r> {
    round: &'r PostgresRound,
    server: &'r Server,
    folder: &'r Path,
    schema: String,
    receiver: Receiver,
    random: Random,
    senders: Vec<Process>,
}

impl<'r> Stage<'r> {
    fn set(round: &'r PostgresRound, server: &'r Server, folder: &'r Path) -> Result<Self, Failure> {
        Ok(Self {
            round,
            server,
            folder,
            schema: gymhook_test_postgres::fresh_schema(),
            receiver: Receiver::start(folder)?,
            random: Random::new(round.seed),
            senders: Vec::new(),
        })
    }

    async fn play(mut self) -> Result<Totals, Failure> {
        for sender in 0..self.round.senders {
            let orders = self.orders(sender, None);
            self.senders.push(Process::start(&self.round.program, &orders)?);
        }
        let between = self.round.kills / (self.round.outages + 1);
        let mut outages = self.round.outages;
        for kill in 0..self.round.kills {
            self.kill(self.round.first + kill).await?;
            if outages > 0 && (kill + 1) % between.max(1) == 0 {
                self.outage().await?;
                outages -= 1;
            }
        }
        self.drain_and_judge().await
    }

    fn orders(&mut self, sender: u32, moment: Option<&Moment>) -> Orders {
        const EACH: u32 = 6;
        Orders {
            place: Place::Postgres { url: self.server.url(), schema: self.schema.clone() },
            folder: self.folder.to_owned(),
            endpoints: (sender * EACH..(sender + 1) * EACH).collect(),
            enqueues: true,
            seed: self.random.draw(),
            dies: moment.and_then(Moment::point),
            lease: Duration::from_secs(2),
            // Less than a fair share and a half, so that some are left for whoever takes a dead one's place.
            max_endpoints: NonZeroU32::MIN.saturating_add(7),
        }
    }

    /// One of the senders dies, and another takes its place at once.
    async fn kill(&mut self, kill: usize) -> Result<(), Failure> {
        let mut moment = Moment::of(kill, &mut self.random);
        if let Moment::At(point) = &mut moment
            && point.operation == "lease"
        {
            // Whoever has as many endpoints as it may have, perhaps by its first lease, asks for no more.
            point.nth = 1;
        }
        let victim = self.random.below(u64::from(self.round.senders));
        let victim = u32::try_from(victim)?;
        let orders = self.orders(victim, Some(&moment));
        let at = usize::try_from(victim)?;
        if let Moment::At(point) = &moment {
            // The one that is there goes first, and its successor dies by itself.
            self.replace(at, &orders).await?;
            let sender = self.senders.get_mut(at).ok_or("no such sender")?;
            sender.dies().await.map_err(|problem| format!("{problem}: {point:?}"))?;
            self.receiver.mark(Event::Killed { pid: sender.pid() })?;
            let orders = self.orders(victim, None);
            let next = Process::start(&self.round.program, &orders)?;
            *self.senders.get_mut(at).ok_or("no such sender")? = next;
            return Ok(());
        }
        if let Moment::AfterStart(after) | Moment::AtWork(after) = &moment {
            let sender = self.senders.get_mut(at).ok_or("no such sender")?;
            if matches!(moment, Moment::AtWork(_)) {
                wait_for_work(self.folder, sender).await?;
            }
            tokio::time::sleep(*after).await;
        }
        self.replace(at, &orders).await
    }

    async fn replace(&mut self, at: usize, orders: &Orders) -> Result<(), Failure> {
        let sender = self.senders.get_mut(at).ok_or("no such sender")?;
        let next = Process::start(&self.round.program, orders)?;
        let mut gone = core::mem::replace(sender, next);
        let pid = gone.pid();
        gone.kill().await?;
        self.receiver.mark(Event::Killed { pid })
    }

    async fn outage(&mut self) -> Result<(), Failure> {
        self.receiver.mark(Event::OutageBegan)?;
        self.server.stop_immediately()?;
        tokio::time::sleep(Duration::from_millis(self.random.below(700))).await;
        self.server.start_again()?;
        self.receiver.mark(Event::OutageEnded)?;
        for sender in &mut self.senders {
            sender.still_runs()?;
        }
        Ok(())
    }

    async fn drain_and_judge(mut self) -> Result<Totals, Failure> {
        let mut last = Vec::new();
        for (sender, mut gone) in (0..).zip(core::mem::take(&mut self.senders)) {
            let orders = Orders { enqueues: false, ..self.orders(sender, None) };
            let pid = gone.pid();
            gone.kill().await?;
            self.receiver.mark(Event::Killed { pid })?;
            last.push(Process::start(&self.round.program, &orders)?);
        }
        let options = PostgresOptions::new().with_schema(Schema::new(self.schema.clone())?);
        let store = PostgresStore::connect(&self.server.url(), options).await?;
        until_drained(&store).await?;
        for sender in last {
            sender.end().await?;
        }
        judge(self.folder, self.receiver.stop()?, &store).await
    }
}
