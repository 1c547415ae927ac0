//! A file system for SQLite whose calls fail on request: every write, sync, truncation, opening, … in turn.
//!
//! It comes before SQLite's own one as the default of this process, so that a store is opened on it without knowing. Only
//! files below the folder of a [`Disk`] are counted and can fail; all others pass.

mod fault;
mod methods;

use core::ffi::c_int;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

pub use self::fault::{Call, Error, Fault, Lasts};
use gymhook_crash_tests::random::Random;

use crate::Failure;

/// The disk under a folder. Cloning is cheap; the folder is forgotten with the last clone.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Device>);

/// What the calls of a folder go through.
#[derive(Debug)]
struct Device {
    folder: PathBuf,
    calls: [AtomicU64; Call::ALL.len()],
    /// Calls that are under way in the real file system.
    under_way: AtomicUsize,
    state: Mutex<State>,
    hits: tokio::sync::watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    fault: Option<Fault>,
    /// How many calls of each kind there were since it was armed.
    seen: [u64; Call::ALL.len()],
    /// Set when a fault that lasts for ever has struck.
    dead: bool,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Fail(c_int),
    /// Half of it is done.
    Half(c_int),
}

fn devices() -> MutexGuard<'static, Vec<Weak<Device>>> {
    static DEVICES: Mutex<Vec<Weak<Device>>> = Mutex::new(Vec::new());
    DEVICES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The device that this file is on, if it is one of ours.
fn device_of(file: &Path) -> Option<Arc<Device>> {
    devices().iter().filter_map(Weak::upgrade).find(|device| file.starts_with(&device.folder))
}

/// Leaves SQLite so little memory, in the whole process, that it writes pages in the middle of its transactions, and reads them
/// again, as it otherwise does only with those that are larger than its cache.
///
/// # Errors
/// SQLite does not take the limit.
pub fn leave_little_memory() -> Result<(), Failure> {
    let connection = rusqlite::Connection::open_in_memory()?;
    let limit: i64 = connection.query_row("PRAGMA soft_heap_limit = 4096", [], |row| row.get(0))?;
    if limit == 4096 { Ok(()) } else { Err(format!("SQLite keeps its memory limit of {limit}").into()) }
}

impl Disk {
    /// The disk under this folder, with nothing wrong with it. The first one of a process puts the file system in place.
    ///
    /// # Errors
    /// The folder is not there, or SQLite does not take another file system.
    pub fn under(folder: &Path) -> Result<Self, Failure> {
        static INSTALLED: OnceLock<c_int> = OnceLock::new();
        let code = *INSTALLED.get_or_init(methods::install);
        if code != rusqlite::ffi::SQLITE_OK {
            return Err(format!("SQLite does not take the file system: code {code}").into());
        }
        let device = Arc::new(Device {
            folder: folder.canonicalize()?,
            calls: Default::default(),
            under_way: AtomicUsize::new(0),
            state: Mutex::default(),
            hits: tokio::sync::watch::Sender::new(0),
        });
        let mut devices = devices();
        devices.retain(|device| device.strong_count() > 0);
        devices.push(Arc::downgrade(&device));
        Ok(Self(device))
    }

    /// From now on this is to fail.
    pub fn arm(&self, fault: Fault) {
        let mut state = self.0.state();
        state.fault = Some(fault);
        state.seen = Default::default();
    }

    /// Nothing is to fail any more, unless it is dead.
    pub fn heal(&self) {
        self.0.state().fault = None;
    }

    /// Nothing passes any more: the process dies.
    pub fn die(&self) {
        self.0.state().dead = true;
    }

    /// Whether nothing passes any more.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.state().dead
    }

    /// How many calls of this kind were made.
    #[must_use]
    pub fn calls(&self, call: Call) -> u64 {
        self.0.calls.get(call.index()).map_or(0, |calls| calls.load(Ordering::SeqCst))
    }

    /// How many calls of this kind were made since a fault was armed, until the disk was healed.
    #[must_use]
    pub fn counted(&self, call: Call) -> u64 {
        self.0.state().seen.get(call.index()).copied().unwrap_or(0)
    }

    /// How many calls failed.
    #[must_use]
    pub fn hits(&self) -> u64 {
        *self.0.hits.borrow()
    }

    /// Waits until the first call fails.
    pub async fn until_hit(&self) {
        let mut hits = self.0.hits.subscribe();
        // The sender is in what `self` holds.
        let _hit = hits.wait_for(|hits| *hits > 0).await;
    }

    /// Waits until a dead disk is still: what was under way when it died has ended.
    pub async fn until_still(&self) {
        while self.0.under_way.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    }
}

impl Device {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call, or fails in its place; `half` is what it does before it fails if it is cut short.
    fn call(&self, call: Call, whole: impl FnOnce() -> c_int, half: impl FnOnce()) -> c_int {
        if let Some(calls) = self.calls.get(call.index()) {
            calls.fetch_add(1, Ordering::SeqCst);
        }
        let verdict = {
            let mut state = self.state();
            let verdict = state.judge(call);
            // Under the lock, so that whoever sees the disk dead sees what is under way, too.
            self.under_way.fetch_add(1, Ordering::SeqCst);
            verdict
        };
        let code = match verdict {
            Verdict::Pass => whole(),
            Verdict::Fail(code) => code,
            Verdict::Half(code) => {
                half();
                code
            }
        };
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        if verdict != Verdict::Pass {
            self.hits.send_modify(|hits| *hits += 1);
        }
        code
    }
}

impl State {
    fn judge(&mut self, call: Call) -> Verdict {
        if self.dead {
            return Verdict::Fail(Error::Io.code(call));
        }
        let Some(fault) = self.fault else { return Verdict::Pass };
        let Some(seen) = self.seen.get_mut(call.index()) else { return Verdict::Pass };
        *seen += 1;
        if fault.call != call {
            return Verdict::Pass;
        }
        let strikes = match fault.lasts {
            Lasts::Once | Lasts::ForEver => *seen == fault.nth,
            Lasts::UntilHealed => *seen >= fault.nth,
            Lasts::NowAndThen => {
                let later = seen.checked_sub(fault.nth);
                later.is_some_and(|later| later == 0 || Random::new(*seen).below(4) == 0)
            }
        };
        if !strikes {
            return Verdict::Pass;
        }
        self.dead = fault.lasts == Lasts::ForEver;
        let code = fault.error.code(call);
        if fault.error.is_short() { Verdict::Half(code) } else { Verdict::Fail(code) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdicts on a number of writes, with a sync in between that is never judged.
    fn verdicts(fault: Fault, writes: usize) -> Vec<bool> {
        let mut state = State { fault: Some(fault), ..State::default() };
        let judge = |_| {
            let _sync = state.judge(Call::Sync);
            state.judge(Call::Write) == Verdict::Pass
        };
        (0..writes).map(judge).collect()
    }

    #[test]
    fn a_fault_strikes_at_its_call_and_for_as_long_as_it_says() {
        let fault = |lasts| Fault { call: Call::Write, nth: 2, error: Error::Full, lasts };
        assert_eq!(verdicts(fault(Lasts::Once), 4), [true, false, true, true]);
        assert_eq!(verdicts(fault(Lasts::UntilHealed), 4), [true, false, false, false]);
        assert_eq!(verdicts(fault(Lasts::ForEver), 4), [true, false, false, false]);
        let now_and_then = verdicts(fault(Lasts::NowAndThen), 40);
        assert_eq!(now_and_then.get(..2), Some(&[true, false][..]));
        let passed = now_and_then.iter().filter(|passed| **passed).count();
        assert!((20..38).contains(&passed), "{passed}");
    }

    #[test]
    fn a_dead_disk_does_nothing_at_all() {
        let fault = Fault { call: Call::Write, nth: 1, error: Error::Io, lasts: Lasts::ForEver };
        let mut state = State { fault: Some(fault), ..State::default() };
        assert_eq!(state.judge(Call::Read), Verdict::Pass);
        assert_ne!(state.judge(Call::Write), Verdict::Pass);
        for call in Call::ALL {
            assert_ne!(state.judge(call), Verdict::Pass, "{call}");
        }
    }

    #[test]
    fn a_real_database_meets_the_fault_and_the_folder_beside_it_does_not() {
        let [here, elsewhere] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let disk = Disk::under(here.path()).unwrap();
        let open = |folder: &Path| rusqlite::Connection::open(folder.join("a.db")).unwrap();
        let (mine, other) = (open(here.path()), open(elsewhere.path()));
        disk.arm(Fault { call: Call::Write, nth: 1, error: Error::ShortFull, lasts: Lasts::UntilHealed });
        other.execute_batch("CREATE TABLE t (a)").unwrap();
        let failed = mine.execute_batch("CREATE TABLE t (a)").unwrap_err();
        assert_eq!(failed.sqlite_error_code(), Some(rusqlite::ErrorCode::DiskFull));
        assert!(disk.hits() > 0 && disk.calls(Call::Open) > 0 && disk.calls(Call::Write) > 0);
        disk.heal();
        mine.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").unwrap();
        assert_eq!(mine.query_row("SELECT a FROM t", [], |row| row.get::<_, i64>(0)), Ok(1));
    }
}
