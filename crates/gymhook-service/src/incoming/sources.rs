//! Sources: where the webhooks of platforms come in.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::response::Response;
use gymhook_axum::InboxSource;
use gymhook_engine::{Engine, Inbox};
use gymhook_tower::WebhookSource;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use crate::activity::{Activity, Happening};
use crate::database::Database;
use crate::{Source, StartError};

/// The sources that are open, by their paths.
#[derive(Debug)]
pub(crate) struct Sources {
    by_path: ArcSwap<BTreeMap<String, Arc<OpenSource>>>,
}

/// A source with its inbox.
#[derive(Debug)]
pub(crate) struct OpenSource {
    pub(crate) source: Source,
    inbox: InboxSource<Database>,
}

impl Sources {
    /// Opens an inbox for each source.
    pub(crate) async fn open(engine: &Engine<Database>, sources: &[Source]) -> Result<Self, StartError> {
        let mut by_path = BTreeMap::new();
        for source in sources {
            let inbox = Inbox::named(engine.clone(), &source.name).await.map_err(|problem| {
                StartError::Source { name: source.name.clone(), problem: problem.to_string() }
            })?;
            let inbox = InboxSource::new(WebhookSource::new(source.receiver.clone()), inbox);
            by_path.insert(source.path.clone(), Arc::new(OpenSource { source: source.clone(), inbox }));
        }
        Ok(Self { by_path: ArcSwap::from_pointee(by_path) })
    }

    /// Opens the inboxes of these sources, and closes the paths of all others. What is under way is finished.
    pub(crate) async fn reload(
        &self,
        engine: &Engine<Database>,
        sources: &[Source],
    ) -> Result<(), StartError> {
        let Self { by_path } = Self::open(engine, sources).await?;
        self.by_path.store(by_path.into_inner());
        Ok(())
    }

    /// All of them, by path.
    pub(crate) fn all(&self) -> Vec<Arc<OpenSource>> {
        self.by_path.load().values().cloned().collect()
    }

    /// Receives at this path; `None` if no source is there.
    pub(crate) async fn receive(&self, activity: &Activity, request: Request) -> Option<Response> {
        let source = self.by_path.load().get(request.uri().path()).cloned()?;
        let answer = source.inbox.accept(request).await;
        let now = UtcDateTime::now();
        activity.happened(
            now,
            Happening::Received {
                at: now.format(&Rfc3339).unwrap_or_default(),
                source: source.source.name.clone(),
                status: answer.status().as_u16(),
                reason: None,
            },
        );
        Some(answer.into_response())
    }
}
