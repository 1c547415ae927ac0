//! The other side: takes requests, writes each down, and answers as its endpoint's character says.

use core::time::Duration;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::UnixDatagram;

use crate::Failure;
use crate::character::{Character, Reply};
use crate::wire::{self, Event, Request};

/// The receiver, on a thread of its own.
#[derive(Debug)]
pub struct Receiver {
    folder: PathBuf,
    to_itself: std::os::unix::net::UnixDatagram,
    thread: Option<JoinHandle<()>>,
}

const STOP: &[u8] = b"stop";

impl Receiver {
    /// Listens in this folder, and appends to the log there.
    ///
    /// # Errors
    /// The socket or the log cannot be made.
    pub fn start(folder: &Path) -> Result<Self, Failure> {
        let path = wire::receiver_socket(folder);
        let socket = std::os::unix::net::UnixDatagram::bind(&path)?;
        socket.set_nonblocking(true)?;
        let log = File::options().create(true).append(true).open(wire::wire_log(folder))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("receiver".to_owned()).spawn(move || {
            if let Err(problem) = runtime.block_on(receive(socket, log)) {
                eprintln!("the receiver fails: {problem}");
            }
        })?;
        let to_itself = std::os::unix::net::UnixDatagram::unbound()?;
        to_itself.connect(path)?;
        Ok(Self { folder: folder.to_owned(), to_itself, thread: Some(thread) })
    }

    /// Writes something down between the requests that were sent before and those that are sent after.
    ///
    /// # Errors
    /// The receiver is gone.
    pub fn mark(&self, event: Event) -> Result<(), Failure> {
        self.to_itself.send(event.to_string().as_bytes())?;
        Ok(())
    }

    /// Waits until everything sent so far is written down, stops, and reads the log.
    ///
    /// # Errors
    /// The receiver is gone, or the log has a line that says nothing.
    pub fn stop(mut self) -> Result<Vec<Event>, Failure> {
        self.to_itself.send(STOP)?;
        if let Some(thread) = self.thread.take() {
            thread.join().map_err(|_| "the receiver panicked")?;
        }
        let log = std::fs::read_to_string(wire::wire_log(&self.folder))?;
        log.lines()
            .map(|line| Event::parse(line).ok_or_else(|| format!("a line says nothing: {line}").into()))
            .collect()
    }
}

async fn receive(socket: std::os::unix::net::UnixDatagram, mut log: File) -> Result<(), Failure> {
    let socket = Arc::new(UnixDatagram::from_std(socket)?);
    let mut buffer = vec![0; wire::MAX_LENGTH];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await?;
        let datagram = buffer.get(..length).unwrap_or_default();
        if datagram == STOP {
            return Ok(());
        }
        let header = datagram.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let text = str::from_utf8(header)?;
        let Some((mut request, body)) = parse(text).zip(datagram.get(header.len() + 1..)) else {
            let event = Event::parse(text).ok_or_else(|| format!("an unknown datagram: {text}"))?;
            writeln_at_once(&mut log, &event)?;
            continue;
        };
        request.digest = wire::digest(body);
        let reply = Character::of(request.endpoint).reply(request.delivery, request.send);
        request.status = match reply {
            Reply::Status(status, _) => Some(status),
            Reply::Nothing => None,
        };
        writeln_at_once(&mut log, &Event::Request(request))?;
        let (Reply::Status(status, after), Some(to)) = (reply, from.as_pathname()) else { continue };
        let answer = format!("{:032x} {} {status}", request.delivery, request.send);
        tokio::spawn(send_back(Arc::clone(&socket), to.to_owned(), answer, after));
    }
}

/// The words of a request: process, delivery, endpoint, number of the request.
fn parse(header: &str) -> Option<Request> {
    let words: Vec<&str> = header.split(' ').collect();
    let ["send", pid, delivery, endpoint, send] = words.as_slice() else { return None };
    Some(Request {
        pid: pid.parse().ok()?,
        delivery: u128::from_str_radix(delivery, 16).ok()?,
        endpoint: endpoint.parse().ok()?,
        send: send.parse().ok()?,
        digest: 0,
        status: None,
    })
}

/// One write, so that the line is whole or not there.
fn writeln_at_once(log: &mut File, event: &Event) -> std::io::Result<()> {
    log.write_all(format!("{event}\n").as_bytes())
}

/// A sender that reads slowly is asked again; one that is gone needs no answer.
async fn send_back(socket: Arc<UnixDatagram>, to: PathBuf, answer: String, after: Duration) {
    tokio::time::sleep(after).await;
    while let Err(error) = socket.try_send_to(answer.as_bytes(), &to) {
        if error.kind() != std::io::ErrorKind::WouldBlock {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
