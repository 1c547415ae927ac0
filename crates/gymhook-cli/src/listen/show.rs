//! One line for each request, printed beside the server so that a slow terminal slows no answer.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::Bytes;
use gymhook::signature::VerifyError;
use http::HeaderMap;
use serde::Serialize;
use time::UtcDateTime;

use super::forward::Forwarded;
use super::judge::Judge;
use super::rehearsal::Repeat;
use crate::diagnose::Hint;
use crate::failure::Failure;
use crate::output::{Output, Tone, shown};
use crate::reading::{DedupeRecord, EventRecord};
use crate::when;

/// All that is said about a request.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) id: i64,
    pub(crate) at: UtcDateTime,
    pub(crate) platform: String,
    pub(crate) method: String,
    /// Without the query, which may hold a token.
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) verdict: &'static str,
    pub(crate) reason: Option<&'static str>,
    pub(crate) detail: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) proves: Vec<&'static str>,
    pub(crate) events: Vec<EventRecord>,
    pub(crate) dedupe_key: Option<DedupeRecord>,
    pub(crate) attempt: u32,
    pub(crate) repeat: Option<Repeat>,
    pub(crate) rehearsed: bool,
    pub(crate) forwarded: Option<Forwarded>,
    pub(crate) body_bytes: usize,
    /// For a diagnosis, which takes longer than an answer may.
    pub(crate) refused: Option<RefusedRequest>,
}

#[derive(Debug)]
pub(crate) struct RefusedRequest {
    pub(crate) judge: Arc<Judge>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) error: VerifyError,
}

#[derive(Serialize)]
struct Record<'s> {
    record: &'static str,
    id: i64,
    at: String,
    platform: &'s str,
    method: &'s str,
    path: &'s str,
    status: u16,
    verdict: &'static str,
    reason: Option<&'static str>,
    detail: Option<&'s str>,
    key: Option<&'s str>,
    proves: &'s [&'static str],
    events: &'s [EventRecord],
    dedupe_key: Option<&'s DedupeRecord>,
    attempt: u32,
    repeat_of: Option<i64>,
    conflict: bool,
    rehearsed: bool,
    forwarded: Option<&'s Forwarded>,
    body_bytes: usize,
    hints: Vec<Hint>,
}

/// What came while it listened.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summary {
    record: &'static str,
    requests: u64,
    accepted: u64,
    refused: u64,
    repeats: u64,
    by_status: BTreeMap<u16, u64>,
    by_reason: BTreeMap<&'static str, u64>,
    not_shown: u64,
}

/// Hands requests to the thread that prints them.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    requests: SyncSender<Shown>,
    not_shown: Arc<AtomicU64>,
}

/// Lines that wait for the terminal; under a flood the rest is counted and not shown.
const WAITING: usize = 1_024;

/// A diagnosis tries thousands of digests, so under a flood of forged requests only some are diagnosed.
const BETWEEN_DIAGNOSES: Duration = Duration::from_millis(500);

/// The thread that prints: its output, and what it printed in sum.
pub(crate) type Printing = JoinHandle<(Output, Result<Summary, Failure>)>;

impl Viewer {
    /// Starts the thread, which ends with the last viewer and gives its output and its summary back.
    pub(crate) fn start(output: Output) -> (Self, Printing) {
        let (requests, waiting) = sync_channel(WAITING);
        let not_shown = Arc::new(AtomicU64::new(0));
        let missed = Arc::clone(&not_shown);
        let printing = thread::spawn(move || {
            let mut output = output;
            let summary = print_all(&waiting, &missed, &mut output);
            (output, summary)
        });
        (Self { requests, not_shown }, printing)
    }

    pub(crate) fn show(&self, request: Shown) {
        if let Err(TrySendError::Full(_)) = self.requests.try_send(request) {
            self.not_shown.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn print_all(
    requests: &Receiver<Shown>,
    missed: &AtomicU64,
    output: &mut Output,
) -> Result<Summary, Failure> {
    let mut summary = Summary { record: "summary", ..Summary::default() };
    let mut diagnosed: Option<Instant> = None;
    for mut request in requests {
        summary.count(&request);
        let may_diagnose = diagnosed.is_none_or(|last| last.elapsed() >= BETWEEN_DIAGNOSES);
        let refused = request.refused.take().filter(|_| may_diagnose);
        let hints = refused.map(|refused| {
            diagnosed = Some(Instant::now());
            refused.judge.hints(&refused.headers, &refused.body, &refused.error, request.at)
        });
        print(&request, hints.unwrap_or_default(), output)?;
    }
    summary.not_shown = missed.load(Ordering::Relaxed);
    summary.requests += summary.not_shown;
    Ok(summary)
}

fn print(request: &Shown, hints: Vec<Hint>, output: &mut Output) -> Result<(), Failure> {
    output.record(&Record {
        record: "request",
        id: request.id,
        at: when::text(request.at),
        platform: &request.platform,
        method: &request.method,
        path: &request.path,
        status: request.status,
        verdict: request.verdict,
        reason: request.reason,
        detail: request.detail.as_deref(),
        key: request.key.as_deref(),
        proves: &request.proves,
        events: &request.events,
        dedupe_key: request.dedupe_key.as_ref(),
        attempt: request.attempt,
        repeat_of: request.repeat.map(|repeat| repeat.first),
        conflict: request.repeat.is_some_and(|repeat| repeat.other_body),
        rehearsed: request.rehearsed,
        forwarded: request.forwarded.as_ref(),
        body_bytes: request.body_bytes,
        hints: hints.clone(),
    })?;
    if output.is_json() || output.is_quiet() {
        return Ok(());
    }
    output.line(&line(request))?;
    for hint in &hints {
        let arguments =
            hint.arguments.as_ref().map(|arguments| format!("  [{arguments}]")).unwrap_or_default();
        output.line(&format!("          - {}{arguments}", hint.text))?;
    }
    if output.is_verbose() {
        details(request, output)?;
    }
    Ok(())
}

fn line(request: &Shown) -> String {
    let time = when::local(request.at);
    let time = time.get(11..19).unwrap_or(&time).to_owned();
    let tone = match request.status {
        200..300 => Tone::Good,
        _ if request.verdict == "accepted" => Tone::Warning,
        _ => Tone::Bad,
    };
    let what = match request.events.as_slice() {
        _ if request.verdict != "accepted" => {
            let detail =
                request.detail.as_ref().map(|detail| format!(": {}", shown(detail))).unwrap_or_default();
            format!("refused for {}{detail}", request.reason.unwrap_or_default())
        }
        [] => "accepted".to_owned(),
        [only] => only.line(),
        [first, rest @ ..] => format!("{} and {} more", first.line(), rest.len()),
    };
    let repeat = match request.repeat {
        Some(Repeat { first, other_body: true }) => {
            Tone::Bad.paint(&format!(" (the id of {first} with another body)"))
        }
        Some(Repeat { first, other_body: false }) => {
            Tone::Warning.paint(&format!(" (repeat of {first}, attempt {})", request.attempt))
        }
        None => String::new(),
    };
    let rehearsed = if request.rehearsed { Tone::Faint.paint(" (rehearsed)") } else { String::new() };
    let forwarded = request.forwarded.as_ref().map(forwarded_words).unwrap_or_default();
    format!(
        "{:>5}  {time}  {}  {:<10}  {what}{repeat}{rehearsed}{forwarded}",
        request.id,
        tone.paint(&request.status.to_string()),
        request.platform
    )
}

fn forwarded_words(forwarded: &Forwarded) -> String {
    let answer = forwarded
        .status
        .map_or_else(|| forwarded.error.clone().unwrap_or_default(), |status| status.to_string());
    format!(" → {}", shown(&answer))
}

fn details(request: &Shown, output: &mut Output) -> Result<(), Failure> {
    let key =
        request.key.iter().map(|key| ("key", format!("{} proves {}", shown(key), request.proves.join(", "))));
    let repeat_key = request.dedupe_key.iter().map(|key| ("repeat key", key.line()));
    let asked = core::iter::once((
        "request",
        format!("{} {}, {} bytes", shown(&request.method), shown(&request.path), request.body_bytes),
    ));
    for (name, value) in asked.chain(key).chain(repeat_key) {
        output.line(&format!("          {name:<11}{value}"))?;
    }
    for event in &request.events {
        let data = event.data.as_ref().map(|data| format!("  {}", shown(data.get()))).unwrap_or_default();
        output.line(&format!("          {:<11}{}{data}", "event", event.line()))?;
    }
    Ok(())
}

impl Summary {
    fn count(&mut self, request: &Shown) {
        self.requests += 1;
        if request.verdict == "accepted" {
            self.accepted += 1;
        } else {
            self.refused += 1;
        }
        self.repeats += u64::from(request.repeat.is_some());
        *self.by_status.entry(request.status).or_default() += 1;
        if let Some(reason) = request.reason {
            *self.by_reason.entry(reason).or_default() += 1;
        }
    }

    pub(crate) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        output.record(self)?;
        let statuses: Vec<String> =
            self.by_status.iter().map(|(status, times)| format!("{status}: {times}")).collect();
        let reasons: Vec<String> =
            self.by_reason.iter().map(|(reason, times)| format!("{reason}: {times}")).collect();
        let missed =
            if self.not_shown > 0 { format!(", {} not shown", self.not_shown) } else { String::new() };
        output.line(&format!(
            "{} requests: {} accepted, {} refused, {} repeats{missed}",
            self.requests, self.accepted, self.refused, self.repeats
        ))?;
        if !statuses.is_empty() {
            output.line(&format!("answers  {}", statuses.join(", ")))?;
        }
        if !reasons.is_empty() {
            output.line(&format!("refused  {}", reasons.join(", ")))?;
        }
        Ok(())
    }
}
