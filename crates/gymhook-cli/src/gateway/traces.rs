//! `Traces`: exports spans over OTLP, continues the traces of requests, and ends within a few seconds.

mod client;

use core::time::Duration;

use gymhook_service::Settings;
use http::{HeaderMap, Uri};
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;

use self::client::Client;
use super::logs::BoxedLayer;
use crate::failure::Failure;

/// What is traced: nothing else is, whatever its level.
const TARGET: &str = "gymhook_service::spans";
/// The path that OTLP over HTTP gives to traces.
const PATH: &str = "/v1/traces";
/// How long a request to the collector may take. OpenTelemetry's default.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a stop waits for the collector (our choice).
const FLUSH: Duration = Duration::from_secs(3);

/// Spans on their way to a collector.
#[derive(Debug)]
pub(crate) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts to send spans to this collector, if there is one. It needs the runtime, and settings that are not in use yet.
    ///
    /// Spans wait in a queue of 2,048 (`OTEL_BSP_MAX_QUEUE_SIZE`), and are dropped when it is full: nobody waits for the collector.
    pub(crate) fn start(
        collector: Option<&Uri>,
        settings: &mut Settings,
    ) -> Result<(Self, Option<BoxedLayer>), Failure> {
        let Some(collector) = collector else { return Ok((Self(None), None)) };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(tokio::runtime::Handle::current(), TIMEOUT))
            .with_endpoint(endpoint(collector))
            .with_timeout(TIMEOUT)
            // The next batch comes soon, and a stop does not wait for a collector that is away.
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| Failure::usage(format!("otlp_endpoint cannot be used: {error}")))?;
        let provider =
            SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("gymhook"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::DEBUG))
            .boxed();
        settings.continue_trace = Some(continue_trace);
        Ok((Self(Some(provider)), Some(layer)))
    }

    /// Sends what still waits, as far as the collector takes it in time.
    pub(crate) async fn end(self) {
        let Some(provider) = self.0 else { return };
        let (told, ended) = tokio::sync::oneshot::channel();
        // It waits for the exporter, which needs this runtime's threads. A process that ends meanwhile does not wait for it.
        std::thread::spawn(move || {
            // Nobody waits any more if this fails.
            let _ = told.send(provider.shutdown_with_timeout(FLUSH));
        });
        match tokio::time::timeout(FLUSH, ended).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the last spans may be missing at the collector"),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the last spans may be missing at the collector: it takes too long")
            }
        }
    }
}

/// What sends: `gymhook`, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` says otherwise.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let found = Resource::builder().with_attribute(version.clone()).build();
    let name = found.get(&Key::from_static_str("service.name"));
    if name.is_some_and(|name| !name.as_str().starts_with("unknown_service")) {
        return found;
    }
    Resource::builder().with_attribute(version).with_service_name("gymhook").build()
}

/// As `OTEL_EXPORTER_OTLP_ENDPOINT` is read: with the path of traces behind it.
fn endpoint(collector: &Uri) -> String {
    let text = collector.to_string();
    let base = text.trim_end_matches('/');
    if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") }
}

/// The span's parent is what these headers say, if they say anything valid.
fn continue_trace(span: &Span, headers: &HeaderMap) {
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    if parent.span().span_context().is_valid() {
        // A span that is filtered out has no parent.
        let _ = span.set_parent(parent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_traces_is_added_once() {
        for (given, expected) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("https://otel.example/otlp", "https://otel.example/otlp/v1/traces"),
            ("https://otel.example/otlp/v1/traces", "https://otel.example/otlp/v1/traces"),
        ] {
            assert_eq!(endpoint(&given.parse().unwrap()), expected);
        }
    }
}
