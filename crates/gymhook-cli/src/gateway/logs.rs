//! Writes the gateway's log lines to standard error, as text or JSON, and reads `log_level`.

use std::io::{self, IsTerminal as _};

use gymhook_service::LogFormat;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::failure::Failure;

/// A layer of this process's subscriber.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Which log lines this level, or these directives, mean.
pub(crate) fn targets(level: &str) -> Result<Targets, Failure> {
    level.parse().map_err(|error| {
        Failure::usage(format!(
            "log_level {level:?} cannot be used ({error}): write error, warn, info, debug or trace, or levels by module as in info,gymhook_engine=debug"
        ))
    })
}

/// Writes log lines from now on: text on a terminal, else JSON, if nothing else is asked for. Spans go to `traces`, too.
pub(crate) fn start(
    format: Option<LogFormat>,
    level: &str,
    traces: Option<BoxedLayer>,
) -> Result<(), Failure> {
    let targets = targets(level)?;
    let is_terminal = io::stderr().is_terminal();
    let default = if is_terminal { LogFormat::Text } else { LogFormat::Json };
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(is_terminal && !is_plain);
    let lines = match format.unwrap_or(default) {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    let mut layers = vec![lines.with_filter(targets).boxed()];
    layers.extend(traces);
    let started = tracing_subscriber::registry().with(layers).try_init();
    started.map_err(|error| Failure::failed(format!("log lines cannot be written: {error}")))
}
