//! `RefusedRequest`: a refused request as it is recorded. A stranger wrote it, so each part has a limit.

use gymhook::Receiver;
use gymhook::signature::KeyId;
use gymhook::text::one_line;
use http::{HeaderName, Request, StatusCode, header};
use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use utoipa::ToSchema;

/// How many names of headers are kept, and how many characters of each.
const HEADERS: usize = 32;
const HEADER_LENGTH: usize = 64;
/// How many ids of keys are kept.
const KEYS: usize = 8;
/// How many characters of a path are kept that is no source's.
const PATH_LENGTH: usize = 128;

/// What stands for the source of a request to no source: no source can have this name.
pub(super) const NO_SOURCE: &str = "(no source)";

/// A request that was refused: nothing of its body, and no value of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RefusedRequest {
    /// When, in RFC 3339.
    pub(crate) at: String,
    /// The source's name; `(no source)` if no source has the path.
    pub(crate) source: String,
    /// Its platform; empty without a source.
    pub(crate) platform: String,
    /// Why, in one word: `missing-header`, `signature-mismatch`, `body-too-large`, `unknown-path`, …
    pub(crate) reason: String,
    /// Why, in words.
    pub(crate) detail: String,
    /// The status of the answer.
    pub(crate) status: u16,
    /// The method.
    pub(crate) method: String,
    /// The id of the key that matched, if the proof held.
    pub(crate) key: Option<String>,
    /// The ids of the keys that could have matched, the first of them.
    pub(crate) keys_tried: Vec<String>,
    /// How many there were.
    pub(crate) keys: usize,
    /// The names of its headers, the first of them.
    pub(crate) headers: Vec<String>,
    /// How many values of headers there were.
    pub(crate) header_count: usize,
    /// The length that it declared, in bytes.
    pub(crate) declared_bytes: Option<u64>,
}

/// What is kept of a request's head, in case that it is refused.
#[derive(Clone, Debug)]
pub(super) struct Head {
    method: String,
    names: Vec<HeaderName>,
    count: usize,
    declared: Option<u64>,
}

impl Head {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let headers = request.headers();
        let declared =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // Known methods have a name that needs no memory; a stranger's own can be long.
        let method = request.method().as_str().chars().take(16).collect();
        Self {
            method,
            names: headers.keys().take(HEADERS).cloned().collect(),
            count: headers.len(),
            declared,
        }
    }

    fn names(&self) -> Vec<String> {
        self.names.iter().map(|name| name.as_str().chars().take(HEADER_LENGTH).collect()).collect()
    }
}

/// Why a request was refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Why<'a> {
    pub(super) reason: &'static str,
    pub(super) detail: &'a str,
    pub(super) status: u16,
    /// The key that matched.
    pub(super) key: Option<&'a KeyId>,
}

impl RefusedRequest {
    pub(super) fn new(
        source: &str,
        receiver: &Receiver,
        head: &Head,
        why: Why<'_>,
        now: UtcDateTime,
    ) -> Self {
        let Why { reason, detail, status, key } = why;
        let keyring = receiver.verifier().keyring();
        let id = |key: &KeyId| one_line(key.as_str());
        Self {
            at: crate::activity::rfc3339(now),
            source: source.to_owned(),
            platform: receiver.vendor().as_str().to_owned(),
            reason: reason.to_owned(),
            detail: detail.to_owned(),
            status,
            method: one_line(&head.method),
            key: key.map(id),
            keys_tried: keyring.valid_at(now).take(KEYS).map(|key| id(key.id())).collect(),
            keys: keyring.len(),
            headers: head.names(),
            header_count: head.count,
            declared_bytes: head.declared,
        }
    }

    /// A request to a path that is no source's.
    pub(super) fn without_source(path: &str, head: &Head, now: UtcDateTime) -> Self {
        let shown: String = path.chars().take(PATH_LENGTH).collect();
        let cut = if shown.len() < path.len() { "…" } else { "" };
        Self {
            at: crate::activity::rfc3339(now),
            source: NO_SOURCE.to_owned(),
            platform: String::new(),
            reason: "unknown-path".to_owned(),
            detail: format!("no source has the path {}{cut}", one_line(&shown)),
            status: StatusCode::NOT_FOUND.as_u16(),
            method: one_line(&head.method),
            key: None,
            keys_tried: Vec::new(),
            keys: 0,
            headers: head.names(),
            header_count: head.count,
            declared_bytes: head.declared,
        }
    }
}

#[cfg(test)]
mod tests {
    use gymhook::Provider;
    use gymhook::event::Vendor;
    use gymhook::signature::{Keyring, Secret};

    use super::*;

    fn receiver() -> Receiver {
        let keys = Keyring::single("berlin", Secret::new("0123456789abcdef").unwrap()).unwrap();
        Receiver::new(&Provider::of(Vendor::EGYM).unwrap(), keys).unwrap()
    }

    #[test]
    fn what_a_stranger_writes_is_bounded_and_no_value_is_kept() {
        let mut request = Request::new(());
        for number in 0..100 {
            let name: HeaderName = format!("x-{number}-{}", "n".repeat(500)).parse().unwrap();
            request.headers_mut().insert(name, "canary".parse().unwrap());
        }
        *request.method_mut() = http::Method::from_bytes("M".repeat(5_000).as_bytes()).unwrap();
        let head = Head::of(&request);
        let now = UtcDateTime::UNIX_EPOCH;
        let why = Why { reason: "missing-header", detail: "no header", status: 401, key: None };
        let kept = RefusedRequest::new("egym", &receiver(), &head, why, now);
        let written = serde_json::to_string(&kept).unwrap();
        assert!(written.len() < 4_000, "{}", written.len());
        assert!(!written.contains("canary"));
        assert_eq!((kept.headers.len(), kept.header_count, kept.keys), (32, 100, 1));
        assert_eq!(kept.keys_tried, ["berlin"]);

        let path = format!("/{}", "\u{202e}\n".repeat(5_000));
        let kept = RefusedRequest::without_source(&path, &head, now);
        let written = serde_json::to_string(&kept).unwrap();
        assert!(written.len() < 6_000 && !written.contains("canary"), "{}", written.len());
        assert!(!kept.detail.contains(['\n', '\u{202e}']), "{}", kept.detail);
    }
}
