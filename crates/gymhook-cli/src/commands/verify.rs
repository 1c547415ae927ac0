//! `gymhook verify`: its options, and its `Record`: what a captured request proves, or why it is refused and what to
//! try next.

use std::path::PathBuf;

use clap::Args;
use gymhook::cloud_event::EventRecord;
use gymhook::signature::{Keyring, Proof, Verifier};
use gymhook::{Provider, ReceiveError, Receiver};
use http::HeaderMap;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use time::UtcDateTime;

use crate::capture::{self, Captured};
use crate::diagnose::{self, Hint, Refused};
use crate::failure::Failure;
use crate::input;
use crate::output::{Output, Tone, shown};
use crate::platform::Platform;
use crate::event_line::{DedupeRecord, event_line};
use crate::recording::Recording;
use crate::schemes::SchemeArgs;
use crate::secrets::{Keys, SecretArgs};
use crate::when;

/// Judge a captured request: what it proves, or why it is refused and what to try next
#[derive(Args, Debug)]
#[command(after_help = "\
A refusal is diagnosed: the secret in other forms, the body before something changed it, other headers, encodings and platforms are tried, and what would have matched is said.

Exit status: 0 accepted, 1 refused, 2 wrong usage.

Example: a request copied from a proxy
  GYMHOOK_SECRET=… gymhook verify point --request captured.http
Example: headers and body apart
  GYMHOOK_SECRET=… gymhook verify egym -H 'x-api-key: …' --body body.json")]
pub(crate) struct Arguments {
    /// Whose request it should be
    platform: Platform,
    /// The request: raw HTTP/1.1, what `curl -v` printed, or a browser's HAR; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    request: Option<PathBuf>,
    /// Which of a HAR file's entries, counted from 1
    #[arg(long, value_name = "N", requires = "request", help_heading = "Request")]
    entry: Option<usize>,
    /// A request that "gymhook listen" has kept, judged by the time at which it came
    #[arg(long, value_name = "ID", conflicts_with_all = ["request", "headers", "header", "body"], help_heading = "Request")]
    recorded: Option<i64>,
    /// The file that it was kept in
    #[arg(long, value_name = "FILE", requires = "recorded", help_heading = "Request")]
    record: Option<PathBuf>,
    /// A header, as `Name: value`; may be given several times
    #[arg(short = 'H', long = "header", value_name = "HEADER", help_heading = "Request")]
    header: Vec<String>,
    /// A file of headers, one a line
    #[arg(long, value_name = "FILE", conflicts_with = "request", help_heading = "Request")]
    headers: Option<PathBuf>,
    /// The body, byte for byte; `-` is standard input, and the default without --request
    #[arg(long, value_name = "FILE", help_heading = "Request")]
    body: Option<PathBuf>,
    /// Judge it as if it were then: RFC 3339, or Unix seconds or milliseconds
    #[arg(long, value_name = "TIME", value_parser = when::instant)]
    now: Option<UtcDateTime>,
    #[command(flatten)]
    scheme: SchemeArgs,
    #[command(flatten)]
    secret: SecretArgs,
}

/// The same names for every verdict; what does not apply is `null` or empty.
#[derive(Serialize)]
struct Record {
    record: &'static str,
    platform: &'static str,
    verdict: &'static str,
    key: Option<String>,
    proves: Vec<&'static str>,
    not_proved: Vec<&'static str>,
    signed_at: Option<String>,
    id: Option<String>,
    events: Vec<EventRecord>,
    dedupe_key: Option<DedupeRecord>,
    body_bytes: usize,
    body_sha256: String,
    reason: Option<String>,
    detail: Option<String>,
    hints: Vec<Hint>,
}

pub(super) const COMPONENTS: [&str; 4] = ["sender", "body", "time", "id"];

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let captured = arguments.captured()?;
    for remark in &captured.remarks {
        output.note(remark);
    }
    let body = captured.body.clone().unwrap_or_default();
    let keys = arguments.secret.load(arguments.platform, output)?;
    let question = Question {
        platform: arguments.platform,
        settings: &arguments.scheme,
        keys: &keys,
        now: arguments
            .now
            .or_else(|| captured.at.filter(|_| arguments.recorded.is_some()))
            .unwrap_or_else(UtcDateTime::now),
    };
    let record = question.judge(&captured.headers, body, captured.at)?;
    print(&record, output)?;
    output.record(&record)?;
    if record.verdict == "accepted" { Ok(()) } else { Err(Failure::Refused) }
}

impl Arguments {
    fn captured(&self) -> Result<Captured, Failure> {
        if let Some(id) = self.recorded {
            return self.recorded_request(id);
        }
        let mut captured = match &self.request {
            Some(path) => capture::read(&input::read(path, input::MAX_CAPTURE)?, self.entry)?,
            None => Captured::default(),
        };
        if let Some(path) = &self.headers {
            let lines = input::read(path, input::MAX_BODY)?;
            capture::header_lines(lines.split(|byte| *byte == b'\n'), &mut captured.headers)?;
        }
        capture::header_lines(self.header.iter().map(String::as_bytes), &mut captured.headers)?;
        match (&self.body, captured.body.as_ref().is_some_and(|body| !body.is_empty())) {
            (Some(_), true) => Err(Failure::usage(
                "there are two bodies, one in --request and one in --body: keep one of them",
            )),
            (Some(path), false) => {
                captured.body = Some(input::read(path, input::MAX_BODY)?);
                Ok(captured)
            }
            (None, _) if captured.body.is_some() => Ok(captured),
            (None, _) if self.request.is_some() => Err(Failure::usage(
                "the capture has headers only, as curl -v prints them: give the body with --body FILE",
            )),
            (None, _) => {
                captured.body = Some(input::read_stdin(input::MAX_BODY)?);
                Ok(captured)
            }
        }
    }
}

impl Arguments {
    fn recorded_request(&self, id: i64) -> Result<Captured, Failure> {
        let path = self.record.clone().map_or_else(Recording::default_path, Ok)?;
        let recorded = Recording::open(&path)?.get(id)?;
        let mut captured =
            Captured { body: Some(recorded.body), at: Some(recorded.at), ..Captured::default() };
        for (name, value) in &recorded.headers {
            capture::append(&mut captured.headers, name.as_bytes(), value)?;
        }
        Ok(captured)
    }
}

struct Question<'q> {
    platform: Platform,
    settings: &'q SchemeArgs,
    keys: &'q Keys,
    now: UtcDateTime,
}

impl Question<'_> {
    fn judge(
        &self,
        headers: &HeaderMap,
        body: Vec<u8>,
        captured_at: Option<UtcDateTime>,
    ) -> Result<Record, Failure> {
        let scheme = self.settings.scheme(self.platform)?;
        let mut record = self.empty_record(&body);
        let keyring = self.keys.keyring()?;
        let error = match self.platform.provider() {
            Some(provider) => {
                let receiver = receiver(&provider, scheme.clone(), keyring)?;
                match receiver.receive(headers, body.clone(), self.now) {
                    Ok(verified) => {
                        record.accept(verified.proof());
                        record.events = verified.value().events().map(EventRecord::from).collect();
                        record.dedupe_key = DedupeRecord::of(verified.value());
                        return Ok(record);
                    }
                    Err(ReceiveError::Unreadable(unreadable)) => {
                        record.accept(unreadable.proof());
                        record.refuse("unreadable", "unreadable-body", unreadable.problem());
                        return Ok(record);
                    }
                    Err(ReceiveError::NotVerified(error)) => error,
                    Err(other) => {
                        record.refuse("refused", "not-admitted", &other);
                        return Ok(record);
                    }
                }
            }
            None => {
                let verifier = Verifier::with_shared(scheme.clone(), keyring).map_err(Failure::usage)?;
                match verifier.verify(headers, &body, self.now) {
                    Ok(proof) => {
                        record.accept(&proof);
                        return Ok(record);
                    }
                    Err(error) => error,
                }
            }
        };
        record.refuse("refused", error.reason().as_str(), &error);
        let refused = Refused {
            platform: self.platform,
            scheme: scheme.as_ref(),
            settings: self.settings,
            keys: self.keys,
            headers,
            body: &body,
            error: &error,
            captured_at,
            now: self.now,
        };
        record.hints = diagnose::hints(&refused);
        Ok(record)
    }

    fn empty_record(&self, body: &[u8]) -> Record {
        Record {
            record: "verification",
            platform: self.platform.name(),
            verdict: "accepted",
            key: None,
            proves: Vec::new(),
            not_proved: COMPONENTS.to_vec(),
            signed_at: None,
            id: None,
            events: Vec::new(),
            dedupe_key: None,
            body_bytes: body.len(),
            body_sha256: const_hex::encode(Sha256::digest(body)),
            reason: None,
            detail: None,
            hints: Vec::new(),
        }
    }
}

fn receiver(
    provider: &Provider,
    scheme: std::sync::Arc<dyn gymhook::signature::SignatureScheme>,
    keyring: Keyring,
) -> Result<Receiver, Failure> {
    let provider = provider.clone().with_shared_scheme(scheme);
    let receiver = Receiver::new(&provider, keyring).map_err(Failure::usage)?;
    Ok(receiver.with_max_body(input::MAX_BODY))
}

impl Record {
    fn accept(&mut self, proof: &Proof) {
        self.key = Some(proof.key().as_str().to_owned());
        self.proves = proof.assurance().proved().collect();
        self.not_proved =
            COMPONENTS.into_iter().filter(|component| !self.proves.contains(component)).collect();
        self.signed_at = proof.signed_at().and_then(|at| at.to_utc()).map(when::text);
        self.id = proof.id().map(|id| id.as_str().to_owned());
    }

    fn refuse(&mut self, verdict: &'static str, reason: &str, detail: &impl ToString) {
        self.verdict = verdict;
        self.reason = Some(reason.to_owned());
        self.detail = Some(detail.to_string());
    }
}

fn print(record: &Record, output: &mut Output) -> Result<(), Failure> {
    let headline = match (record.verdict, &record.key) {
        ("accepted", Some(key)) => Tone::Good.paint(&format!("accepted: signed with key {key:?}")),
        ("unreadable", _) => Tone::Bad.paint("proved, but the body cannot be read"),
        _ => Tone::Bad.paint(&format!("refused: {}", record.reason.as_deref().unwrap_or_default())),
    };
    output.line(&headline)?;
    if let Some(detail) = &record.detail {
        output.line(&format!("  {}", shown(detail)))?;
    }
    if record.key.is_some() {
        output.line(&format!("  {:<11}{}", "proves", record.proves.join(", ")))?;
        if !record.not_proved.is_empty() {
            output.line(&format!("  {:<11}{}", "not proved", record.not_proved.join(", ")))?;
        }
        let signed_at = record.signed_at.iter().map(|at| ("signed at", at.clone()));
        let id = record.id.iter().map(|id| ("id", id.clone()));
        let events = record.events.iter().map(|event| ("event", event_line(event)));
        let key = record.dedupe_key.iter().map(|key| ("repeat key", key.line()));
        for (name, value) in signed_at.chain(id).chain(events).chain(key) {
            output.line(&format!("  {name:<11}{value}"))?;
        }
    }
    if output.is_verbose() {
        output
            .line(&format!("  {:<11}{} bytes, SHA-256 {}", "body", record.body_bytes, record.body_sha256))?;
    }
    if !record.hints.is_empty() {
        output.line(&Tone::Strong.paint("what to try next"))?;
    }
    for hint in &record.hints {
        let arguments = hint
            .arguments
            .as_ref()
            .map(|arguments| format!("  [{}]", Tone::Strong.paint(arguments)))
            .unwrap_or_default();
        output.line(&format!("  - {}{arguments}", hint.text))?;
    }
    Ok(())
}
