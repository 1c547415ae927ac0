//! The sender's side of the wire: the engine's transport.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gymhook_engine::{Answer, Sending, Transport};
use gymhook_retry::{Fault, Outcome};
use http::StatusCode;
use tokio::net::UnixDatagram;
use tokio::sync::oneshot;

use crate::Failure;
use crate::wire;

type Key = (u128, u32);

/// Sends to the receiver of a folder.
#[derive(Debug)]
pub struct WireTransport {
    socket: Arc<UnixDatagram>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting(Mutex<BTreeMap<Key, oneshot::Sender<u16>>>);

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, oneshot::Sender<u16>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets a request when its attempt is over, or is given up.
struct Registered<'w>(&'w Waiting, Key);

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.0.lock().remove(&self.1);
    }
}

impl WireTransport {
    /// Connects, on the Tokio runtime of the caller.
    ///
    /// # Errors
    /// There is no receiver.
    pub fn connect(folder: &Path) -> Result<Self, Failure> {
        let own = folder.join(format!("sender-{}.sock", std::process::id()));
        let socket = Arc::new(UnixDatagram::bind(own)?);
        socket.connect(wire::receiver_socket(folder))?;
        let waiting = Arc::<Waiting>::default();
        tokio::spawn(hear(Arc::clone(&socket), Arc::clone(&waiting)));
        Ok(Self { socket, waiting })
    }
}

impl Transport for WireTransport {
    async fn send(&self, sending: Sending) -> Answer {
        let attempt = sending.attempt.attempt;
        let (delivery, send) = (attempt.delivery.as_uuid().as_u128(), attempt.send);
        let endpoint = attempt.endpoint.as_uuid().as_u128();
        let mut datagram =
            format!("send {} {delivery:032x} {endpoint} {send}\n", std::process::id()).into_bytes();
        datagram.extend_from_slice(&sending.body);
        let (tell, answered) = oneshot::channel();
        self.waiting.lock().insert((delivery, send), tell);
        let _registered = Registered(&self.waiting, (delivery, send));
        if let Err(error) = self.socket.send(&datagram).await {
            return Answer::new(Outcome::Failure(Fault::Connect)).with_detail(error.to_string());
        }
        match answered.await.ok().and_then(|status| StatusCode::from_u16(status).ok()) {
            Some(status) => Answer::new(Outcome::response(status)),
            None => Answer::new(Outcome::Failure(Fault::Protocol)),
        }
    }
}

async fn hear(socket: Arc<UnixDatagram>, waiting: Arc<Waiting>) {
    let mut buffer = vec![0; wire::MAX_LENGTH];
    while let Ok(length) = socket.recv(&mut buffer).await {
        let answer = buffer.get(..length).and_then(|answer| str::from_utf8(answer).ok()).and_then(parse);
        let Some((key, status)) = answer else { continue };
        // Whoever gave up needs no answer.
        let _told = waiting.lock().remove(&key).map(|tell| tell.send(status));
    }
}

fn parse(answer: &str) -> Option<(Key, u16)> {
    let words: Vec<&str> = answer.split(' ').collect();
    let [delivery, send, status] = words.as_slice() else { return None };
    Some(((u128::from_str_radix(delivery, 16).ok()?, send.parse().ok()?), status.parse().ok()?))
}
