//! A walk through what an engine says to PostgreSQL: at each message in turn something happens to its session.

use gymhook_crash_tests::random::Random;
use gymhook_test_postgres::fresh_schema;
use tokio_postgres::Config;

use super::stage::{Ended, Stage};
use super::walk::{Strikes, in_turn};
use crate::Failure;
use crate::backend::PostgresBackend;
use crate::check::Told;
use crate::process::Process;
use crate::proxy::{Blow, Proxy, Statement, Trouble};
use crate::script::Size;

/// One run with one trouble.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// What happens.
    pub trouble: Trouble,
    /// From when on messages are counted.
    pub strikes: Strikes,
    /// Chance follows from this.
    pub seed: u64,
}

impl Session {
    /// The run in which it happens at this message; what happens follows from the seed.
    #[must_use]
    pub fn of(at: Statement, nth: u64, strikes: Strikes, seed: u64) -> Self {
        let seed = Random::new(seed ^ (nth << 8) ^ at as u64 ^ ((strikes as u64) << 7)).draw();
        let blow = Random::new(seed).one_of(&Blow::ALL).copied().unwrap_or(Blow::CutBefore);
        Self { trouble: Trouble { at, nth, blow }, strikes, seed }
    }

    /// The run of this seed in which it happens at this message, counted from the start. What happens differs from turn to turn.
    #[must_use]
    pub fn in_turn(at: Statement, nth: u64, turn: u64, seed: u64) -> Self {
        let blow = in_turn(&Blow::ALL, turn).unwrap_or(Blow::CutBefore);
        Self { trouble: Trouble { at, nth, blow }, strikes: Strikes::FromTheStart, seed }
    }
}

/// The runs of a walk: something happens at the first message of every kind, then at the second, and so on. Endless: a trouble
/// that finds no message is none.
pub fn sessions(seed: u64) -> impl Iterator<Item = Session> {
    (1..).flat_map(move |nth| {
        let both = [Strikes::AtWork, Strikes::FromTheStart].into_iter();
        both.flat_map(move |strikes| Statement::ALL.map(|at| Session::of(at, nth, strikes, seed)))
    })
}

/// Plays a run on this server and judges it.
///
/// # Errors
/// The test itself failed, or the engine did not come to an end.
pub async fn session(session: &Session, server: &Config) -> Result<Ended, Failure> {
    let schema = fresh_schema();
    let proxy = Proxy::start(server.clone(), &schema)?;
    let backend = PostgresBackend::new(server, schema, Some(proxy.folder().to_owned()));
    let stage = Stage::set(backend.clone(), session.seed, Size::SMALL);
    let ended = play(session, stage, proxy).await;
    backend.remove().await?;
    ended
}

async fn play(session: &Session, stage: Stage<PostgresBackend>, proxy: Proxy) -> Result<Ended, Failure> {
    let process = Process::begin()?;
    if session.strikes == Strikes::FromTheStart {
        proxy.arm(session.trouble);
    }
    let begun = stage.clone();
    let engine = process.run(async move { begun.begin().await }).await?;
    if session.strikes == Strikes::AtWork {
        proxy.arm(session.trouble);
    }
    let last = stage.clone();
    process
        .run(async move {
            last.perform(&engine).await?;
            last.finish(engine).await
        })
        .await?;
    drop(process);
    proxy.disarm();
    let mut ended = stage.judge(Told::Unavailable).await?;
    ended.totals.rounds = 1;
    ended.counted = Statement::ALL.map(|at| proxy.reached(at)).to_vec();
    ended.reached = proxy.reached(session.trouble.at) >= session.trouble.nth;
    ended.totals.faults = u64::from(proxy.hits() > 0);
    Ok(ended)
}
