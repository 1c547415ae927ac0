//! A `gymhook serve` in a folder of its own, and requests to it.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// What a key of EGYM is in these tests.
pub(crate) const KEY: &str = "the key that egym sends";

/// A source at `/in/NAME` for EGYM's requests.
pub(crate) fn source(name: &str) -> String {
    format!(
        "[[sources]]\nname = \"{name}\"\nplatform = \"egym\"\n[[sources.keys]]\nid = \"berlin\"\nsecret = \"${{EGYM_KEY}}\"\n"
    )
}

/// A server on a free port; it is killed with its value.
pub(crate) struct Serving {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) first_key: Option<String>,
    pub(crate) ready: Value,
    log: PathBuf,
    _out: BufReader<ChildStdout>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gymhook"));
    command.env_clear().env("EGYM_KEY", KEY).env("TZ", "UTC").current_dir(folder);
    command
}

impl Serving {
    /// Starts it in this folder, with the `gymhook.toml` that is there.
    pub(crate) fn start(folder: &Path, more: &[&str]) -> Self {
        let mut command = command(folder);
        command.args(["--json", "serve", "--listen", "127.0.0.1:0", "--log-format", "json"]).args(more);
        if folder.join("gymhook.toml").exists() {
            command.args(["--config", "gymhook.toml"]);
        }
        let log = folder.join("log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first_key = None;
        loop {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            let record: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
                panic!("it does not start: {line} {}", fs::read_to_string(&log).unwrap())
            });
            if record["record"] == "api-key" {
                first_key = record["key"].as_str().map(str::to_owned);
                continue;
            }
            let url = record["url"].as_str().unwrap();
            let address = url.split_once("://").unwrap().1.parse().unwrap();
            return Self { child, address, first_key, ready: record, log, _out: out };
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.child.wait().unwrap()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log has this text.
    pub(crate) fn wait_for(&self, text: &str) {
        let found = wait_until(|| self.log().contains(text));
        assert!(found, "the log never says {text:?}: {}", self.log());
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        request(
            self.address,
            &format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n"),
        )
        .unwrap()
    }

    /// Sends an event of EGYM's, with this account.
    pub(crate) fn send(&self, path: &str, account: &str) -> Result<Answer, std::io::Error> {
        send(self.address, path, account)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn wait_until(mut holds: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}

pub(crate) fn send(address: SocketAddr, path: &str, account: &str) -> Result<Answer, std::io::Error> {
    let body = format!(r#"{{"accountId":"{account}","timestamp":1667921312188,"type":"GYM_CHECKIN"}}"#);
    request(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx-api-key: {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

/// A whole answer, or an error: one that was cut off is none.
pub(crate) fn request(address: SocketAddr, request: &str) -> Result<Answer, std::io::Error> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let cut_off = || std::io::Error::other(format!("no answer: {answer:?}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut_off)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut_off)?;
    Ok(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

/// Sends from several threads until it is dropped or the server is gone; counts what was acknowledged.
pub(crate) struct Load {
    senders: Vec<thread::JoinHandle<(Vec<String>, Vec<String>)>>,
    over: std::sync::Arc<std::sync::atomic::AtomicBool>,
    pub(crate) acknowledged: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, path: &'static str) -> Self {
        let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let acknowledged = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let sender = |thread: usize| {
            let (over, count) = (over.clone(), acknowledged.clone());
            thread::spawn(move || {
                let (mut accepted, mut failed) = (Vec::new(), Vec::new());
                for number in 0.. {
                    if over.load(std::sync::atomic::Ordering::Relaxed) {
                        break;
                    }
                    let account = format!("{thread}-{number}-{}", address.port());
                    match send(address, path, &account) {
                        Ok(answer) if (200..300).contains(&answer.status) => {
                            accepted.push(account);
                            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                        Ok(answer) => failed.push(format!("{}", answer.status)),
                        Err(error) => {
                            failed.push(error.to_string());
                            // Nobody listens any more.
                            thread::sleep(Duration::from_millis(5));
                        }
                    }
                }
                (accepted, failed)
            })
        };
        let senders = (0..4).map(sender).collect();
        Self { senders, over, acknowledged }
    }

    /// Waits until this many were acknowledged.
    pub(crate) fn reach(&self, count: usize) {
        let acknowledged = || self.acknowledged.load(std::sync::atomic::Ordering::Relaxed);
        assert!(wait_until(|| acknowledged() >= count), "only {} were acknowledged", acknowledged());
    }

    /// What was acknowledged, and what failed.
    pub(crate) fn end(self) -> (Vec<String>, Vec<String>) {
        self.over.store(true, std::sync::atomic::Ordering::Relaxed);
        let (mut accepted, mut failed) = (Vec::new(), Vec::new());
        for sender in self.senders {
            let (more_accepted, more_failed) = sender.join().unwrap();
            accepted.extend(more_accepted);
            failed.extend(more_failed);
        }
        (accepted, failed)
    }
}

/// The accounts of all events in a database file.
pub(crate) fn kept(file: &Path) -> std::collections::BTreeSet<String> {
    let database =
        rusqlite::Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut bodies = database.prepare("SELECT body FROM gymhook_bodies").unwrap();
    let bodies = bodies.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    bodies
        .map(|body| {
            let body: Value = serde_json::from_slice(&body.unwrap()).unwrap();
            body["accountId"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
}
