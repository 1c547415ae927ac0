//! Requests that were refused, so that "why does nothing arrive?" has an answer.
//!
//! Whoever knows a source's path writes here: each entry is bounded, and so is their number.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use gymhook::Receiver;
use gymhook::signature::KeyId;
use gymhook::text::one_line;
use http::{HeaderName, Request, header};
use serde::{Deserialize, Serialize};
use time::UtcDateTime;
use utoipa::ToSchema;

/// How many of one source are kept.
const OF_ONE_SOURCE: usize = 200;
/// How many of all sources are kept.
const OF_ALL: usize = 2_000;
/// How many names of headers are kept, and how many characters of each.
const HEADERS: usize = 32;
const HEADER_LENGTH: usize = 64;
/// How many ids of keys are kept.
const KEYS: usize = 8;

/// A request that was refused: nothing of its body, and no value of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RefusedRequest {
    /// Its number: that of a later one is higher.
    pub(crate) number: u64,
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

/// Which refused requests are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefusalQuery {
    /// Of this source only.
    pub(crate) source: Option<String>,
    /// For this reason only.
    pub(crate) reason: Option<String>,
    /// Those with a lower number: `next` of the page before.
    pub(crate) before: Option<u64>,
    /// The maximum number.
    pub(crate) limit: usize,
}

/// The requests that this process refused last.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_source: BTreeMap<String, VecDeque<RefusedRequest>>,
    count: usize,
    next: u64,
}

impl RefusalLog {
    /// Keeps it, and forgets the oldest where there is no room.
    pub(super) fn note(&self, refused: RefusedRequest) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.next += 1;
        let refused = RefusedRequest { number: kept.next, ..refused };
        let of_source = kept.by_source.entry(refused.source.clone()).or_default();
        of_source.push_back(refused);
        if of_source.len() > OF_ONE_SOURCE {
            of_source.pop_front();
        } else {
            kept.count += 1;
        }
        if kept.count > OF_ALL {
            kept.forget_one();
        }
    }

    /// The latest first, and the number to ask with for the next page.
    pub(crate) fn list(&self, query: &RefusalQuery) -> (Vec<RefusedRequest>, Option<u64>) {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |refused: &&RefusedRequest| {
            query.source.as_ref().is_none_or(|source| *source == refused.source)
                && query.reason.as_ref().is_none_or(|reason| *reason == refused.reason)
                && query.before.is_none_or(|before| refused.number < before)
        };
        let mut found: Vec<&RefusedRequest> = kept.by_source.values().flatten().filter(fits).collect();
        found.sort_by_key(|refused| core::cmp::Reverse(refused.number));
        let more = found.len() > query.limit;
        found.truncate(query.limit);
        let next = found.last().filter(|_| more).map(|last| last.number);
        (found.into_iter().cloned().collect(), next)
    }
}

impl Kept {
    /// The oldest of the source that has the most: a flood at one source does not hide what the others refused.
    fn forget_one(&mut self) {
        let fullest = self.by_source.values_mut().max_by_key(|of_source| of_source.len());
        if fullest.and_then(VecDeque::pop_front).is_some() {
            self.count -= 1;
        }
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
            number: 0,
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

    fn refused(source: &str, head: &Head) -> RefusedRequest {
        let now = UtcDateTime::UNIX_EPOCH;
        RefusedRequest::new(source, &receiver(), head, "missing-header", "no header", 401, None, now)
    }

    #[test]
    fn a_flood_at_one_source_neither_fills_the_memory_nor_hides_the_others() {
        let log = RefusalLog::default();
        let head = Head::of(&Request::new(()));
        log.note(refused("quiet", &head));
        for number in 0..100_000 {
            log.note(refused(&format!("loud-{}", number % 50), &head));
        }
        let kept = log.0.lock().unwrap();
        assert_eq!((kept.count, kept.by_source.values().map(VecDeque::len).sum::<usize>()), (OF_ALL, OF_ALL));
        assert!(kept.by_source.values().all(|of_source| of_source.len() <= OF_ONE_SOURCE));
        drop(kept);
        let of = |source: &str| {
            log.list(&RefusalQuery {
                source: Some(source.to_owned()),
                limit: 1_000,
                ..RefusalQuery::default()
            })
            .0
        };
        assert_eq!(of("quiet").len(), 1);
        assert!(of("loud-0").first().unwrap().number > 99_900);
    }

    #[test]
    fn pages_follow_one_another() {
        let log = RefusalLog::default();
        let head = Head::of(&Request::new(()));
        (0..25).for_each(|_| log.note(refused("egym", &head)));
        let (mut seen, mut query) = (Vec::new(), RefusalQuery { limit: 10, ..RefusalQuery::default() });
        loop {
            let (page, next) = log.list(&query);
            seen.extend(page.iter().map(|refused| refused.number));
            let Some(next) = next else { break };
            query.before = Some(next);
        }
        assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
    }

    #[test]
    fn what_a_stranger_writes_is_bounded_and_no_value_is_kept() {
        let mut request = Request::new(());
        for number in 0..100 {
            let name: HeaderName = format!("x-{number}-{}", "n".repeat(500)).parse().unwrap();
            request.headers_mut().insert(name, "canary".parse().unwrap());
        }
        *request.method_mut() = http::Method::from_bytes("M".repeat(5_000).as_bytes()).unwrap();
        let kept = refused("egym", &Head::of(&request));
        let written = serde_json::to_string(&kept).unwrap();
        assert!(written.len() < 4_000, "{}", written.len());
        assert!(!written.contains("canary"));
        assert_eq!((kept.headers.len(), kept.header_count, kept.keys), (32, 100, 1));
        assert_eq!(kept.keys_tried, ["berlin"]);
    }
}
