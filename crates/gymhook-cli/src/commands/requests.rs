//! `gymhook requests`: lists the requests that `gymhook listen` recorded, or shows one as raw HTTP.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;
use time::UtcDateTime;

use crate::failure::Failure;
use crate::output::{Output, Tone, shown};
use crate::platform::Platform;
use crate::recording::{Recorded, Recording, Wanted};
use crate::secrets::may_hold_key;
use crate::target::without_secrets;
use crate::when;

/// List the requests that "gymhook listen" has kept, or show one
#[derive(Args, Debug)]
#[command(after_help = "\
Example: what was refused in the last hour?
  gymhook requests --since 1h --verdict refused
Example: one request as it came, judged again
  gymhook requests 12 > captured.http
  gymhook verify perfectgym --request captured.http")]
pub(crate) struct Arguments {
    /// Show this request as it came
    #[arg(conflicts_with_all = ["since", "until", "event_type", "platform", "verdict", "limit"])]
    id: Option<i64>,
    #[command(flatten)]
    filter: FilterArgs,
    /// The maximum number of requests shown, the newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Show keys that are sent as they are (EGYM, PG Next), and the query of the URL, in full
    #[arg(long)]
    show_secrets: bool,
}

/// Which of the recorded requests.
#[derive(Args, Clone, Debug)]
pub(crate) struct FilterArgs {
    /// Only since then: 10m for ten minutes ago, or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = when::since, help_heading = "Which requests")]
    pub(crate) since: Option<UtcDateTime>,
    /// Only until then
    #[arg(long, value_name = "TIME", value_parser = when::since, help_heading = "Which requests")]
    pub(crate) until: Option<UtcDateTime>,
    /// Only with an event of this type
    #[arg(long = "type", value_name = "TYPE", help_heading = "Which requests")]
    pub(crate) event_type: Option<String>,
    /// Only this platform's
    #[arg(long, help_heading = "Which requests")]
    pub(crate) platform: Option<Platform>,
    /// Only with this verdict
    #[arg(long, help_heading = "Which requests")]
    pub(crate) verdict: Option<VerdictName>,
    /// The file that they were kept in
    #[arg(long, value_name = "FILE", help_heading = "Which requests")]
    pub(crate) record: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum VerdictName {
    Accepted,
    Refused,
    Unreadable,
}

impl VerdictName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

impl FilterArgs {
    pub(crate) fn recording(&self) -> Result<Recording, Failure> {
        let path = self.record.clone().map_or_else(Recording::default_path, Ok)?;
        Recording::open(&path)
    }

    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            ids: Vec::new(),
            since: self.since,
            until: self.until,
            platform: self.platform.map(|platform| platform.name().to_owned()),
            event_type: self.event_type.clone(),
            verdict: self.verdict.map(|verdict| verdict.as_str().to_owned()),
            limit: None,
        }
    }

    pub(crate) fn says_something(&self) -> bool {
        self.since.is_some()
            || self.until.is_some()
            || self.event_type.is_some()
            || self.platform.is_some()
            || self.verdict.is_some()
    }
}

#[derive(Serialize)]
struct Record<'r> {
    record: &'static str,
    id: i64,
    at: String,
    platform: &'r str,
    method: &'r str,
    target: String,
    status: u16,
    verdict: &'r str,
    reason: Option<&'r str>,
    types: Vec<&'r str>,
    headers: Vec<(&'r str, String)>,
    body_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if arguments.show_secrets && arguments.id.is_none() && !output.is_json() {
        return Err(Failure::usage(
            "the list shows no headers: name a request with --show-secrets, or add --json",
        ));
    }
    let recording = arguments.filter.recording()?;
    if let Some(id) = arguments.id {
        let request = recording.get(id)?;
        output.record(&record(&request, arguments.show_secrets, true))?;
        if output.is_json() {
            return Ok(());
        }
        let raw = raw(&request, arguments.show_secrets);
        if std::io::stdout().is_terminal() {
            // Into a file it goes as it came; a terminal would obey what is in it.
            return String::from_utf8_lossy(&raw).lines().try_for_each(|line| output.line(&shown(line)));
        }
        return output.raw(&raw);
    }
    let found = recording.find(&Wanted { limit: Some(arguments.limit), ..arguments.filter.wanted() })?;
    for request in &found {
        output.record(&record(request, arguments.show_secrets, false))?;
    }
    if found.is_empty() {
        return output.line("no request fits");
    }
    output.table(
        &["id", "at", "platform", "answer", "verdict", "types", "bytes"],
        found.iter().map(|request| {
            let verdict = match &request.reason {
                Some(reason) => Tone::Bad.paint(&format!("{}: {reason}", request.verdict)),
                None => Tone::Good.paint(&request.verdict),
            };
            [
                request.id.to_string(),
                when::local(request.at),
                request.platform.clone(),
                request.status.to_string(),
                verdict,
                shown(&request.types.replace('\n', ", ")).into_owned(),
                request.body.len().to_string(),
            ]
        }),
    )
}

fn record(request: &Recorded, show_secrets: bool, with_body: bool) -> Record<'_> {
    let headers = request.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(shown_value(request, name, value, show_secrets)).into_owned();
        (name.as_str(), value)
    });
    Record {
        record: "recorded-request",
        id: request.id,
        at: when::text(request.at),
        platform: &request.platform,
        method: &request.method,
        target: shown_target(request, show_secrets),
        status: request.status,
        verdict: &request.verdict,
        reason: request.reason.as_deref(),
        types: request.types.lines().collect(),
        headers: headers.collect(),
        body_bytes: request.body.len(),
        body: with_body.then(|| String::from_utf8_lossy(&request.body).into_owned()),
    }
}

/// Raw HTTP/1.1, as `verify --request` reads it.
fn raw(request: &Recorded, show_secrets: bool) -> Vec<u8> {
    let target = shown_target(request, show_secrets);
    let mut raw = format!("{} {target} HTTP/1.1\r\n", request.method).into_bytes();
    for (name, value) in &request.headers {
        raw.extend_from_slice(name.as_bytes());
        raw.extend_from_slice(b": ");
        raw.extend_from_slice(shown_value(request, name, value, show_secrets));
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"\r\n");
    raw.extend_from_slice(&request.body);
    raw
}

fn shown_target(request: &Recorded, show_secrets: bool) -> String {
    let query = if request.target.contains('?') { "?[REDACTED]" } else { "" };
    if show_secrets { request.target.clone() } else { without_secrets(&request.target) + query }
}

/// A signature may be shown; a key that is its own signature may not.
fn shown_value<'v>(request: &Recorded, name: &str, value: &'v [u8], show_secrets: bool) -> &'v [u8] {
    if !show_secrets && may_hold_key(&request.platform, name) { b"[REDACTED]" } else { value }
}
