//! The gateway that `gymhook serve` runs: the service, and around it the database, the HTTP server, logs, metrics,
//! signals, certificates and traces. `commands/serve.rs` has the options.

mod database;
mod http_server;
mod lifecycle;
mod logs;
mod metrics;
mod reload;
mod service_manager;
mod signals;
mod tls;
#[cfg(feature = "otlp")]
mod traces;
#[cfg(not(feature = "otlp"))]
#[path = "gateway/no_traces.rs"]
mod traces;

pub(crate) use self::lifecycle::{Ready, database_name, refused_start, serve, url, warn_of_plain_http};
pub(crate) use self::logs::targets as log_targets;
pub(crate) use self::tls::Certificates;
