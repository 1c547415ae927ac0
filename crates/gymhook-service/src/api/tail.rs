//! `/v1/tail`: what this process receives and attempts, as server-sent events, by a `Filter`.

use core::convert::Infallible;
use core::time::Duration;
use std::sync::Arc;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream;
use gymhook_engine::EndpointId;
use serde::Deserialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::extract::{Parameters, id};
use crate::Problem;
use crate::access::Caller;
use crate::activity::Happening;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(get))
}

/// What is wanted of what happens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Only what was `received`, or only each `attempt`.
    what: Option<String>,
    /// Attempts of this gym.
    gym: Option<String>,
    /// Attempts to this subscription or destination.
    #[param(format = "uuid")]
    endpoint: Option<String>,
    /// Attempts of this type of events.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// What came in at this source.
    source: Option<String>,
}

/// What a listener hears.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) attempts: Attempts,
    /// Of which source what is received is heard; `None` for no source's.
    pub(crate) received: Option<Option<String>>,
}

/// Which attempts are heard.
#[derive(Clone, Debug, Default)]
pub(crate) enum Attempts {
    #[default]
    None,
    Of {
        gym: Option<String>,
        endpoint: Option<String>,
        event_type: Option<String>,
    },
}

impl Filter {
    /// Whether this is heard.
    fn fits(&self, happening: &Happening) -> bool {
        match happening {
            Happening::Received { source, .. } => {
                self.received.as_ref().is_some_and(|asked| asked.as_ref().is_none_or(|asked| asked == source))
            }
            Happening::Attempt { subscription, gym: of, event_type: its, .. } => match &self.attempts {
                Attempts::None => false,
                Attempts::Of { gym, endpoint, event_type } => {
                    gym.as_ref().is_none_or(|asked| asked == of)
                        && endpoint.as_ref().is_none_or(|asked| asked == subscription)
                        && event_type.as_ref().is_none_or(|asked| its.as_ref() == Some(asked))
                }
            },
        }
    }

    /// Everything that the caller reaches: of a gym's key its own attempts, and nothing of a source.
    pub(crate) fn all(caller: &Caller) -> Self {
        let gym = caller.gym().map(str::to_owned);
        let received = gym.is_none().then_some(None);
        Self { attempts: Attempts::Of { gym, endpoint: None, event_type: None }, received }
    }

    fn read(asked: Asked, caller: &Caller) -> Result<Self, Problem> {
        if let Some(gym) = &asked.gym {
            caller.reaches_gym(gym)?;
        }
        let of_attempts = [
            ("gym", asked.gym.is_some()),
            ("endpoint", asked.endpoint.is_some()),
            ("type", asked.event_type.is_some()),
        ];
        let of_attempts = of_attempts.into_iter().find_map(|(name, is_asked)| is_asked.then_some(name));
        let of_received = asked.source.is_some().then_some("source");
        let (attempts, received) = match asked.what.as_deref() {
            None => (of_received.is_none(), of_attempts.is_none()),
            Some("attempt") => (true, false),
            Some("received") => (false, true),
            Some(_) => return Err(Problem::invalid("what", "it is received or attempt")),
        };
        if let Some(name) = of_attempts.filter(|_| !attempts) {
            return Err(Problem::invalid(name, "it is about attempts, and what is received is asked for"));
        }
        if let Some(name) = of_received.filter(|_| !received) {
            return Err(Problem::invalid(name, "it is about what is received, and attempts are asked for"));
        }
        let endpoint =
            asked.endpoint.as_deref().map(|text| id::<EndpointId>("endpoint", text)).transpose()?;
        let attempts = if attempts {
            Attempts::Of {
                // A gym's key hears of its gym alone.
                gym: asked.gym.or_else(|| caller.gym().map(str::to_owned)),
                endpoint: endpoint.map(|endpoint| endpoint.to_string()),
                event_type: asked.event_type,
            }
        } else {
            Attempts::None
        };
        // Sources are no gym's.
        let received = (received && caller.gym().is_none()).then_some(asked.source);
        Ok(Self { attempts, received })
    }
}

/// How often something is sent at least.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often the key is looked at again: a revoked one hears no longer than this. Our choice.
const KEY_IS_CHECKED: Duration = Duration::from_secs(5);

/// What happens from now on, as server-sent events: `received` and `attempt`, whose data is JSON, and `missed` with the number of
/// happenings that a slow listener was not sent. It is about this process. An attempt is in the log of its delivery by then.
#[utoipa::path(
    get,
    path = "/v1/tail",
    operation_id = "tail",
    tag = "stats",
    params(Asked),
    responses((status = 200, description = "A stream.", body = Happening, content_type = "text/event-stream"))
)]
pub(crate) async fn get(
    caller: Caller,
    Parameters(asked): Parameters<Asked>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let filter = Filter::read(asked, &caller)?;
    Ok(events(caller, filter))
}

/// The stream of what this filter fits, for as long as the caller's key counts.
fn events(caller: Caller, filter: Filter) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(Tail::new(caller, filter), |mut tail| async move {
        let event = match tail.next().await? {
            Heard::Happening(happening) => {
                let name = match happening {
                    Happening::Received { .. } => "received",
                    Happening::Attempt { .. } => "attempt",
                };
                Event::default().event(name).json_data(&happening).ok()?
            }
            Heard::Missed(missed) => {
                Event::default().event("missed").data(format!("{{\"missed\":{missed}}}"))
            }
        };
        Some((Ok(event), tail))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

/// What a listener hears next.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    Happening(Happening),
    /// A slow listener missed so many, whatever they were about.
    Missed(u64),
}

/// What happens from now on, for as long as the caller's key counts. The caller counts as asking while it is there.
pub(crate) struct Tail {
    heard: Receiver<Happening>,
    filter: Filter,
    caller: Caller,
    check_at: Instant,
}

impl Tail {
    pub(crate) fn new(caller: Caller, filter: Filter) -> Self {
        let heard = caller.app().activity.listen();
        Self { heard, filter, check_at: Instant::now() + KEY_IS_CHECKED, caller }
    }

    /// The next of what the filter fits; `None` at the end. It can be dropped and called again: nothing is lost.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            if Instant::now() >= self.check_at && !self.still_counts().await {
                return None;
            }
            let heard = tokio::select! {
                heard = self.heard.recv() => heard,
                () = tokio::time::sleep_until(self.check_at) => continue,
            };
            match heard {
                Ok(happening) if self.filter.fits(&happening) => return Some(Heard::Happening(happening)),
                Ok(_) => {}
                Err(RecvError::Lagged(missed)) => return Some(Heard::Missed(missed)),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Whether the key is still one that counts. If the database does not answer, nothing is heard either.
    async fn still_counts(&mut self) -> bool {
        self.check_at = Instant::now() + KEY_IS_CHECKED;
        let found = self.caller.app().outgoing.api_key(self.caller.key.id).await;
        found.is_ok_and(|key| key.is_some())
    }
}
