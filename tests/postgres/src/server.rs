//! One private server.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use tokio_postgres::Config;

use crate::programs::{self, MissingPrograms};

const USER: &str = "gymhook";

/// A server of its own, with its data in a temporary folder.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    account: Option<(u32, u32)>,
    watcher: Mutex<Child>,
}

/// Why a server did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It is not installed.
    #[error(transparent)]
    Missing(#[from] MissingPrograms),
    /// As root, the programs run as the user `postgres`, and there is none.
    #[error("PostgreSQL does not run as root, and there is no user `postgres` to run it as")]
    NoUser,
    /// A program failed.
    #[error("{program} failed: {problem}")]
    Program {
        /// Which.
        program: &'static str,
        /// What it said.
        problem: String,
    },
    /// The variable's value is no connection string.
    #[error("GYMHOOK_TEST_DATABASE_URL is no connection string: {0}")]
    Url(String),
}

impl Server {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// - [`StartError::Missing`], [`StartError::NoUser`]: this machine has not what it takes.
    /// - [`StartError::Program`]: `initdb` or the server failed.
    pub fn start() -> Result<Self, StartError> {
        let programs = programs::folder()?;
        let account = match programs::is_root() {
            true => Some(programs::postgres_user().ok_or(StartError::NoUser)?),
            false => None,
        };
        let failed = |error: io::Error| failure("making a temporary folder", error);
        // A socket's path has room for about 100 bytes.
        let folder = TempDir::with_prefix_in("gymhook-pg-", "/tmp").map_err(failed)?;
        if let Some((user, group)) = account {
            std::os::unix::fs::chown(folder.path(), Some(user), Some(group)).map_err(failed)?;
        }
        init(&programs, folder.path(), account)?;
        let watcher = watch(&programs, folder.path(), account)?;
        let server = Self { programs, folder: folder.keep(), account, watcher: Mutex::new(watcher) };
        server.pg_ctl(&["start", "-w"])?;
        Ok(server)
    }

    /// How to reach it, as a superuser.
    #[must_use]
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(&self.folder).user(USER).dbname("postgres");
        config
    }

    /// The same as a connection string.
    #[must_use]
    pub fn url(&self) -> String {
        format!("host={} user={USER} dbname=postgres", self.folder.display())
    }

    /// Stops it as if the power had gone: nothing is written any more.
    ///
    /// # Errors
    /// [`StartError::Program`]: it does not run.
    pub fn stop_immediately(&self) -> Result<(), StartError> {
        self.pg_ctl(&["stop", "-w", "-m", "immediate"])
    }

    /// Starts it after [`Server::stop_immediately`]; it then recovers what was committed.
    ///
    /// # Errors
    /// [`StartError::Program`]: it does not start.
    pub fn start_again(&self) -> Result<(), StartError> {
        self.pg_ctl(&["start", "-w"])
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<(), StartError> {
        let mut command = command(&self.programs.join("pg_ctl"), self.account);
        command.arg("-D").arg(data(&self.folder)).arg("-l").arg(self.folder.join("log")).args(arguments);
        // Not through pipes: the server would keep them open.
        let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                Err(failure("pg_ctl", log))
            }
            Err(error) => Err(failure("pg_ctl", error)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let watcher = self.watcher.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(watcher.stdin.take());
        // Without a status there is nothing left to wait for, and no one to tell.
        let _ended = watcher.wait();
    }
}

fn init(programs: &Path, folder: &Path, account: Option<(u32, u32)>) -> Result<(), StartError> {
    let made = command(&programs.join("initdb"), account)
        .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=trust", "--username", USER, "-D"])
        .arg(data(folder))
        .output()
        .map_err(|error| failure("initdb", error))?;
    if !made.status.success() {
        return Err(failure("initdb", String::from_utf8_lossy(&made.stderr)));
    }
    let settings = format!(
        "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 100\nshared_buffers = 64MB\n\
         fsync = on\nsynchronous_commit = on\nlog_min_messages = warning\n",
        folder.display()
    );
    let file = fs::File::options().append(true).open(data(folder).join("postgresql.conf"));
    file.and_then(|mut file| file.write_all(settings.as_bytes()))
        .map_err(|error| failure("writing postgresql.conf", error))
}

/// Starts what cleans up: a shell that waits for this process to let go of its input.
fn watch(programs: &Path, folder: &Path, account: Option<(u32, u32)>) -> Result<Child, StartError> {
    const SCRIPT: &str = "trap '' INT TERM HUP; echo ready; cat >/dev/null; \
                          \"$1/pg_ctl\" stop -D \"$2/data\" -m immediate >/dev/null 2>&1; cd /; rm -rf \"$2\"";
    let failed = |error: io::Error| failure("sh", error);
    let mut watcher = command(Path::new("/bin/sh"), account)
        .args(["-c", SCRIPT, "sh"])
        .args([programs, folder])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut ready = String::new();
    if let Some(said) = watcher.stdout.take() {
        BufReader::new(said).read_line(&mut ready).map_err(failed)?;
    }
    Ok(watcher)
}

fn command(program: &Path, account: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").process_group(0);
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn failure(program: &'static str, problem: impl core::fmt::Display) -> StartError {
    StartError::Program { program, problem: problem.to_string() }
}
