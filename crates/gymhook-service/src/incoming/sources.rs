//! `Sources`: the paths at which the webhooks of platforms arrive: opens an inbox for each, reads bodies within a
//! deadline, and passes requests on.

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::response::Response;
use gymhook::Provider;
use gymhook::event::{AnyNotification, Vendor};
use gymhook_axum::InboxSource;
use gymhook_engine::store::{DeliveryQuery, EndpointStats, StoreError};
use gymhook_engine::{EndpointId, Engine, Inbox, SubscriptionError};
use gymhook_tower::{Fate, WebhookSource};
use http::Method;
use time::UtcDateTime;
use tracing::Instrument as _;

use super::counts::{Counted, Counts};
use super::key_windows::{self, KeyWindow};
use super::refusal_log::RefusalLog;
use super::refusals::{Head, RefusedRequest, Why};
use super::relay::Relay;
use crate::activity::{Activity, Happening, rfc3339};
use crate::database::Database;
use crate::{Source, StartError, spans};

/// The sources that are open, by their paths.
#[derive(Debug)]
pub(crate) struct Sources {
    by_path: ArcSwap<BTreeMap<String, Arc<OpenSource>>>,
    relay: Arc<Relay>,
    refusals: RefusalLog,
}

/// A source with its inbox.
#[derive(Clone, Debug)]
pub(crate) struct OpenSource {
    pub(crate) name: String,
    pub(crate) path: String,
    inbox: InboxSource<Database>,
    counts: Arc<Counts>,
}

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceState {
    /// The last webhook was accepted.
    Connected,
    /// None has come yet.
    NotConnected,
    /// The last request was refused.
    Error,
}

/// All that is known of a source.
#[derive(Clone, Debug)]
pub(crate) struct SourceStatus {
    pub(crate) state: SourceState,
    /// What this process has seen.
    pub(crate) counted: Counted,
    /// What waits to be passed on, and what was given up.
    pub(crate) inbox: Option<EndpointStats>,
    /// When the last webhook came that is still in the log, whichever process took it.
    pub(crate) last_kept: Option<UtcDateTime>,
}

impl Sources {
    /// Opens an inbox for each source, which passes on what it accepts.
    pub(crate) async fn open(
        engine: &Engine<Database>,
        sources: &[Source],
        relay: Arc<Relay>,
    ) -> Result<Self, StartError> {
        let refusals = RefusalLog::start(engine.clone());
        let opened = Self { by_path: ArcSwap::default(), relay, refusals };
        opened.reload(engine, sources).await?;
        Ok(opened)
    }

    /// Opens these sources and closes all others, whose inboxes stay. A source that was open before goes on with its counts, and
    /// is verified with its new keys from here on; what is being received is finished. One call at a time.
    ///
    /// # Errors
    /// [`StartError`]; then nothing has changed.
    pub(crate) async fn reload(
        &self,
        engine: &Engine<Database>,
        sources: &[Source],
    ) -> Result<(), StartError> {
        let before = self.by_path.load_full();
        let mut by_path = BTreeMap::new();
        let mut kept = Vec::new();
        for source in sources {
            let held = before.values().find(|held| held.name == source.name);
            let open = match held {
                Some(held) => {
                    kept.push((held.inbox.source().clone(), source.receiver.clone()));
                    OpenSource { path: source.path.clone(), ..(**held).clone() }
                }
                None => OpenSource::open(engine, source, Arc::clone(&self.relay)).await?,
            };
            by_path.insert(source.path.clone(), Arc::new(open));
        }
        for (source, receiver) in kept {
            source.swap(receiver);
        }
        self.by_path.store(Arc::new(by_path));
        Ok(())
    }

    /// All of them, by path.
    pub(crate) fn all(&self) -> Vec<Arc<OpenSource>> {
        self.by_path.load().values().cloned().collect()
    }

    /// The one of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<OpenSource>> {
        self.by_path.load().values().find(|source| source.name == name).cloned()
    }

    /// What was refused.
    pub(crate) const fn refusals(&self) -> &RefusalLog {
        &self.refusals
    }

    /// Receives at this path; `None` if no source is there.
    pub(crate) async fn receive(&self, activity: &Activity, request: Request) -> Option<Response> {
        let found = self.by_path.load().get(request.uri().path()).cloned();
        let Some(source) = found else {
            self.note_unknown_path(&request);
            return None;
        };
        let head = Head::of(&request);
        let span = spans::received(&source.name, source.platform());
        let intake = source.inbox.accept_and_tell(request).instrument(span.clone()).await;
        spans::record_intake(&span, &intake);
        let (now, status) = (UtcDateTime::now(), intake.answer.status().as_u16());
        source.counts.count(&intake.fate, now);
        let mut reason = None;
        if let Fate::Refused { reason: why, detail } = &intake.fate {
            reason = Some(why.as_str());
            let receiver = source.inbox.source().receiver();
            let why = Why { reason: why.as_str(), detail, status, key: intake.key.as_ref() };
            self.refusals.note(RefusedRequest::new(&source.name, &receiver, &head, why, now), now);
        }
        activity.happened(
            now,
            Happening::Received { at: rfc3339(now), source: source.name.clone(), status, reason },
        );
        Some(intake.answer.into_response())
    }

    /// What may be a webhook is logged: a platform that was given a wrong URL is found by it. A browser's requests, and those to
    /// the service itself, are not.
    fn note_unknown_path(&self, request: &Request) {
        let path = request.uri().path();
        if request.method() != Method::POST || taken(path).is_some() {
            return;
        }
        let now = UtcDateTime::now();
        let refused = RefusedRequest::without_source(path, &Head::of(request), now);
        let detail = refused.detail.clone();
        if self.refusals.note(refused, now) {
            tracing::info!(detail, "a request was refused: is it a webhook for another path?");
        }
    }
}

/// How many items of a source are passed on at a time (our default): each waits for a commit, and those share one.
const AT_A_TIME: NonZeroU32 = NonZeroU32::MIN.saturating_add(255);

/// How long a body may take: four fifths of the time after which its platform gives up, so that it still gets an answer.
fn read_deadline(platform: Vendor) -> Duration {
    let given_up_after = Provider::of(platform).map(|provider| provider.profile().attempt_timeout().value);
    let deadline = given_up_after.map_or(Duration::MAX, |timeout| timeout / 5 * 4);
    deadline.min(WebhookSource::<AnyNotification>::DEFAULT_READ_DEADLINE)
}

impl OpenSource {
    async fn open(engine: &Engine<Database>, source: &Source, relay: Arc<Relay>) -> Result<Self, StartError> {
        let name = source.name.clone();
        let policy = Inbox::policy().with_max_in_flight(AT_A_TIME);
        let failed = |problem| {
            if let SubscriptionError::Store(error) = problem {
                return StartError::Store(error);
            }
            StartError::Inbox { name: name.clone(), problem }
        };
        let inbox = Inbox::open(engine.clone(), Inbox::id_of(&name), &name, policy).await.map_err(failed)?;
        let inbox = inbox.passing_on(move |item| {
            let relay = Arc::clone(&relay);
            async move { relay.follow_ups_of(item).await }
        });
        let webhooks = WebhookSource::new(source.receiver.clone());
        let webhooks = webhooks.with_read_deadline(read_deadline(source.receiver.vendor()));
        let inbox = InboxSource::new(webhooks, inbox);
        Ok(Self { name, path: source.path.clone(), inbox, counts: Arc::default() })
    }

    /// The platform's id.
    pub(crate) fn platform(&self) -> &'static str {
        self.inbox.source().vendor().as_str()
    }

    /// The inbox's id, which is the endpoint of the deliveries in it.
    pub(crate) fn inbox(&self) -> EndpointId {
        self.inbox.inbox().id()
    }

    /// Its keys, as they are now.
    pub(crate) fn keys(&self, now: UtcDateTime) -> Vec<KeyWindow> {
        key_windows::all_of(self.inbox.source().receiver().verifier().keyring(), now)
    }

    /// How it is.
    pub(crate) async fn status(&self) -> Result<SourceStatus, StoreError> {
        let engine = self.inbox.inbox().engine();
        let inbox = engine.endpoint_stats(self.inbox()).await?;
        let last = DeliveryQuery { endpoint: Some(self.inbox()), ..DeliveryQuery::new(1) };
        let last_kept = engine.deliveries(last).await?.items.first().map(|last| last.enqueued_at);
        let counted = self.counts.get();
        let last_accepted = counted.last_accepted.max(last_kept);
        let state = match (counted.last_refused, last_accepted) {
            (Some((refused, _)), accepted) if accepted.is_none_or(|accepted| accepted < refused) => {
                SourceState::Error
            }
            (_, Some(_)) => SourceState::Connected,
            (_, None) => SourceState::NotConnected,
        };
        Ok(SourceStatus { state, counted, inbox, last_kept })
    }
}

impl SourceState {
    /// Its name in the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::NotConnected => "not-connected",
            Self::Error => "error",
        }
    }
}

/// Where the service itself answers, with everything below: its API, its page, its operations.
const TAKEN: [&str; 18] = [
    "/api",
    "/assets",
    "/audit",
    "/deliveries",
    "/destinations",
    "/docs",
    "/healthz",
    "/keys",
    "/metrics",
    "/openapi.json",
    "/overview",
    "/readyz",
    "/sign-in",
    "/sign-out",
    "/sources",
    "/subscriptions",
    "/tail",
    "/v1",
];

/// What of the service's own this path is, or is below; `None` if a source may have it.
pub(crate) fn taken(path: &str) -> Option<&'static str> {
    let is_under =
        |of: &str| path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    TAKEN.into_iter().find(|of| is_under(of)).or_else(|| (path == "/").then_some("/"))
}

/// Whether these sources can be opened together.
pub(crate) fn check(sources: &[Source]) -> Result<(), StartError> {
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for source in sources {
        let refused =
            |problem: &str| StartError::Source { name: source.name.clone(), problem: problem.to_owned() };
        super::check_name(&source.name).map_err(refused)?;
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#{}\"<>\\^`|".contains(&byte);
        if !source.path.starts_with('/') || !source.path.bytes().all(is_plain) {
            return Err(refused("its path is not one: it begins with a slash, and has no query"));
        }
        if let Some(of) = taken(&source.path) {
            return Err(refused(&format!(
                "the service itself answers at {of}: choose a path that begins with /in/"
            )));
        }
        if !names.insert(&source.name) {
            return Err(refused("two sources have this name: rename one"));
        }
        if !paths.insert(&source.path) {
            return Err(refused("two sources have its path: change one"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    /// EGYM, PerfectGym and PG Next publish five seconds.
    #[test]
    fn a_body_takes_no_longer_than_its_platform_waits() {
        for (platform, seconds) in
            [(Vendor::EGYM, 4), (Vendor::PERFECTGYM, 4), (Vendor::PG_NEXT, 4), (Vendor::POINT, 10)]
        {
            assert_eq!(read_deadline(platform), Duration::from_secs(seconds), "{platform}");
        }
        for platform in Vendor::ALL {
            let given_up_after = Provider::of(*platform).unwrap().profile().attempt_timeout().value;
            assert!(read_deadline(*platform) < given_up_after, "{platform}");
        }
    }

    #[test]
    fn no_source_hides_a_route_of_the_service() {
        let mut sources = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut sources);
        let mut unused: BTreeSet<_> = TAKEN.into_iter().collect();
        let mut seen = 0;
        for file in sources {
            let text = fs::read_to_string(&file).unwrap();
            for begin in [".route(\"/", "path = \"/"] {
                for route in text.split(begin).skip(1).map(|rest| rest.split('"').next().unwrap()) {
                    let path = format!("/{route}");
                    let Some(of) = taken(&path) else {
                        panic!("{path} in {} is not in TAKEN", file.display())
                    };
                    unused.remove(of);
                    seen += 1;
                }
            }
        }
        assert!(seen > 60, "only {seen} routes were found");
        assert!(unused.is_empty(), "no route begins with {unused:?}");
        assert_eq!(taken("/in/egym"), None);
        assert_eq!(taken("/v11"), None, "another segment");
    }
}
