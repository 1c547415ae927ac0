//! A connection pooler in front of a server.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tokio_postgres::Config;

use crate::server::{Place, Server, StartError, USER, command, failure};

/// For how long a client has a server's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// As long as its own lasts.
    Session,
    /// For a transaction.
    Transaction,
    /// For a statement.
    Statement,
}

/// A PgBouncer on a Unix socket in a temporary folder. A watcher process ends it and removes the folder when it is dropped or
/// this process ends.
#[derive(Debug)]
pub struct Pooler {
    folder: PathBuf,
    watcher: Child,
}

impl Pooler {
    const PORT: u16 = 6432;

    /// Starts one in front of a server, with this maximum number of connections to it.
    ///
    /// # Errors
    /// - [`StartError::MissingPooler`]: it is not installed.
    /// - [`StartError::Program`]: it does not start.
    pub fn start(server: &Server, mode: PoolMode, connections: u16) -> Result<Self, StartError> {
        let program = find().ok_or(StartError::MissingPooler)?;
        let place = Place::new()?;
        let mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
            PoolMode::Statement => "statement",
        };
        let users = place.write("users", &format!("\"{USER}\" \"\"\n"))?;
        let settings = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_port = {}\nunix_socket_dir = {}\nauth_type = trust\n\
             auth_file = {}\npool_mode = {mode}\ndefault_pool_size = {connections}\nmax_client_conn = 500\n",
            server.folder().display(),
            server.port(),
            Self::PORT,
            place.folder.path().display(),
            users.display(),
        );
        let settings = place.write("pgbouncer.ini", &settings)?;
        let mut watcher = watch(&program, &settings, &place)?;
        let mut said = String::new();
        if let Some(output) = watcher.stdout.take() {
            BufReader::new(output).read_line(&mut said).map_err(|error| failure("pgbouncer", error))?;
        }
        let pooler = Self { folder: place.folder.keep(), watcher };
        match said.trim() {
            "ready" => Ok(pooler),
            _ => {
                let log = std::fs::read_to_string(pooler.folder.join("log")).unwrap_or_default();
                Err(failure("pgbouncer", log))
            }
        }
    }

    /// How to reach the server through it.
    #[must_use]
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(&self.folder).port(Self::PORT).user(USER).dbname("postgres");
        config
    }

    /// The same as a connection string.
    #[must_use]
    pub fn url(&self) -> String {
        format!("host={} port={} user={USER} dbname=postgres", self.folder.display(), Self::PORT)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        // Without a status there is nothing left to wait for, and no one to tell.
        let _ended = self.watcher.wait();
    }
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file())
}

/// Starts a shell that starts the pooler, says when it listens, and waits until this process closes its input.
fn watch(program: &Path, settings: &Path, place: &Place) -> Result<Child, StartError> {
    const SCRIPT: &str = "trap '' INT TERM HUP; \"$1\" \"$2\" >\"$3/log\" 2>&1 & pooler=$!; \
                          until [ -S \"$4\" ]; do kill -0 $pooler 2>/dev/null || break; sleep 0.02; done; \
                          if [ -S \"$4\" ]; then echo ready; else echo failed; fi; cat >/dev/null; \
                          kill -9 $pooler 2>/dev/null; cd /; rm -rf \"$3\"";
    let folder = place.folder.path();
    command(Path::new("/bin/sh"), place.account)
        .args(["-c", SCRIPT, "sh"])
        .args([program, settings, folder, &folder.join(format!(".s.PGSQL.{}", Pooler::PORT))])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failure("sh", error))
}
