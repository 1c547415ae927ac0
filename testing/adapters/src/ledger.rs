//! Everything that is logged and counted in this process, written down.

use core::fmt::{self, Write as _};
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};

/// What gymhook's crates have logged and counted since [`keep_ledger`].
#[derive(Debug, Default)]
pub struct Ledger {
    lines: Mutex<Vec<String>>,
    counts: Mutex<BTreeMap<String, u64>>,
}

static LEDGER: OnceLock<Ledger> = OnceLock::new();

/// Begins to write down what is logged and counted, in all threads. Once in a process.
pub fn keep_ledger() -> &'static Ledger {
    let ledger = LEDGER.get_or_init(Ledger::default);
    tracing::subscriber::set_global_default(Log(ledger)).expect("the first in this process");
    metrics::set_global_recorder(Counts(ledger)).expect("the first in this process");
    ledger
}

impl Ledger {
    /// Each line: its level, and its fields.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Each counter with its labels, `name{label=value}`, and how far it is.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Log(&'static Ledger);

struct Fields<'l>(&'l mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").expect("room");
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("gymhook")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = event.metadata().level().to_string();
        event.record(&mut Fields(&mut line));
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Counts(&'static Ledger);

struct Count(&'static Ledger, String);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(self.1.clone()).or_default() += value;
    }

    fn absolute(&self, value: u64) {
        self.increment(value);
    }
}

impl Recorder for Counts {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels = key.labels().map(|label| format!("{}={}", label.key(), label.value()));
        let name = format!("{}{{{}}}", key.name(), labels.collect::<Vec<_>>().join(","));
        Counter::from_arc(std::sync::Arc::new(Count(self.0, name)))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
