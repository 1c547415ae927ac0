//! `Listener`, the HTTP server of `gymhook listen`: it picks the judge by the last part of the path, answers, and
//! records each request.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicI64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use gymhook::cloud_event::EventRecord;
use gymhook_tower::{Refusal, RefusalReason};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::forward::{Forward, Forwarded};
use super::judge::{Judge, Verdict};
use super::rehearsal::{RehearsalArgs, Repeat, RequestName, Seen};
use super::shown_request::{Shown, Whole};
use super::viewer::Viewer;
use crate::event_line::DedupeRecord;
use crate::recording::{NewRequest, Unwritten};

/// How the endpoint behaves.
#[derive(Debug)]
pub(crate) struct Settings {
    /// By the last segment of the path; the empty name is for every path.
    pub(crate) judges: BTreeMap<&'static str, Arc<Judge>>,
    pub(crate) rehearsal: RehearsalArgs,
    pub(crate) forward: Option<Forward>,
    pub(crate) record: Option<mpsc::Sender<Unwritten>>,
    pub(crate) viewer: Viewer,
    pub(crate) first_id: i64,
}

/// A port that is listened on.
#[derive(Debug)]
pub(crate) struct Listener(TcpListener);

struct State {
    settings: Settings,
    next_id: AtomicI64,
    seen: Mutex<Seen>,
}

/// Connections at a time; more wait for their turn.
const MAX_CONNECTIONS: usize = 256;
/// For a request's head; a body has as long again.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
const MAX_HEAD: usize = 32 << 10;

impl Listener {
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self)
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Serves until the future is dropped.
    pub(crate) async fn serve(&self, settings: Settings) {
        let next_id = AtomicI64::new(settings.first_id);
        let state = Arc::new(State { settings, next_id, seen: Mutex::default() });
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(connection) = Arc::clone(&connections).acquire_owned().await else { return };
            let Ok((stream, _)) = self.0.accept().await else {
                // Out of file descriptors, most likely: what is served now will free some.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let state = Arc::clone(&state);
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let state = Arc::clone(&state);
                    async move { Ok::<_, Infallible>(state.answer(request).await) }
                });
                let mut http = http1::Builder::new();
                http.timer(TokioTimer::new())
                    .header_read_timeout(HEAD_DEADLINE)
                    .max_buf_size(MAX_HEAD)
                    .half_close(true);
                // A peer that breaks off or breaks the rules has ended its connection, and nothing else.
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
                drop(connection);
            });
        }
    }
}

type Answer = Response<Empty<Bytes>>;

fn bare(status: StatusCode) -> Answer {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    response
}

impl State {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let at = UtcDateTime::now();
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let Some(judge) = self.judge(head.uri.path()) else {
            return self.not_judged(
                id,
                at,
                &head,
                StatusCode::NOT_FOUND,
                "unknown-path",
                "no platform listens here: end the path with a platform's name",
            );
        };
        let body = match judge.read(&head, body).await {
            Ok(body) => body,
            Err(refusal) => return self.unread(id, at, &head, &refusal),
        };
        let verdict = judge.judge(&head.headers, body.clone(), at);
        self.conclude(id, at, &judge, head, body, verdict).await
    }

    fn judge(&self, path: &str) -> Option<Arc<Judge>> {
        let judges = &self.settings.judges;
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        judges.get("").or_else(|| judges.get(last)).cloned()
    }

    /// The answer that a server with gymhook in it gives.
    fn unread(&self, id: i64, at: UtcDateTime, head: &request::Parts, refusal: &Refusal) -> Answer {
        let answer = refusal.answer();
        let reason = refusal.reason().map_or("probe", RefusalReason::as_str);
        let mut response = self.not_judged(id, at, head, answer.status(), reason, &refusal.to_string());
        let header = answer.header().cloned();
        response.headers_mut().extend(header.map(|(name, value)| (Some(name), value)));
        response
    }

    /// An answer to what is no webhook; its body was not read, so it is shown and not recorded.
    fn not_judged(
        &self,
        id: i64,
        at: UtcDateTime,
        head: &request::Parts,
        status: StatusCode,
        reason: &'static str,
        problem: &str,
    ) -> Answer {
        let verdict = Verdict::NotAdmitted { status, reason, problem: problem.to_owned() };
        let shown = Shown {
            status: status.as_u16(),
            detail: verdict.detail(),
            reason: verdict.reason(),
            ..self.blank(id, at, "–", head, 0, verdict.word())
        };
        self.settings.viewer.show(shown);
        bare(status)
    }

    fn blank(
        &self,
        id: i64,
        at: UtcDateTime,
        platform: &'static str,
        head: &request::Parts,
        body_bytes: usize,
        verdict: &'static str,
    ) -> Shown {
        Shown {
            id,
            at,
            platform,
            method: head.method.clone(),
            uri: head.uri.clone(),
            status: 0,
            verdict,
            reason: None,
            detail: None,
            key: None,
            proves: Vec::new(),
            events: Vec::new(),
            dedupe_key: None,
            attempt: 1,
            repeat: None,
            rehearsed: false,
            forwarded: None,
            body_bytes,
            whole: None,
            refused: None,
        }
    }

    /// Answers, records and shows a request that was judged.
    async fn conclude(
        &self,
        id: i64,
        at: UtcDateTime,
        judge: &Arc<Judge>,
        head: request::Parts,
        body: Bytes,
        verdict: Verdict,
    ) -> Answer {
        let platform = judge.platform().name();
        let mut shown = self.blank(id, at, platform, &head, body.len(), verdict.word());
        (shown.reason, shown.detail) = (verdict.reason(), verdict.detail());
        shown.describe(&verdict);
        let digest: [u8; 32] = Sha256::digest(&body).into();
        let name = request_name(platform, shown.dedupe_key.as_ref(), &digest);
        let mut answer = match verdict.refusal() {
            Some(status) => bare(status),
            None => {
                (shown.attempt, shown.repeat) = self.note(name, id, digest);
                self.accepted(&head.headers, &body, &verdict, name, &mut shown).await
            }
        };
        if !self.settings.rehearsal.delay.is_zero() {
            tokio::time::sleep(self.settings.rehearsal.delay).await;
        }
        shown.status = answer.status().as_u16();
        if let (true, Some(wait)) = (shown.rehearsed, self.settings.rehearsal.retry_after) {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        self.record(&shown, &head, &body).await;
        if let Verdict::Refused(error) = verdict {
            shown.refused = Some((Arc::clone(judge), error));
        }
        let is_looked_into = shown.refused.is_some() || self.settings.viewer.wants_whole;
        shown.whole = is_looked_into.then_some(Whole { headers: head.headers, body });
        self.settings.viewer.show(shown);
        answer
    }

    fn note(&self, name: RequestName, id: i64, digest: [u8; 32]) -> (u32, Option<Repeat>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).note(name, id, digest)
    }

    /// The answer to an accepted request: rehearsed, the application's, or the one that was asked for.
    async fn accepted(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        verdict: &Verdict,
        name: RequestName,
        shown: &mut Shown,
    ) -> Answer {
        let rehearsal = &self.settings.rehearsal;
        if shown.attempt <= rehearsal.fail_first || drawn(rehearsal.fail_rate) {
            shown.rehearsed = true;
            return bare(rehearsal.fail_status);
        }
        let Some(forward) = &self.settings.forward else { return bare(rehearsal.status) };
        let verified = match verdict {
            Verdict::Accepted(verified) => Some(verified.as_ref()),
            Verdict::AcceptedUnread { .. }
            | Verdict::Unreadable { .. }
            | Verdict::Refused(_)
            | Verdict::NotAdmitted { .. } => None,
        };
        let forwarded = forward.pass(headers, body, verified, &const_hex::encode(name)).await;
        let status = status_of(&forwarded, rehearsal.status);
        shown.forwarded = Some(forwarded);
        bare(status)
    }

    /// Returns when it is in the file: what is answered 200 is still there if this process is killed the next moment.
    async fn record(&self, shown: &Shown, head: &request::Parts, body: &Bytes) {
        let Some(record) = &self.settings.record else { return };
        let types: Vec<&str> = shown.events.iter().map(|event| event.event_type.as_str()).collect();
        let request = NewRequest {
            id: shown.id,
            at: shown.at,
            platform: shown.platform,
            method: shown.method.clone(),
            target: shown.uri.clone(),
            headers: head.headers.clone(),
            body: body.clone(),
            status: shown.status,
            verdict: shown.verdict,
            reason: shown.reason,
            types: types.join("\n"),
        };
        let (written, is_written) = oneshot::channel();
        let sent = record.send(Unwritten { request, written }).await;
        // A full disk is the recorder's to report; the sender gets its answer all the same.
        if sent.is_ok() {
            let _ = is_written.await;
        }
    }
}

impl Shown {
    fn describe(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Accepted(verified) => {
                self.key = Some(verified.proof().key().as_str().to_owned());
                self.proves = verified.proof().assurance().proved().collect();
                self.events = verified.value().events().map(EventRecord::from).collect();
                self.dedupe_key = DedupeRecord::of(verified.value());
            }
            Verdict::AcceptedUnread { key, proves, id } => {
                self.key = Some(key.clone());
                self.proves.clone_from(proves);
                let id = id.clone();
                self.dedupe_key = id.map(|id| DedupeRecord { scope: None, id, basis: "signed-id" });
            }
            Verdict::Unreadable { key, .. } => self.key = Some(key.clone()),
            Verdict::Refused(_) | Verdict::NotAdmitted { .. } => {}
        }
    }
}

pub(super) fn request_name(
    platform: &str,
    dedupe_key: Option<&DedupeRecord>,
    digest: &[u8; 32],
) -> RequestName {
    let mut hash = Sha256::new();
    hash.update(platform);
    match dedupe_key {
        Some(key) => {
            hash.update([0]);
            hash.update(key.scope.as_deref().unwrap_or_default());
            hash.update([0]);
            hash.update(&key.id);
        }
        None => hash.update(digest),
    }
    hash.finalize().into()
}

/// The application's answer is the sender's; without one, it is a bad gateway's.
fn status_of(forwarded: &Forwarded, success: StatusCode) -> StatusCode {
    if forwarded.is_success() || (forwarded.requests == 0 && forwarded.error.is_none()) {
        return success;
    }
    let status = forwarded.status.and_then(|status| StatusCode::from_u16(status).ok());
    status.unwrap_or(StatusCode::BAD_GATEWAY)
}

fn drawn(share: f64) -> bool {
    if share <= 0.0 {
        return false;
    }
    let [a, b, c, d, ..] = *uuid::Uuid::new_v4().as_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) < share * (f64::from(u32::MAX) + 1.0)
}
