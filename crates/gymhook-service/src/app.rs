//! `App`: the state that the handlers of all requests share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gymhook_engine::Engine;

use crate::access::KeyLimits;
use crate::activity::Activity;
use crate::database::Database;
use crate::destinations::Destinations;
use crate::incoming::Sources;
use crate::operations::{Housekeeping, Readiness};
use crate::outgoing::GatewayTransport;
use crate::{Settings, page};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    /// Sends to subscribers and destinations.
    pub(crate) outgoing: Engine<Database>,
    /// Handles what sources have accepted.
    pub(crate) incoming: Engine<Database>,
    /// Checks URLs as attempts will.
    pub(crate) transport: Arc<GatewayTransport>,
    pub(crate) sources: Sources,
    pub(crate) destinations: Arc<Destinations>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) key_limits: KeyLimits,
    /// The page's sessions.
    pub(crate) page: page::Shared,
    pub(crate) readiness: Readiness,
    pub(crate) housekeeping: Housekeeping,
    /// Held while settings are loaded.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// As they were last loaded.
    pub(crate) settings: ArcSwap<Settings>,
}
