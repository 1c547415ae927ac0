//! `gymhook backup`: copies the database consistently while it is used.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use gymhook_service::Config;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;

use crate::environment::variable;
use crate::failure::Failure;
use crate::output::Output;

/// Copy the SQLite file of "gymhook serve" while it runs: consistent, checked, and on the disk when this ends
#[derive(Args, Debug)]
#[command(after_help = "\
The copy has everything that was acknowledged before the backup began. To restore it, stop the server, move its file away together with those whose names begin with it (-wal, -shm, -worker), put the copy in its place, and start the server.

Example: a copy of every night
  gymhook backup --database /var/lib/gymhook/gymhook.db \"/backup/gymhook-$(date +%F).db\"")]
pub(crate) struct Arguments {
    /// The copy; a file that exists is never overwritten
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// The file that the server keeps everything in [default: GYMHOOK_DATABASE, or gymhook.db]
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

#[derive(Serialize)]
struct Copied {
    record: &'static str,
    from: String,
    to: String,
    bytes: u64,
    deliveries: u64,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let from = arguments.from()?;
    if fs::symlink_metadata(&arguments.to).is_ok() {
        return Err(exists(&arguments.to));
    }
    // Under another name until it is whole: what has the right name can be restored.
    let unfinished = unfinished(&arguments.to)?;
    let copied = copy(&from, &unfinished).and_then(|deliveries| {
        finish(&unfinished, &arguments.to)?;
        Ok(deliveries)
    });
    let deliveries = copied.inspect_err(|_| {
        // It may not have been created.
        let _ = fs::remove_file(&unfinished);
    })?;
    let bytes = fs::metadata(&arguments.to).map(|file| file.len()).map_err(Failure::failed)?;
    let (from, to) = (from.display().to_string(), arguments.to.display().to_string());
    output.line(&format!("copied {from} to {to}: {deliveries} deliveries, {bytes} bytes, checked"))?;
    output.record(&Copied { record: "backup", from, to, bytes, deliveries })
}

impl Arguments {
    fn from(&self) -> Result<PathBuf, Failure> {
        if let Some(file) = &self.database {
            return Ok(file.clone());
        }
        if variable("GYMHOOK_DATABASE_URL").is_some() {
            return Err(Failure::usage(
                "everything is kept in PostgreSQL, whose own program copies it: pg_dump --format=custom --file=FILE, with the URL of your database",
            ));
        }
        Ok(variable("GYMHOOK_DATABASE").map_or_else(|| Config::DATABASE.into(), PathBuf::from))
    }
}

fn exists(path: &Path) -> Failure {
    Failure::usage(format!("{} is there already, and a copy is never overwritten: name another file", path.display()))
}

fn unfinished(path: &Path) -> Result<PathBuf, Failure> {
    let name = path.file_name().ok_or_else(|| Failure::usage(format!("{} is no file", path.display())))?;
    let mut name = name.to_owned();
    name.push(format!(".{}.unfinished", std::process::id()));
    Ok(path.with_file_name(name))
}

/// Copies all pages as they are in one moment: a database with a write-ahead log is read and written at the same time.
fn copy(from: &Path, to: &Path) -> Result<u64, Failure> {
    let problem = |error: rusqlite::Error| Failure::failed(format!("{} cannot be copied: {error}", from.display()));
    if !from.exists() {
        return Err(Failure::usage(format!(
            "there is no {}: name the server's file with --database",
            from.display()
        )));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(problem)?;
    source.busy_timeout(core::time::Duration::from_secs(10)).map_err(problem)?;
    let is_ours = "SELECT count(*) FROM sqlite_schema WHERE name = 'gymhook_deliveries'";
    let is_ours = source.query_row(is_ours, [], |row| row.get::<_, u32>(0)).map_err(|error| {
        Failure::failed(format!(
            "{} cannot be read: {error}; is it the server's file, and may this user read it?",
            from.display()
        ))
    })?;
    if is_ours == 0 {
        return Err(Failure::usage(format!("{} is no file of \"gymhook serve\"", from.display())));
    }
    create(to)?;
    let mut target = Connection::open(to).map_err(problem)?;
    {
        let backup = Backup::new(&source, &mut target).map_err(problem)?;
        // All in one step: with several, each write in between would start it anew.
        if backup.step(-1).map_err(problem)? != StepResult::Done {
            return Err(Failure::failed(format!("{} is locked by another program: try again", from.display())));
        }
    }
    let whole: String = target.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(problem)?;
    if whole != "ok" {
        return Err(Failure::failed(format!(
            "{} is damaged, and so would be its copy: {whole}; restore an earlier copy",
            from.display()
        )));
    }
    let count = target.query_row("SELECT count(*) FROM gymhook_deliveries", [], |row| row.get(0)).map_err(problem)?;
    // Alone, it is one file: whoever copies it further needs no other.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(problem)?;
    target.close().map_err(|(_, error)| problem(error))?;
    Ok(count)
}

/// Nobody else may read it: it has secrets.
fn create(path: &Path) -> Result<(), Failure> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    created.map(drop).map_err(|error| {
        Failure::usage(format!("{} cannot be created ({error}): look at its folder", path.display()))
    })
}

/// Gives the copy its name, once it is on the disk.
fn finish(unfinished: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::failed(format!("{} cannot be finished: {error}", to.display()));
    File::open(unfinished).and_then(|file| file.sync_all()).map_err(failed)?;
    match renameat_with(CWD, unfinished, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => {}
        Err(rustix::io::Errno::EXIST) => return Err(exists(to)),
        Err(error) => return Err(failed(error.into())),
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
