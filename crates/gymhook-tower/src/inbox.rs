//! Verify, accept durably, answer: receiving in one call.

use core::fmt;
use std::sync::Arc;

use gymhook::ReceiveError;
use gymhook::event::{AnyNotification, Notification};
use gymhook::signature::Proof;
use gymhook_engine::store::Store;
use gymhook_engine::{AcceptError, Accepted, Inbox, KeptUnreadable};
use http::{Request, StatusCode};
use http_body::Body;

use crate::read::BoxError;
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
        let Inner { source, inbox, .. } = &*self.inner;
        let (head, body) = request.into_parts();
        // Released when it is on disk.
        let mut share = source.share();
        let verified = match source.judge(&head.method, &head.headers, body, &mut share).await {
            Ok(verified) => verified,
            Err(Refusal::Receive(ReceiveError::Unreadable(unreadable))) => {
                let kept = inbox.accept_unreadable(&unreadable).await;
                return self.answer(kept.map(|kept| label_of_kept(&kept)), unreadable.proof());
            }
            Err(refusal) => {
                source.note(&refusal);
                return refusal.answer();
            }
        };
        telemetry::received(source.vendor(), verified.proof());
        let accepted = inbox.accept::<N, _>(&verified).await;
        self.answer(accepted.map(|accepted| label_of(&accepted)), verified.proof())
    }

    /// The answer to the inbox's result, which is also logged.
    fn answer(&self, accepted: Result<&'static str, AcceptError>, proof: &Proof) -> Answer {
        let source = &self.inner.source;
        match accepted {
            Ok(outcome) => {
                telemetry::accepted(source.vendor(), outcome);
                Answer::OK
            }
            Err(error) => {
                let (reason, answer) = self.refusal_of(&error);
                let (platform, status, key) = (source.vendor(), answer.status(), Some(proof.key()));
                source.tell(&Refused { platform, reason, status, key, error: &error });
                answer
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

/// The label of the counter. All of them are on disk, and answered 200.
const fn label_of(accepted: &Accepted) -> &'static str {
    match accepted {
        Accepted::New { .. } => "new",
        Accepted::Duplicate { .. } => "duplicate",
    }
}

const fn label_of_kept(kept: &KeptUnreadable) -> &'static str {
    match kept {
        KeptUnreadable::New { .. } => "unreadable",
        KeptUnreadable::Duplicate { .. } => "unreadable-duplicate",
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
