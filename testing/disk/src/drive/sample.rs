//! A sample of a walk: calls spread evenly over a whole run, from the first one of each kind to the last.

use core::fmt;
use std::collections::{BTreeSet, VecDeque};

use tokio::task::JoinSet;
use tokio_postgres::Config;

use super::campaign::{AT_A_TIME, Run, count};
use super::sessions::{Session, session};
use super::stage::Ended;
use super::walk::{Walk, walk};
use crate::Failure;
use crate::proxy::Statement;
use crate::total::Totals;
use crate::vfs::Call;

/// How many runs are counted in which nothing fails. The number of calls differs a little from run to run.
const COUNTED: usize = 3;

/// How many runs are played for one place: until the call that is to fail is made, and can fail in that way.
const TRIES: u32 = 8;

/// The number of a call that no run makes.
const NEVER: u64 = u64::MAX;

/// What a sample of a walk came to.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Its figures.
    pub totals: Totals,
    /// Each kind of call.
    pub reaches: Vec<Reach>,
}

/// Which calls of a kind failed.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Their kind.
    pub kind: String,
    /// How many of them a run made in which none failed; of several such runs, the fewest.
    pub calls: u64,
    /// The numbers of those that failed, each in a run of its own.
    pub struck: BTreeSet<u64>,
    /// Calls that were to fail and did not.
    pub missed: u64,
}

impl Reach {
    /// Whether every call failed that was to, the first and the last one of a run among them.
    #[must_use]
    pub fn is_from_end_to_end(&self) -> bool {
        let last = self.struck.last().copied().unwrap_or(0);
        self.calls > 0 && self.missed == 0 && self.struck.contains(&1) && last >= self.calls
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, calls, struck, missed } = self;
        let (first, last) = (struck.first().unwrap_or(&0), struck.last().unwrap_or(&0));
        write!(
            f,
            "{kind}: {} of {calls} calls failed, from {first} to {last}; {missed} did not",
            struck.len()
        )
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for reach in &self.reaches {
            writeln!(f, "{reach}")?;
        }
        write!(f, "{}", self.totals)
    }
}

/// Fails `of_each` of the calls of each kind that SQLite makes to its disk. What breaks a promise is printed and counted.
pub async fn walk_sample(seed: u64, of_each: u64) -> Sample {
    let run = |call, nth, turn| Walk::in_turn(call, nth, turn, seed);
    play_sample(&Call::ALL, of_each, run, |run| async move { walk(&run).await }).await
}

/// Fails `of_each` of the messages of each kind to this server. What breaks a promise is printed and counted.
pub async fn cut_off_sample(seed: u64, of_each: u64, server: &Config) -> Sample {
    let run = |at, nth, turn| Session::in_turn(at, nth, turn, seed);
    play_sample(&Statement::ALL, of_each, run, |run| {
        let server = server.clone();
        async move { session(&run, &server).await }
    })
    .await
}

/// A call that is to fail.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The index of its kind.
    kind: usize,
    nth: u64,
    /// How it fails follows from this.
    turn: u64,
    tries: u32,
}

async fn play_sample<K, R, F>(
    kinds: &[K],
    of_each: u64,
    run: impl Fn(K, u64, u64) -> R,
    play: impl Fn(R) -> F,
) -> Sample
where
    K: Copy + fmt::Debug,
    R: Run,
    F: Future<Output = Result<Ended, Failure>> + Send + 'static,
{
    let mut sample = Sample::default();
    let unharmed = (0..COUNTED).filter_map(|_| kinds.first()).map(|kind| play(run(*kind, NEVER, 0)));
    let counted = unharmed_calls(unharmed, &mut sample.totals).await;
    let mut waiting = VecDeque::new();
    for (kind, of) in kinds.iter().enumerate() {
        let of_kind = || counted.iter().filter_map(|calls| calls.get(kind).copied());
        let (fewest, most) = (of_kind().min().unwrap_or(0), of_kind().max().unwrap_or(0));
        sample.reaches.push(Reach {
            kind: format!("{of:?}"),
            calls: fewest,
            struck: BTreeSet::new(),
            missed: 0,
        });
        let places = (kind as u64..).zip(spread(most, of_each));
        waiting.extend(places.map(|(turn, nth)| Place { kind, nth, turn, tries: 1 }));
    }
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < AT_A_TIME
            && let Some(place) = waiting.pop_front()
        {
            let Some(kind) = kinds.get(place.kind) else { continue };
            let run = run(*kind, place.nth, place.turn);
            let (name, playing) = (run.name(), play(run));
            under_way.spawn(async move { (place, name, playing.await) });
        }
        let Some(done) = under_way.join_next().await else { return sample };
        let Ok((place, name, ended)) = done else {
            sample.totals.broken += 1;
            continue;
        };
        let calls = ended.as_ref().ok().and_then(|ended| ended.counted.get(place.kind).copied());
        let figures = count(ended, &name);
        if let Some(reach) = sample.reaches.get_mut(place.kind) {
            waiting.extend(reach.note(place, figures.faults > 0, calls.unwrap_or(0)));
        }
        sample.totals += figures;
    }
}

/// How many calls of each kind these runs make.
async fn unharmed_calls<F>(runs: impl Iterator<Item = F>, totals: &mut Totals) -> Vec<Vec<u64>>
where
    F: Future<Output = Result<Ended, Failure>> + Send + 'static,
{
    let mut counted = Vec::new();
    for ended in runs.collect::<JoinSet<_>>().join_all().await {
        counted.extend(ended.as_ref().ok().map(|ended| ended.counted.clone()));
        *totals += count(ended, "a run in which nothing fails");
    }
    counted
}

impl Reach {
    /// Writes down what became of a call; says which one is to fail instead if it did not.
    fn note(&mut self, place: Place, has_struck: bool, calls: u64) -> Option<Place> {
        if has_struck {
            self.struck.insert(place.nth);
            return None;
        }
        let mut again = Place { tries: place.tries + 1, ..place };
        if calls < place.nth {
            // The run was shorter than those that were counted: its last call instead.
            self.calls = self.calls.min(calls);
            again.nth = calls.max(1);
            if self.struck.contains(&again.nth) {
                return None;
            }
        } else {
            // It was made and could not fail in this way, as tables cannot be held up before they are there.
            again.turn += 1;
        }
        if again.tries > TRIES {
            self.missed += 1;
            return None;
        }
        Some(again)
    }
}

/// `of_each` numbers from 1 to `calls`, evenly spread, or all of them if there are fewer; the first and the last one in any case.
fn spread(calls: u64, of_each: u64) -> BTreeSet<u64> {
    let numbers = of_each.max(2).min(calls);
    let gaps = numbers.saturating_sub(1).max(1);
    (0..numbers).map(|step| 1 + calls.saturating_sub(1) * step / gaps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_from_the_first_call_to_the_last() {
        let of = |calls, of_each| spread(calls, of_each).into_iter().collect::<Vec<_>>();
        assert_eq!(of(100, 4), [1, 34, 67, 100]);
        assert_eq!(of(3, 8), [1, 2, 3]);
        assert_eq!(of(5, u64::MAX), [1, 2, 3, 4, 5]);
        assert_eq!(of(9, 1), [1, 9]);
        assert_eq!(of(0, 8), [0; 0]);
    }

    fn reach() -> Reach {
        Reach { kind: "Write".to_owned(), calls: 10, struck: BTreeSet::new(), missed: 0 }
    }

    #[test]
    fn a_call_that_was_not_made_gives_way_to_the_last_one_that_was() {
        let mut reach = reach();
        let place = |nth| Place { kind: 0, nth, turn: 3, tries: 1 };
        assert!(reach.note(place(1), true, 1).is_none() && !reach.is_from_end_to_end());
        let again = reach.note(place(12), false, 9).unwrap();
        assert_eq!((again.nth, again.turn, reach.calls), (9, 3, 9));
        assert!(reach.note(again, true, 9).is_none() && reach.is_from_end_to_end());
        assert!(reach.note(place(11), false, 9).is_none(), "the last one has failed before");
        assert!(reach.is_from_end_to_end());
    }

    #[test]
    fn a_call_that_never_fails_is_missed() {
        let mut reach = reach();
        for nth in [1, 10] {
            assert!(reach.note(Place { kind: 0, nth, turn: 0, tries: 1 }, true, nth).is_none());
        }
        let mut next = Some(Place { kind: 0, nth: 5, turn: 0, tries: 1 });
        let mut played = 0;
        while let Some(place) = next {
            assert_eq!((place.nth, place.turn), (5, played));
            next = reach.note(place, false, 10);
            played += 1;
        }
        assert_eq!((played, reach.missed), (u64::from(TRIES), 1));
        assert!(!reach.is_from_end_to_end());
    }
}
