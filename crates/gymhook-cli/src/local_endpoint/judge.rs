//! `Judge`: reads and verifies a request by the scheme of one platform. `Verdict`: what came of it, in words.

use std::sync::Arc;

use bytes::Bytes;
use gymhook::event::AnyNotification;
#[cfg(feature = "tui")]
use gymhook::signature::Signer;
use gymhook::signature::{SignatureScheme, Verified, Verifier, VerifyError};
use gymhook::{Provider, ReceiveError, Received, Receiver};
use gymhook_tower::{Refusal, WebhookSource};
use http::{HeaderMap, StatusCode, request};
use hyper::body::Incoming;
use time::UtcDateTime;

use crate::diagnose::{self, Hint, Refused};
use crate::failure::Failure;
use crate::platform::Platform;
use crate::schemes::SchemeArgs;
use crate::secrets::Keys;

/// A platform's receiver.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    platform: Platform,
    settings: SchemeArgs,
    scheme: Arc<dyn SignatureScheme>,
    keys: Arc<Keys>,
    /// Reads what comes as every server does that gymhook is in, and receives what one of the five platforms sent.
    source: WebhookSource,
    verifier: Verifier,
}

/// A verdict, with what it rests on.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Verified and read.
    Accepted(Box<Verified<Received<AnyNotification>>>),
    /// Verified; Standard Webhooks says nothing of what is in it.
    AcceptedUnread {
        key: String,
        proves: Vec<&'static str>,
        id: Option<String>,
    },
    /// Verified, and the body could not be read.
    Unreadable {
        key: String,
        problem: String,
    },
    Refused(VerifyError),
    /// Not even judged.
    NotAdmitted {
        status: StatusCode,
        reason: &'static str,
        problem: String,
    },
}

impl Judge {
    pub(crate) fn new(platform: Platform, settings: &SchemeArgs, keys: Arc<Keys>) -> Result<Self, Failure> {
        let scheme = settings.scheme(platform)?;
        let verifier = Verifier::with_shared(Arc::clone(&scheme), keys.keyring()?).map_err(Failure::usage)?;
        // For Standard Webhooks it only reads, whoever's provider it has: what is in a body is nobody's there.
        let provider = platform.provider().unwrap_or_else(|| Provider::point().into_any());
        let provider = provider.with_shared_scheme(Arc::clone(&scheme));
        let source = Receiver::new(&provider, keys.keyring()?).map_err(Failure::usage)?.into();
        Ok(Self { platform, settings: settings.clone(), scheme, keys, source, verifier })
    }

    /// Signs as the platform does, with the keys that it is judged by.
    #[cfg(feature = "tui")]
    pub(crate) fn signer(&self) -> Result<Signer, Failure> {
        Signer::with_shared(Arc::clone(&self.scheme), self.keys.keyring()?).map_err(Failure::usage)
    }

    pub(crate) fn platform(&self) -> Platform {
        self.platform
    }

    /// The body of a request, or why it is refused before anything is proved.
    pub(crate) async fn read(&self, head: &request::Parts, body: Incoming) -> Result<Bytes, Refusal> {
        self.source.read_parts(&head.method, &head.headers, body).await
    }

    pub(crate) fn judge(&self, headers: &HeaderMap, body: Bytes, now: UtcDateTime) -> Verdict {
        if self.platform == Platform::StandardWebhooks {
            return self.verify(headers, &body, now);
        }
        match self.source.receiver().receive(headers, body, now) {
            Ok(verified) => Verdict::Accepted(Box::new(verified)),
            Err(ReceiveError::NotVerified(error)) => Verdict::Refused(error),
            Err(ReceiveError::Unreadable(unreadable)) => Verdict::Unreadable {
                key: unreadable.proof().key().as_str().to_owned(),
                problem: unreadable.problem().to_string(),
            },
            Err(other) => Verdict::NotAdmitted {
                status: other.status(),
                reason: "not-admitted",
                problem: other.to_string(),
            },
        }
    }

    fn verify(&self, headers: &HeaderMap, body: &[u8], now: UtcDateTime) -> Verdict {
        match self.verifier.verify(headers, body, now) {
            Err(error) => Verdict::Refused(error),
            Ok(proof) => Verdict::AcceptedUnread {
                key: proof.key().as_str().to_owned(),
                proves: proof.assurance().proved().collect(),
                id: proof.id().map(|id| id.as_str().to_owned()),
            },
        }
    }

    /// What to try next, for a request that was refused.
    pub(crate) fn hints(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        error: &VerifyError,
        now: UtcDateTime,
    ) -> Vec<Hint> {
        diagnose::hints(&Refused {
            platform: self.platform,
            scheme: self.scheme.as_ref(),
            settings: &self.settings,
            keys: &self.keys,
            headers,
            body,
            error,
            captured_at: None,
            now,
        })
    }
}

impl Verdict {
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Accepted(_) | Self::AcceptedUnread { .. } => "accepted",
            Self::Unreadable { .. } => "unreadable",
            Self::Refused(_) | Self::NotAdmitted { .. } => "refused",
        }
    }

    pub(crate) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Accepted(_) | Self::AcceptedUnread { .. } => None,
            Self::Unreadable { .. } => Some("unreadable-body"),
            Self::Refused(error) => Some(error.reason().as_str()),
            Self::NotAdmitted { reason, .. } => Some(reason),
        }
    }

    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::Accepted(_) | Self::AcceptedUnread { .. } => None,
            Self::Unreadable { problem, .. } | Self::NotAdmitted { problem, .. } => Some(problem.clone()),
            Self::Refused(error) => Some(error.to_string()),
        }
    }

    /// The one answer for every failed proof; `None` where the request is accepted.
    pub(crate) const fn refusal(&self) -> Option<StatusCode> {
        match self {
            Self::Accepted(_) | Self::AcceptedUnread { .. } => None,
            Self::Unreadable { .. } => Some(StatusCode::BAD_REQUEST),
            Self::Refused(_) => Some(StatusCode::UNAUTHORIZED),
            Self::NotAdmitted { status, .. } => Some(*status),
        }
    }
}
