//! `/metrics`: counters, and the deliveries that wait now.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use gymhook_engine::store::{Stats, StatsQuery, Store as _};
use metrics::{Unit, counter, describe_counter, describe_gauge};
use tokio::sync::Mutex;

use crate::app::App;

/// How long what is asked of the database holds: Prometheus asks each of several times a minute.
const HOLDS: Duration = Duration::from_secs(10);

struct Metrics {
    app: Arc<App>,
    render: Box<dyn Fn() -> String + Send + Sync>,
    gauged: Mutex<Option<Instant>>,
}

/// `/metrics`, with what `render` writes.
pub(crate) fn metrics_router(app: Arc<App>, render: impl Fn() -> String + Send + Sync + 'static) -> Router {
    describe();
    let metrics = Metrics { app, render: Box::new(render), gauged: Mutex::default() };
    Router::new().route("/metrics", get(show)).with_state(Arc::new(metrics))
}

/// Tells the recorder what each metric means.
fn describe() {
    gymhook_tower::describe_metrics();
    describe_gauge!("gymhook_ready", "1 if /readyz answers 200, otherwise 0.");
    describe_gauge!("gymhook_deliveries", "Deliveries now, by state.");
    describe_gauge!("gymhook_subscriptions", "Subscriptions, destinations and inboxes.");
    describe_gauge!(
        "gymhook_subscriptions_disabled",
        "Those subscriptions, destinations and inboxes that are disabled."
    );
    describe_gauge!(
        "gymhook_oldest_due_seconds",
        Unit::Seconds,
        "How long ago the oldest waiting delivery became due."
    );
    describe_counter!("gymhook_purged_total", "Purged deliveries.");
    counter!("gymhook_purged_total").increment(0);
}

async fn show(State(metrics): State<Arc<Metrics>>) -> Response {
    metrics.gauge().await;
    let text = (metrics.render)();
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    (StatusCode::OK, [(header::CONTENT_TYPE, content_type)], text).into_response()
}

impl Metrics {
    /// Sets the gauges, if their values are no longer new.
    async fn gauge(&self) {
        let is_ready = self.app.readiness.check(&self.app).await.is_ok();
        metrics::gauge!("gymhook_ready").set(if is_ready { 1.0 } else { 0.0 });
        let mut gauged = self.gauged.lock().await;
        if !is_ready || gauged.is_some_and(|at| at.elapsed() < HOLDS) {
            return;
        }
        // What ended within a while is counted by the counters.
        let query = StatsQuery { window: Duration::ZERO, ..StatsQuery::new() };
        let engine = &self.app.outgoing;
        let Ok(now) = engine.now().await else { return };
        let Ok(stats) = engine.store().stats(query, now).await else { return };
        set(&stats, now);
        *gauged = Some(Instant::now());
    }
}

fn set(stats: &Stats, now: time::UtcDateTime) {
    let deliveries = [
        ("waiting", stats.waiting),
        ("in-flight", stats.in_flight),
        ("undeliverable", stats.undeliverable),
        ("unreadable", stats.unreadable),
        ("quarantined", stats.quarantined),
    ];
    for (state, count) in deliveries {
        metrics::gauge!("gymhook_deliveries", "state" => state).set(float(count));
    }
    metrics::gauge!("gymhook_subscriptions").set(float(stats.subscriptions));
    metrics::gauge!("gymhook_subscriptions_disabled").set(float(stats.disabled));
    let overdue = stats.oldest_due.map_or(0.0, |due| (now - due).as_seconds_f64().max(0.0));
    metrics::gauge!("gymhook_oldest_due_seconds").set(overdue);
}

/// Above 2⁵³ it is rounded, as every number that Prometheus keeps.
fn float(count: u64) -> f64 {
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high).mul_add(4_294_967_296.0, f64::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::float_cmp, reason = "each of these is exact")]
    fn counts_stay_what_they_are() {
        for (count, expected) in
            [(0, 0.0), (1, 1.0), (4_294_967_296, 4_294_967_296.0), (1 << 53, 9_007_199_254_740_992.0)]
        {
            assert_eq!(float(count), expected);
        }
    }
}
