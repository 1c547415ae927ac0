//! `Shown`, a request with everything that `gymhook listen` prints of it, and `Whole`, its headers and body.

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;
use gymhook::cloud_event::EventRecord;
use gymhook::signature::VerifyError;
use http::{HeaderMap, Method, Uri};
use time::UtcDateTime;

use super::forward::Forwarded;
use super::judge::Judge;
use super::rehearsal::Repeat;
use crate::diagnose::Hint;
use crate::event_line::{DedupeRecord, event_line};
use crate::output::{Tone, shown};
use crate::when;

/// All that is said about a request.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) id: i64,
    pub(crate) at: UtcDateTime,
    pub(crate) platform: &'static str,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
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
    /// The request itself, where it is looked into: for a diagnosis, or by whoever shows it.
    pub(crate) whole: Option<Whole>,
    /// For a diagnosis, which takes longer than an answer may.
    pub(crate) refused: Option<(Arc<Judge>, VerifyError)>,
}

/// Hours, minutes and seconds on this machine's clock, written once for all requests of one second.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// In seconds since 1970.
    second: Option<i64>,
    text: String,
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Whole {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Clock {
    pub(crate) fn text(&mut self, at: UtcDateTime) -> &str {
        if self.second.replace(at.unix_timestamp()) != Some(at.unix_timestamp()) {
            let time = when::local(at);
            time.get(11..19).unwrap_or(&time).clone_into(&mut self.text);
        }
        &self.text
    }
}

impl Shown {
    /// Without the query, which may hold a token.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// What to try next, if it was refused for its proof.
    pub(crate) fn hints(&self) -> Vec<Hint> {
        let (Some((judge, error)), Some(whole)) = (&self.refused, &self.whole) else { return Vec::new() };
        judge.hints(&whole.headers, &whole.body, error, self.at)
    }

    pub(crate) fn tone(&self) -> Tone {
        match self.status {
            200..300 => Tone::Good,
            _ if self.verdict == "accepted" => Tone::Warning,
            _ => Tone::Bad,
        }
    }

    /// What came, or why it was refused; safe on a terminal.
    pub(crate) fn what(&self) -> String {
        match self.events.as_slice() {
            _ if self.verdict != "accepted" => {
                let detail =
                    self.detail.as_ref().map(|detail| format!(": {}", shown(detail))).unwrap_or_default();
                format!("refused for {}{detail}", self.reason.unwrap_or_default())
            }
            [] => "accepted".to_owned(),
            [only] => event_line(only),
            [first, rest @ ..] => format!("{} and {} more", event_line(first), rest.len()),
        }
    }

    /// Of what it is a repeat.
    pub(crate) fn repetition(&self) -> Option<String> {
        Some(match self.repeat? {
            Repeat { first, other_body: true } => format!("the id of {first} with another body"),
            Repeat { first, other_body: false } => format!("repeat of {first}, attempt {}", self.attempt),
        })
    }

    /// What the application answered to it.
    pub(crate) fn passed_on(&self) -> Option<String> {
        let forwarded = self.forwarded.as_ref()?;
        let answer = forwarded
            .status
            .map_or_else(|| forwarded.error.clone().unwrap_or_default(), |status| status.to_string());
        Some(format!("→ {}", shown(&answer)))
    }
}

/// Headers hold keys, and bodies what is nobody else's business.
impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whole").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}
