//! `InboxSource`: receives a request in one call: verifies it, stores it in an inbox, and says what to answer
//! (`Intake`).

use core::fmt;
use std::sync::Arc;

use gymhook::ReceiveError;
use gymhook::event::{AnyNotification, Notification};
use gymhook::signature::{KeyId, Proof};
use gymhook::text::one_line;
use gymhook_engine::store::Store;
use gymhook_engine::{AcceptError, Accepted, Inbox, KeptUnreadable};
use http::{Request, StatusCode};
use http_body::Body;

use crate::read_body::BoxError;
use crate::{Answer, Refusal, RefusalReason, Refused, WebhookSource, telemetry};

/// A source whose notifications are accepted into an [`Inbox`]: on disk before they are answered, handled afterwards.
///
/// Cloning is cheap. The table of answers is on the front page of this crate.
pub struct InboxSource<S, N = AnyNotification> {
    inner: Arc<Inner<S, N>>,
}

struct Inner<S, N> {
    source: WebhookSource<N>,
    inbox: Inbox<S>,
    conflict_status: StatusCode,
}

impl<S: Store, N: Notification> InboxSource<S, N> {
    /// Accepts notifications from this source into this inbox.
    pub fn new(source: impl Into<WebhookSource<N>>, inbox: Inbox<S>) -> Self {
        let inner = Inner { source: source.into(), inbox, conflict_status: StatusCode::CONFLICT };
        Self { inner: Arc::new(inner) }
    }

    /// With another answer to a [conflict](AcceptError::Conflict): a known id with another body. By default 409.
    ///
    /// Use a 2xx for a platform that repeats a request until it gets one, and otherwise disables the endpoint. The conflict
    /// is still logged and counted, and its body is not kept.
    #[must_use]
    pub fn with_conflict_status(self, status: StatusCode) -> Self {
        let mut inner = Arc::unwrap_or_clone(self.inner);
        inner.conflict_status = status;
        Self { inner: Arc::new(inner) }
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &WebhookSource<N> {
        &self.inner.source
    }

    /// The inbox.
    #[must_use]
    pub fn inbox(&self) -> &Inbox<S> {
        &self.inner.inbox
    }

    /// Reads a request, verifies it and accepts it. A 2xx means that it is on disk.
    ///
    /// A body that was proved but cannot be read is kept as well: see [`Inbox::accept_unreadable`].
    pub async fn accept<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Error: Into<BoxError>>,
    {
        self.accept_and_tell(request).await.answer
    }

    /// As [`InboxSource::accept`], and says what came of the request: for a list of what came in and what was refused.
    pub async fn accept_and_tell<B>(&self, request: Request<B>) -> Intake
    where
        B: Body<Error: Into<BoxError>>,
    {
        let Inner { source, inbox, .. } = &*self.inner;
        let (head, body) = request.into_parts();
        // Released when it is on disk.
        let mut share = source.share();
        let verified = match source.judge(&head.method, &head.headers, body, &mut share).await {
            Ok(verified) => verified,
            Err(Refusal::Receive(ReceiveError::Unreadable(unreadable))) => {
                let kept = inbox.accept_unreadable(&unreadable).await;
                return self.intake(kept.map(|kept| taken_of_kept(&kept)), unreadable.proof());
            }
            Err(refusal) => {
                source.note(&refusal);
                let fate = refusal.reason().map_or(Fate::Probed, |reason| Fate::Refused {
                    reason,
                    detail: one_line(&refusal.to_string()),
                });
                let key = refusal.proof().map(|proof| proof.key().clone());
                return Intake { answer: refusal.answer(), fate, key };
            }
        };
        telemetry::received(source.vendor(), verified.proof());
        let accepted = inbox.accept::<N, _>(&verified).await;
        self.intake(accepted.map(|accepted| taken_of(&accepted)), verified.proof())
    }

    /// The answer to the inbox's result, which is also logged.
    fn intake(&self, accepted: Result<Taken, AcceptError>, proof: &Proof) -> Intake {
        let source = &self.inner.source;
        let key = Some(proof.key().clone());
        match accepted {
            Ok(taken) => {
                telemetry::accepted(source.vendor(), taken.as_str());
                Intake { answer: Answer::OK, fate: Fate::Taken(taken), key }
            }
            Err(error) => {
                let (reason, answer) = self.refusal_of(&error);
                let (platform, status) = (source.vendor(), answer.status());
                source.tell(&Refused { platform, reason, status, key: key.as_ref(), error: &error });
                let fate = Fate::Refused { reason, detail: one_line(&error.to_string()) };
                Intake { answer, fate, key }
            }
        }
    }

    fn refusal_of(&self, error: &AcceptError) -> (RefusalReason, Answer) {
        let reason = match error {
            AcceptError::Conflict { .. } => RefusalReason::Conflict,
            AcceptError::Unstorable { .. } => RefusalReason::Unstorable,
            AcceptError::Gone { .. } | AcceptError::Store(_) | _ => RefusalReason::Store,
        };
        let answer = match (error, error.retry_after()) {
            (AcceptError::Conflict { .. }, _) => Answer::of(self.inner.conflict_status),
            (_, Some(after)) => Answer::later(error.status(), after),
            (_, None) => Answer::of(error.status()),
        };
        (reason, answer)
    }
}

/// What came of a request, and how it is answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Intake {
    /// What the peer gets.
    pub answer: Answer,
    /// What came of it.
    pub fate: Fate,
    /// The key that matched, if the proof held.
    pub key: Option<KeyId>,
}

/// What came of a request to an inbox.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fate {
    /// It is on disk.
    Taken(Taken),
    /// It was a GET or HEAD that only tests the URL, where these are allowed.
    Probed,
    /// It was refused. The peer may send it again, if the answer says so.
    Refused {
        /// Why, from a closed set.
        reason: RefusalReason,
        /// The error in one line, for the operator: no secret, no signature, nothing of the body.
        detail: String,
    },
}

/// What an inbox has taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Taken {
    /// A notification that is new.
    New,
    /// One that it had already.
    Duplicate,
    /// A body that was proved but cannot be read, and is new.
    Unreadable,
    /// Such a body that it had already.
    UnreadableDuplicate,
}

impl Taken {
    /// In kebab case: the label `outcome` of the counter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Duplicate => "duplicate",
            Self::Unreadable => "unreadable",
            Self::UnreadableDuplicate => "unreadable-duplicate",
        }
    }
}

const fn taken_of(accepted: &Accepted) -> Taken {
    match accepted {
        Accepted::New { .. } => Taken::New,
        Accepted::Duplicate { .. } => Taken::Duplicate,
    }
}

const fn taken_of_kept(kept: &KeptUnreadable) -> Taken {
    match kept {
        KeptUnreadable::New { .. } => Taken::Unreadable,
        KeptUnreadable::Duplicate { .. } => Taken::UnreadableDuplicate,
    }
}

impl<S, N> Clone for InboxSource<S, N> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S: Clone, N> Clone for Inner<S, N> {
    fn clone(&self) -> Self {
        let Self { source, inbox, conflict_status } = self;
        Self { source: source.clone(), inbox: inbox.clone(), conflict_status: *conflict_status }
    }
}

impl<S: fmt::Debug, N> fmt::Debug for InboxSource<S, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxSource")
            .field("source", &self.inner.source)
            .field("inbox", &self.inner.inbox)
            .field("conflict_status", &self.inner.conflict_status)
            .finish()
    }
}
