//! `recorder`: installs the Prometheus recorder, with the buckets of its histograms.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::failure::Failure;

/// Counts from now on.
///
/// What is measured is counted in buckets: quantiles of several processes cannot be added up.
pub(super) fn recorder() -> Result<PrometheusHandle, Failure> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let records = Matcher::Full("gymhook_commit_records".to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(seconds, &BUCKETS_OF_SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(records, &BUCKETS_OF_RECORDS));
    let installed = builder.and_then(PrometheusBuilder::install_recorder);
    installed.map_err(|error| Failure::failed(format!("nothing can be counted: {error}")))
}

/// From a commit on a fast disk to the longest attempt that a destination may be given; between them, how long platforms wait.
const BUCKETS_OF_SECONDS: [f64; 16] =
    [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0];

const BUCKETS_OF_RECORDS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
