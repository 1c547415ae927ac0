//! `Recording`: the SQLite file in which `gymhook listen` keeps the newest requests; adds, selects and forgets them.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};
use time::UtcDateTime;
use tokio::sync::oneshot;

use crate::failure::Failure;

/// A request with the verdict on it.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) id: i64,
    pub(crate) at: UtcDateTime,
    pub(crate) platform: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) verdict: String,
    pub(crate) reason: Option<String>,
    /// The types of its events, one a line.
    pub(crate) types: String,
}

/// A request that is to be recorded.
#[derive(Debug)]
pub(crate) struct NewRequest {
    pub(crate) id: i64,
    pub(crate) at: UtcDateTime,
    pub(crate) platform: &'static str,
    pub(crate) method: Method,
    pub(crate) target: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) status: u16,
    pub(crate) verdict: &'static str,
    pub(crate) reason: Option<&'static str>,
    /// The types of its events, one a line.
    pub(crate) types: String,
}

/// A request on its way into the file.
#[derive(Debug)]
pub(crate) struct Unwritten {
    pub(crate) request: NewRequest,
    /// Told when it is there.
    pub(crate) written: oneshot::Sender<()>,
}

/// Which recorded requests are meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) ids: Vec<i64>,
    pub(crate) since: Option<UtcDateTime>,
    pub(crate) until: Option<UtcDateTime>,
    pub(crate) platform: Option<String>,
    pub(crate) event_type: Option<String>,
    pub(crate) verdict: Option<String>,
    pub(crate) limit: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Recording {
    connection: Connection,
    path: PathBuf,
    /// The numbers of all that are kept, where this is the one who records: to find the oldest in the file, as many rows as
    /// are kept would be walked through.
    kept: BTreeSet<i64>,
    /// Held by the one who records.
    _lock: Option<fs::File>,
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    platform TEXT NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    status INTEGER NOT NULL,
    verdict TEXT NOT NULL,
    reason TEXT,
    types TEXT NOT NULL
) STRICT";

const FORGET: &str = "DELETE FROM requests WHERE id <= ?1";

/// Pages of 4 KiB that are written before they are moved into the file, which waits for the disk: the log beside the file
/// is at most about this long.
const CHECKPOINT: u32 = 4_096;

impl Recording {
    /// Where requests are kept unless another file is named: the user's folder for state.
    pub(crate) fn default_path() -> Result<PathBuf, Failure> {
        let home = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = home("XDG_STATE_HOME").or_else(|| Some(home("HOME")?.join(".local/state")));
        let state = state.ok_or_else(|| {
            Failure::usage("there is no home folder to record in: name a file with --record")
        })?;
        Ok(state.join("gymhook/requests.db"))
    }

    /// Opens the file to write into it, and makes it if there is none, readable by its owner alone: it holds keys and bodies.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let unusable = |problem: String| {
            Failure::usage(format!(
                "requests cannot be recorded in {path:?} ({problem}): name another file with --record, or give --no-record"
            ))
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| unusable(error.kind().to_string()))?;
        }
        private_file(path).map_err(|error| unusable(error.kind().to_string()))?;
        // Whoever records counts the requests by itself: two would overwrite each other's.
        let lock = fs::File::create(path.with_extension("lock"))
            .map_err(|error| unusable(error.kind().to_string()))?;
        lock.try_lock().map_err(|_| unusable("another gymhook listen records there".to_owned()))?;
        let connection = Connection::open(path).map_err(|error| unusable(error.to_string()))?;
        let prepared = connection.execute_batch(&format!(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=2000;
             PRAGMA wal_autocheckpoint={CHECKPOINT}; {SCHEMA}"
        ));
        prepared.map_err(|error| unusable(error.to_string()))?;
        let kept = numbers(&connection).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { connection, path: path.to_owned(), kept, _lock: Some(lock) })
    }

    /// Opens a file that is there, to read it.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let unusable = |problem: String| {
            Failure::usage(format!(
                "recorded requests cannot be read from {path:?} ({problem}): has gymhook listen recorded anything there?"
            ))
        };
        if !path.is_file() {
            return Err(unusable("there is no such file".to_owned()));
        }
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
        let connection = connection.map_err(|error| unusable(error.to_string()))?;
        let has_table = connection.prepare("SELECT id, types FROM requests LIMIT 1").map(|_| ());
        has_table.map_err(|error| unusable(error.to_string()))?;
        Ok(Self { connection, path: path.to_owned(), kept: BTreeSet::new(), _lock: None })
    }

    pub(crate) fn last_id(&self) -> Result<i64, Failure> {
        let last =
            self.connection.query_row("SELECT coalesce(max(id), 0) FROM requests", [], |row| row.get(0));
        last.map_err(|error| self.failed(&error))
    }

    /// Writes these in one transaction. The oldest beyond `keep` are forgotten when there is a sixteenth more.
    ///
    /// It does not wait for the disk: what was written survives the end of this process, and not always that of the machine.
    pub(crate) fn add<'r>(
        &mut self,
        requests: impl Iterator<Item = &'r NewRequest>,
        keep: usize,
    ) -> Result<(), Failure> {
        let written = self.write(requests, keep);
        written.map_err(|error| self.failed(&error))
    }

    fn write<'r>(
        &mut self,
        requests: impl Iterator<Item = &'r NewRequest>,
        keep: usize,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO requests (id, at, platform, method, target, headers, body, status, verdict, reason, types)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?;
            for request in requests {
                insert.execute(params![
                    request.id,
                    millis(request.at),
                    request.platform,
                    request.method.as_str(),
                    request.target.to_string(),
                    headers_text(&request.headers),
                    &request.body[..],
                    request.status,
                    request.verdict,
                    request.reason,
                    request.types,
                ])?;
                self.kept.insert(request.id);
            }
        }
        if self.kept.len() > keep.saturating_add(keep / 16)
            && let Some(newest) = beyond(&mut self.kept, keep)
        {
            transaction.execute(FORGET, [newest])?;
        }
        transaction.commit()
    }

    /// Forgets all beyond `keep`, at the end.
    pub(crate) fn forget(&mut self, keep: usize) -> Result<(), Failure> {
        let Some(newest) = beyond(&mut self.kept, keep) else { return Ok(()) };
        let forgotten = self.connection.execute(FORGET, [newest]);
        forgotten.map(|_| ()).map_err(|error| self.failed(&error))
    }

    pub(crate) fn get(&self, id: i64) -> Result<Recorded, Failure> {
        let found = self.connection.query_row("SELECT * FROM requests WHERE id = ?1", [id], read).optional();
        found.map_err(|error| self.failed(&error))?.ok_or_else(|| {
            Failure::usage(format!("no request {id} is recorded: \"gymhook requests\" lists those that are"))
        })
    }

    /// The wanted requests, oldest first; with a limit, the newest of them.
    pub(crate) fn find(&self, wanted: &Wanted) -> Result<Vec<Recorded>, Failure> {
        let found = self.select(wanted);
        found.map_err(|error| self.failed(&error))
    }

    fn select(&self, wanted: &Wanted) -> rusqlite::Result<Vec<Recorded>> {
        let mut statement = self.connection.prepare(
            "SELECT * FROM requests
             WHERE (?1 IS NULL OR at >= ?1) AND (?2 IS NULL OR at <= ?2) AND (?3 IS NULL OR platform = ?3)
               AND (?4 IS NULL OR verdict = ?4) ORDER BY id DESC",
        )?;
        let rows = statement.query_map(
            params![wanted.since.map(millis), wanted.until.map(millis), wanted.platform, wanted.verdict],
            read,
        )?;
        let limit = wanted.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        let fits = |request: &Recorded| {
            (wanted.ids.is_empty() || wanted.ids.contains(&request.id))
                && wanted
                    .event_type
                    .as_ref()
                    .is_none_or(|wanted| request.types.lines().any(|found| found == wanted))
        };
        let mut found = Vec::new();
        for request in rows {
            let request = request?;
            if found.len() == limit {
                break;
            }
            if fits(&request) {
                found.push(request);
            }
        }
        found.reverse();
        Ok(found)
    }

    fn failed(&self, error: &rusqlite::Error) -> Failure {
        Failure::failed(format!(
            "the recorded requests in {:?} cannot be read or written: {error}",
            self.path
        ))
    }
}

fn numbers(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    connection.prepare("SELECT id FROM requests")?.query_map([], |row| row.get(0))?.collect()
}

/// Takes the oldest beyond `keep` away: the newest of them.
fn beyond(kept: &mut BTreeSet<i64>, keep: usize) -> Option<i64> {
    let mut newest = None;
    while kept.len() > keep {
        newest = kept.pop_first().or(newest);
    }
    newest
}

fn private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(|_| ())
}

fn millis(at: UtcDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// One a line, as HTTP writes them: a value cannot hold a line end.
fn headers_text(headers: &HeaderMap) -> String {
    let mut text = String::new();
    for (name, value) in headers {
        text += name.as_str();
        text += ": ";
        match value.to_str() {
            Ok(value) => text += value,
            // Latin-1, so that every byte has a character.
            Err(_) => text.extend(value.as_bytes().iter().map(|byte| char::from(*byte))),
        }
        text.push('\n');
    }
    text
}

fn headers_of(text: &str) -> Vec<(String, Vec<u8>)> {
    let bytes = |value: &str| value.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
    text.lines()
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), bytes(value))))
        .collect()
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Recorded> {
    let at: i64 = row.get("at")?;
    let headers: String = row.get("headers")?;
    Ok(Recorded {
        id: row.get("id")?,
        at: UtcDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
            .unwrap_or(UtcDateTime::UNIX_EPOCH),
        platform: row.get("platform")?,
        method: row.get("method")?,
        target: row.get("target")?,
        headers: headers_of(&headers),
        body: row.get("body")?,
        status: row.get("status")?,
        verdict: row.get("verdict")?,
        reason: row.get("reason")?,
        types: row.get("types")?,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn request(id: i64) -> NewRequest {
        let mut headers = HeaderMap::new();
        headers.append("a", HeaderValue::from_bytes(b"\xffb: c").unwrap());
        headers.append("a", HeaderValue::from_static(""));
        NewRequest {
            id,
            at: UtcDateTime::from_unix_timestamp(id).unwrap(),
            platform: "egym",
            method: Method::POST,
            target: Uri::from_static("/hooks?a=b"),
            headers,
            body: Bytes::from_static(&[0, 255, b'\n']),
            status: 200,
            verdict: if id % 2 == 0 { "accepted" } else { "refused" },
            reason: None,
            types: "TEST\nGYM_CHECKIN".to_owned(),
        }
    }

    #[test]
    fn what_is_recorded_is_found_as_it_was_and_the_oldest_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/requests.db");
        let mut recording = Recording::create(&path).unwrap();
        for id in 1..=10 {
            recording.add([&request(id)].into_iter(), 4).unwrap();
        }
        let ids = |wanted: Wanted| {
            recording.find(&wanted).unwrap().iter().map(|found| found.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(Wanted::default()), [7, 8, 9, 10]);
        assert_eq!(ids(Wanted { limit: Some(2), ..Wanted::default() }), [9, 10]);
        assert_eq!(ids(Wanted { verdict: Some("refused".to_owned()), ..Wanted::default() }), [7, 9]);
        assert_eq!(ids(Wanted { since: Some(request(9).at), ..Wanted::default() }), [9, 10]);
        assert_eq!(
            ids(Wanted { event_type: Some("GYM_CHECKIN".to_owned()), ids: vec![8], ..Wanted::default() }),
            [8]
        );
        assert_eq!(ids(Wanted { event_type: Some("GYM".to_owned()), ..Wanted::default() }), [0_i64; 0]);
        let found = recording.get(10).unwrap();
        let headers = vec![("a".to_owned(), b"\xffb: c".to_vec()), ("a".to_owned(), Vec::new())];
        assert_eq!((found.headers, found.body, found.at), (headers, vec![0, 255, b'\n'], request(10).at));
        assert_eq!((found.method.as_str(), found.target.as_str()), ("POST", "/hooks?a=b"));
        assert!(recording.get(1).is_err());
    }

    #[test]
    fn a_sixteenth_more_is_kept_at_the_most_and_none_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut recording = Recording::create(&folder.path().join("requests.db")).unwrap();
        let count = |recording: &Recording| recording.find(&Wanted::default()).unwrap().len();
        for id in 1..=100 {
            recording.add([&request(id)].into_iter(), 32).unwrap();
            assert!(count(&recording) <= 34);
        }
        recording.forget(32).unwrap();
        assert_eq!(count(&recording), 32);
    }

    #[test]
    fn what_an_earlier_run_recorded_is_forgotten_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.db");
        for first in [1, 5] {
            let mut recording = Recording::create(&path).unwrap();
            let requests = [request(first), request(first + 1), request(first + 2)];
            recording.add(requests.iter(), 4).unwrap();
        }
        let found = Recording::open(&path).unwrap().find(&Wanted::default()).unwrap();
        assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [3, 5, 6, 7]);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_what_is_recorded() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.db");
        let _recording = Recording::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    }
}
