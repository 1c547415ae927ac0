//! `Viewer`: prints one line or record for each request in a thread of its own, so that a slow terminal slows no
//! answer.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use gymhook::cloud_event::EventRecord;
use serde::Serialize;

use super::forward::Forwarded;
use super::shown_request::{Clock, Shown};
use super::summary::Summary;
use crate::diagnose::Hint;
use crate::event_line::{DedupeRecord, event_line};
use crate::failure::Failure;
use crate::output::{Output, Tone, shown};
use crate::when;

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

/// Gives requests to the thread that shows them.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    requests: SyncSender<Shown>,
    not_shown: Arc<AtomicU64>,
    /// Whether whoever shows them looks into the accepted ones, too.
    pub(crate) wants_whole: bool,
}

/// The requests that wait to be shown.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) requests: Receiver<Shown>,
    not_shown: Arc<AtomicU64>,
}

/// Requests that wait for the terminal; under a flood the rest is counted and not shown.
const WAITING: usize = 1_024;

/// A diagnosis tries thousands of digests, so under a flood of forged requests only some are diagnosed.
const BETWEEN_DIAGNOSES: Duration = Duration::from_millis(500);

/// Nobody sees it, and a thread that sleeps need not be woken by each request.
const PAUSE: Duration = Duration::from_millis(5);

/// The number of bytes of lines that are written at the latest.
const MAX_HELD: usize = 32 << 10;

/// The thread that shows requests: its output, and how it ended.
pub(crate) type Viewing = JoinHandle<(Output, Result<Viewed, Failure>)>;

/// What was shown.
#[derive(Debug)]
pub(crate) struct Viewed {
    pub(crate) summary: Summary,
    /// Whether the person who looked at it has ended it, in another way than by Ctrl-C.
    pub(crate) is_over: bool,
}

impl Viewer {
    /// Starts a thread that prints a line for each request. It ends with the last viewer.
    pub(crate) fn lines(output: Output) -> (Self, Viewing) {
        Self::start(output, false, |waiting, output| {
            let mut summary = Summary::new();
            print_all(&waiting.requests, &mut summary, output)?;
            waiting.count_missed(&mut summary);
            Ok(Viewed { summary, is_over: false })
        })
    }

    /// Starts the thread that shows requests in its own way.
    pub(crate) fn start(
        mut output: Output,
        wants_whole: bool,
        show: impl FnOnce(Waiting, &mut Output) -> Result<Viewed, Failure> + Send + 'static,
    ) -> (Self, Viewing) {
        let (requests, waiting) = sync_channel(WAITING);
        let not_shown = Arc::new(AtomicU64::new(0));
        let waiting = Waiting { requests: waiting, not_shown: Arc::clone(&not_shown) };
        let viewing = thread::spawn(move || {
            let viewed = show(waiting, &mut output);
            (output, viewed)
        });
        (Self { requests, not_shown, wants_whole }, viewing)
    }

    pub(crate) fn show(&self, request: Shown) {
        if let Err(TrySendError::Full(_)) = self.requests.try_send(request) {
            self.not_shown.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Waiting {
    /// Adds those that came too fast, once.
    pub(crate) fn count_missed(&self, summary: &mut Summary) {
        summary.add_missed(self.not_shown.swap(0, Ordering::Relaxed));
    }
}

fn print_all(requests: &Receiver<Shown>, summary: &mut Summary, output: &mut Output) -> Result<(), Failure> {
    let mut diagnosed: Option<Instant> = None;
    let mut clock = Clock::default();
    let shows_hints = output.is_json() || !output.is_quiet();
    loop {
        // What waits already is written together; what does not come yet is not waited for with lines in hand.
        let request = match requests.try_recv() {
            Ok(request) => request,
            Err(_) => {
                output.release()?;
                let Ok(request) = requests.recv() else { return Ok(()) };
                thread::sleep(PAUSE);
                request
            }
        };
        if output.held() >= MAX_HELD {
            output.release()?;
        }
        output.hold();
        summary.count(&request);
        let may_diagnose = diagnosed.is_none_or(|last| last.elapsed() >= BETWEEN_DIAGNOSES);
        let hints = if shows_hints && request.refused.is_some() && may_diagnose {
            diagnosed = Some(Instant::now());
            request.hints()
        } else {
            Vec::new()
        };
        print(&request, hints, &mut clock, output)?;
    }
}

fn print(request: &Shown, hints: Vec<Hint>, clock: &mut Clock, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return output.record(&record(request, hints));
    }
    if output.is_quiet() {
        return Ok(());
    }
    output.line(&line(request, clock.text(request.at)))?;
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

fn record(request: &Shown, hints: Vec<Hint>) -> Record<'_> {
    Record {
        record: "request",
        id: request.id,
        at: when::text(request.at),
        platform: request.platform,
        method: request.method.as_str(),
        path: request.path(),
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
        hints,
    }
}

fn line(request: &Shown, clock: &str) -> String {
    let is_conflict = request.repeat.is_some_and(|repeat| repeat.other_body);
    let how = if is_conflict { Tone::Bad } else { Tone::Warning };
    let repeat = request.repetition().map(|words| how.paint(&format!(" ({words})"))).unwrap_or_default();
    let rehearsed = if request.rehearsed { Tone::Faint.paint(" (rehearsed)") } else { String::new() };
    let passed_on = request.passed_on().map(|words| format!(" {words}")).unwrap_or_default();
    format!(
        "{:>5}  {clock}  {}  {:<10}  {}{repeat}{rehearsed}{passed_on}",
        request.id,
        request.tone().paint(&request.status.to_string()),
        request.platform,
        request.what()
    )
}

fn details(request: &Shown, output: &mut Output) -> Result<(), Failure> {
    let key =
        request.key.iter().map(|key| ("key", format!("{} proves {}", shown(key), request.proves.join(", "))));
    let repeat_key = request.dedupe_key.iter().map(|key| ("repeat key", key.line()));
    let asked = core::iter::once((
        "request",
        format!("{} {}, {} bytes", shown(request.method.as_str()), shown(request.path()), request.body_bytes),
    ));
    for (name, value) in asked.chain(key).chain(repeat_key) {
        output.line(&format!("          {name:<11}{value}"))?;
    }
    for event in &request.events {
        let data = event.data.as_ref().map(|data| format!("  {}", shown(data.get()))).unwrap_or_default();
        output.line(&format!("          {:<11}{}{data}", "event", event_line(event)))?;
    }
    Ok(())
}
