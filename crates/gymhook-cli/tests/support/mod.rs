//! A listener of this very command, and what it prints.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;

use serde_json::Value;

/// `gymhook` with one secret and no other setting of this environment.
pub(crate) fn gymhook(secret: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gymhook"));
    command.env_clear().env("GYMHOOK_SECRET", secret).env("TZ", "UTC");
    command
}

/// The JSON lines of a command that ends, and its exit status.
pub(crate) fn records(command: &mut Command) -> (i32, Vec<Value>) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let problem = String::from_utf8_lossy(&output.stderr).into_owned();
    let records =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line} {problem}")));
    (output.status.code().unwrap_or(-1), records.collect())
}

/// A listener on a free port; it ends with its value.
pub(crate) struct Listening {
    child: Child,
    out: BufReader<ChildStdout>,
    pub(crate) url: String,
}

impl Listening {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.args(["--json", "--port", "0"]);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("it is not ready: {line:?}"));
        let url = ready["url"].as_str().unwrap().to_owned();
        Self { child, out, url }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The record of the next request.
    pub(crate) fn next(&mut self) -> Value {
        serde_json::from_str(&self.next_line()).unwrap()
    }

    /// The same, as it is printed.
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// Ctrl-C: the exit status, and what it still says; the summary is last.
    pub(crate) fn interrupt(mut self) -> (i32, Vec<Value>) {
        interrupt(&self.child);
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        let status = self.child.wait().unwrap().code().unwrap_or(-1);
        (status, rest.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// What it answers to these bytes, to the end of the connection.
    pub(crate) fn answer_to(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.url.trim_start_matches("http://")).unwrap();
        // A server that refuses early may close before everything was written.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Ctrl-C sends.
pub(crate) fn interrupt(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}

/// A server that gives every request this answer.
pub(crate) fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
    url
}
