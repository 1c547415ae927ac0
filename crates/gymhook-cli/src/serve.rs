//! The parts of `gymhook serve` that surround the service: database, HTTP server, logs, signals, certificates and traces.
//! `crate::commands::serve` combines them.

mod database;
mod listener;
mod logs;
mod signals;
mod tls;
#[cfg(feature = "otlp")]
mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "serve/no_traces.rs"]
mod traces;

pub(crate) use self::database::open as open_database;
pub(crate) use self::listener::{Limits, Listener};
pub(crate) use self::logs::{start as start_logs, targets as log_targets};
pub(crate) use self::signals::{Asked, Signals, Stopping};
pub(crate) use self::tls::Certificates;
pub(crate) use self::traces::Traces;
