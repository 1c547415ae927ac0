//! Reads an entry of a HAR file (HTTP Archive 1.2), as browsers and proxies save it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Captured, append};
use crate::failure::Failure;
use crate::output::shown;
use crate::target::without_secrets;

#[derive(Deserialize)]
struct File {
    log: Option<Log>,
    request: Option<Request>,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<String>,
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    headers: Vec<Header>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    text: Option<String>,
    /// Not in the specification; some tools mark binary bodies so.
    encoding: Option<String>,
}

pub(super) fn read(bytes: &[u8], entry: Option<usize>) -> Result<Captured, Failure> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| {
        Failure::usage(format!("the capture looks like a HAR file and cannot be read ({error}): save it again, or give --headers and --body"))
    })?;
    match (file.log, file.request) {
        (Some(log), _) => {
            let entry = choose(log.entries, entry)?;
            captured(entry.request, entry.started_date_time.as_deref())
        }
        (None, Some(request)) => captured(request, None),
        (None, None) => Err(Failure::usage(
            "the capture is JSON and no HAR file (it has no \"log\"): if it is the body, give it with --body and the headers with -H",
        )),
    }
}

fn choose(entries: Vec<Entry>, wanted: Option<usize>) -> Result<Entry, Failure> {
    let count = entries.len();
    if let Some(wanted) = wanted {
        let found = wanted.checked_sub(1).and_then(|at| entries.into_iter().nth(at));
        return found.ok_or_else(|| {
            Failure::usage(format!(
                "the HAR file has {count} entries and none is number {wanted}: they count from 1"
            ))
        });
    }
    let mut posts: Vec<(usize, Entry)> =
        (1..).zip(entries).filter(|(_, entry)| entry.request.method == "POST").collect();
    if posts.len() > 1 {
        let listed: Vec<String> = posts
            .iter()
            .take(5)
            .map(|(number, entry)| format!("{number} {}", shown(&without_secrets(&entry.request.url))))
            .collect();
        return Err(Failure::usage(format!(
            "the HAR file has {} POST requests: choose one with --entry ({})",
            posts.len(),
            listed.join(", ")
        )));
    }
    posts.pop().map(|(_, entry)| entry).ok_or_else(|| {
        Failure::usage(format!(
            "the HAR file has {count} entries and none is a POST: choose one with --entry N, or capture again"
        ))
    })
}

fn captured(request: Request, started: Option<&str>) -> Result<Captured, Failure> {
    let mut captured = Captured {
        at: started.and_then(|text| UtcDateTime::parse(text, &Rfc3339).ok()),
        ..Captured::default()
    };
    for header in request.headers.iter().filter(|header| !header.name.starts_with(':')) {
        append(&mut captured.headers, header.name.as_bytes(), header.value.as_bytes())?;
    }
    captured.body = match request.post_data {
        None => None,
        Some(PostData { text: Some(text), encoding: Some(encoding) }) if encoding == "base64" => {
            let decoded = STANDARD.decode(text);
            Some(decoded.map_err(|_| {
                Failure::usage("the HAR entry's body is marked as base64 and is none: give it with --body")
            })?)
        }
        Some(PostData { text, .. }) => text.map(String::into_bytes),
    };
    Ok(captured)
}
