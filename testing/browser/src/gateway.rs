//! A gateway in a process of its own, to be killed and started again.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::browser::Result;

/// The key that EGYM's requests prove.
pub const EGYM_KEY: &str = "the key that EGYM sends for this studio";

/// A gateway on a port and a database of its own. Its process ends with it.
#[derive(Debug)]
pub struct Gateway {
    program: PathBuf,
    application: String,
    port: u16,
    process: Child,
    /// The first key of its database.
    pub key: String,
    folder: TempDir,
}

impl Gateway {
    /// Starts this program with an empty database, and waits until it listens.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(program: impl Into<PathBuf>, application: &str) -> Result<Self> {
        let (program, folder) = (program.into(), tempfile::tempdir()?);
        // Whoever is started again listens at the same port.
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let (process, key) = run(&program, &folder, port, application)?;
        Ok(Self { program, application: application.to_owned(), port, process, key, folder })
    }

    /// Host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it in the middle of whatever it does, and starts it again on the same database.
    ///
    /// # Errors
    /// It had ended by itself, or does not start again.
    pub fn kill_and_start_again(&mut self) -> Result<()> {
        if let Some(status) = self.process.try_wait()? {
            return Err(format!("the gateway ended by itself: {status}").into());
        }
        self.process.kill()?;
        self.process.wait()?;
        (self.process, _) = run(&self.program, &self.folder, self.port, &self.application)?;
        Ok(())
    }
}

/// The process, once it listens, and the key that it has issued, if it has.
fn run(program: &PathBuf, folder: &TempDir, port: u16, application: &str) -> Result<(Child, String)> {
    let mut process = Command::new(program)
        .arg(folder.path().join("gymhook.db"))
        .args([&port.to_string(), application])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    let read = process.stdout.take().map(|out| BufReader::new(out).read_line(&mut said));
    if !matches!(read, Some(Ok(1..))) {
        let _ = process.kill();
        return Err(format!("the gateway does not start: {}", process.wait()?).into());
    }
    Ok((process, said.trim().to_owned()))
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
