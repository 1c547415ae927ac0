//! What is kept of a request that was refused. A stranger wrote it, so that each part is bounded.

use gymhook::Receiver;
use gymhook::signature::KeyId;
use gymhook::text::one_line;
use http::{HeaderName, Request, header};
use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use utoipa::ToSchema;

/// How many names of headers are kept, and how many characters of each.
const HEADERS: usize = 32;
const HEADER_LENGTH: usize = 64;
/// How many ids of keys are kept.
const KEYS: usize = 8;

/// A request that was refused: nothing of its body, and no value of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RefusedRequest {
    /// When, in RFC 3339.
    pub(crate) at: String,
    /// The source's name.
    pub(crate) source: String,
    /// Its platform.
    pub(crate) platform: String,
    /// Why, in one word: `missing-header`, `signature-mismatch`, `body-too-large`, …
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

impl RefusedRequest {
    #[expect(clippy::too_many_arguments, reason = "each is told by its type")]
    pub(super) fn new(
        source: &str,
        receiver: &Receiver,
        head: &Head,
        reason: &'static str,
        detail: &str,
        status: u16,
        key: Option<&KeyId>,
        now: UtcDateTime,
    ) -> Self {
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
        let kept =
            RefusedRequest::new("egym", &receiver(), &head, "missing-header", "no header", 401, None, now);
        let written = serde_json::to_string(&kept).unwrap();
        assert!(written.len() < 4_000, "{}", written.len());
        assert!(!written.contains("canary"));
        assert_eq!((kept.headers.len(), kept.header_count, kept.keys), (32, 100, 1));
        assert_eq!(kept.keys_tried, ["berlin"]);
    }
}
