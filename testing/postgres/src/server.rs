//! One private server.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;
use tokio_postgres::Config;

use crate::programs::{self, MissingPrograms};

pub(crate) const USER: &str = "gymhook";

/// A server of its own, with its data in a temporary folder.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    account: Option<(u32, u32)>,
    port: u16,
    watcher: Mutex<Child>,
}

/// A server's certificate with its key, and the CA whose clients it lets in by theirs, all in PEM.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// Its certificate.
    pub certificate: String,
    /// That one's key.
    pub key: String,
    /// The CA of clients' certificates.
    pub client_ca: String,
}

/// Where a server or a pooler is going to live.
pub(crate) struct Place {
    pub(crate) programs: PathBuf,
    pub(crate) account: Option<(u32, u32)>,
    pub(crate) folder: TempDir,
    port: u16,
}

impl Place {
    pub(crate) fn new() -> Result<Self, StartError> {
        let programs = programs::folder()?;
        let account = match programs::is_root() {
            true => Some(programs::postgres_user().ok_or(StartError::NoUser)?),
            false => None,
        };
        let failed = |error: io::Error| failure("making a temporary folder", error);
        // A socket's path has room for about 100 bytes.
        let folder = TempDir::with_prefix_in("gymhook-pg-", "/tmp").map_err(failed)?;
        let place = Self { programs, account, folder, port: 5432 };
        place.own(place.folder.path())?;
        Ok(place)
    }

    /// A file that only the server may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, StartError> {
        let path = self.folder.path().join(name);
        let failed = |error: io::Error| failure("writing a file", error);
        fs::write(&path, text).map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        self.own(&path)?;
        Ok(path)
    }

    fn own(&self, path: &Path) -> Result<(), StartError> {
        let Some((user, group)) = self.account else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user), Some(group)).map_err(|error| failure("chown", error))
    }
}

/// Why a server did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It is not installed.
    #[error(transparent)]
    Missing(#[from] MissingPrograms),
    /// PgBouncer is not installed.
    #[error(
        "these tests need PgBouncer, and `pgbouncer` was not found: install it (Debian, Ubuntu: `apt-get install pgbouncer`)"
    )]
    MissingPooler,
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
        Self::start_in(Place::new()?, |place| init(place, ""))
    }

    /// The role that a server with TLS lets in by its certificate alone, once a test has made it.
    pub const BY_CERTIFICATE: &str = "by_certificate";

    /// The same on a TCP port of this machine, too, where it speaks TLS if there is a certificate.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_on_a_port(tls: Option<&ServerTls>) -> Result<Self, StartError> {
        let failed = |error: io::Error| failure("looking for a free port", error);
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|bound| bound.local_addr());
        let port = free.map_err(failed)?.port();
        let place = Place { port, ..Place::new()? };
        let mut settings = format!("listen_addresses = '127.0.0.1'\nport = {port}\n");
        if let Some(tls) = tls {
            let files =
                [("server.crt", &tls.certificate), ("server.key", &tls.key), ("clients.crt", &tls.client_ca)];
            for (name, pem) in files {
                place.write(name, pem)?;
                let setting = match name {
                    "server.crt" => "ssl_cert_file",
                    "server.key" => "ssl_key_file",
                    _ => "ssl_ca_file",
                };
                settings.push_str(&format!("{setting} = '{}'\n", place.folder.path().join(name).display()));
            }
            settings.push_str("ssl = on\n");
        }
        Self::start_in(place, |place| {
            init(place, &settings)?;
            if tls.is_none() {
                return Ok(());
            }
            let rules = data(place.folder.path()).join("pg_hba.conf");
            let failed = |error: io::Error| failure("writing pg_hba.conf", error);
            let rest = fs::read_to_string(&rules).map_err(failed)?;
            fs::write(&rules, format!("hostssl all {} 127.0.0.1/32 cert\n{rest}", Self::BY_CERTIFICATE))
                .map_err(failed)
        })
    }

    /// A hot standby of this server, which follows it until it is [promoted](Server::promote).
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn standby(&self) -> Result<Self, StartError> {
        Self::start_in(Place::new()?, |place| {
            let copied = command(&place.programs.join("pg_basebackup"), place.account)
                .args(["--write-recovery-conf", "--wal-method=stream", "--no-sync", "--checkpoint=fast"])
                .args(["--username", USER, "--host"])
                .arg(&self.folder)
                .arg("--pgdata")
                .arg(data(place.folder.path()))
                .output()
                .map_err(|error| failure("pg_basebackup", error))?;
            if !copied.status.success() {
                return Err(failure("pg_basebackup", String::from_utf8_lossy(&copied.stderr)));
            }
            configure(place, "")
        })
    }

    /// Makes a standby the primary.
    ///
    /// # Errors
    /// [`StartError::Program`]: it is none.
    pub fn promote(&self) -> Result<(), StartError> {
        self.pg_ctl(&["promote", "-w"])
    }

    fn start_in(
        place: Place,
        make: impl FnOnce(&Place) -> Result<(), StartError>,
    ) -> Result<Self, StartError> {
        make(&place)?;
        let Place { programs, account, folder, port } = place;
        let watcher = watch(&programs, folder.path(), account)?;
        let server = Self { programs, folder: folder.keep(), account, port, watcher: Mutex::new(watcher) };
        server.pg_ctl(&["start", "-w"])?;
        Ok(server)
    }

    /// The folder with its socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port that its socket is named after, and that it listens on if it does.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// How to reach it, as a superuser.
    #[must_use]
    pub fn config(&self) -> Config {
        let mut config = Config::new();
        config.port(self.port).host_path(&self.folder).user(USER).dbname("postgres");
        config
    }

    /// The same as a connection string.
    #[must_use]
    pub fn url(&self) -> String {
        format!("host={} port={} user={USER} dbname=postgres", self.folder.display(), self.port)
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

fn init(place: &Place, settings: &str) -> Result<(), StartError> {
    let made = command(&place.programs.join("initdb"), place.account)
        .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=trust", "--username", USER, "-D"])
        .arg(data(place.folder.path()))
        .output()
        .map_err(|error| failure("initdb", error))?;
    if !made.status.success() {
        return Err(failure("initdb", String::from_utf8_lossy(&made.stderr)));
    }
    configure(place, settings)
}

/// Writes its settings; of one that is there twice the last one counts.
fn configure(place: &Place, more: &str) -> Result<(), StartError> {
    let folder = place.folder.path();
    let settings = format!(
        "listen_addresses = ''\nunix_socket_directories = '{}'\nmax_connections = 100\nshared_buffers = 64MB\n\
         fsync = on\nsynchronous_commit = on\nlog_min_messages = warning\n{more}",
        folder.display()
    );
    let file = fs::File::options().append(true).open(data(folder).join("postgresql.conf"));
    file.and_then(|mut file| file.write_all(settings.as_bytes()))
        .map_err(|error| failure("writing postgresql.conf", error))
}

/// Starts what cleans up: a shell that waits until this process closes its input.
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

pub(crate) fn command(program: &Path, account: Option<(u32, u32)>) -> Command {
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

pub(crate) fn failure(program: &'static str, problem: impl core::fmt::Display) -> StartError {
    StartError::Program { program, problem: problem.to_string() }
}
