//! `gymhook providers`: prints the settings of each platform as a table, with the source of each.

use clap::Args;
use gymhook::retry::{AttemptNumber, RetryPolicy};
use serde::Serialize;

use super::verify::COMPONENTS;
use crate::failure::Failure;
use crate::output::{Output, Tone};
use crate::platform::Platform;
use crate::when;

/// Show what each platform does: what authenticates, what is proved, time limits, retries
#[derive(Args, Debug)]
#[command(after_help = "\
Example: the whole profile of one platform, each line with its source
  gymhook providers perfectgym")]
pub(crate) struct Arguments {
    /// Show this platform's whole profile, each line with where it is known from
    #[arg(value_name = "NAME")]
    platform: Option<Platform>,
}

#[derive(Serialize)]
struct Record {
    record: &'static str,
    platform: &'static str,
    headers: Vec<String>,
    proves: Vec<&'static str>,
    not_proved: Vec<&'static str>,
    attempt_timeout_ms: u64,
    retry_delays_ms: Vec<u64>,
    url_rule: Option<String>,
    test_event: Option<&'static str>,
    page: &'static str,
    settings: Vec<SettingRecord>,
}

#[derive(Serialize)]
struct SettingRecord {
    name: &'static str,
    value: String,
    source: Option<String>,
}

const OURS: &str = "our default";
const SPECIFICATION: &str = "https://github.com/standard-webhooks/standard-webhooks";

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if let Some(platform) = arguments.platform {
        let record = record(platform);
        output.record(&record)?;
        return profile(platform, &record, output);
    }
    let records: Vec<Record> = Platform::ALL.into_iter().map(record).collect();
    for record in &records {
        output.record(record)?;
    }
    let header = ["platform", "authenticates by", "proves", "not", "timeout", "retries after", "url", "test"];
    output.table(&header, records.iter().map(row))?;
    output.line("* not published by the vendor: our default; \"gymhook providers NAME\" shows the whole profile with its sources")
}

fn record(platform: Platform) -> Record {
    let scheme = platform.scheme();
    let proves: Vec<&str> = scheme.assurance().proved().collect();
    let profile = platform.profile();
    let retry = platform.retry();
    let settings = platform.provider().map(|provider| provider.lines()).unwrap_or_default();
    Record {
        record: "provider",
        platform: platform.name(),
        headers: scheme.header_names().iter().map(ToString::to_string).collect(),
        not_proved: COMPONENTS.into_iter().filter(|component| !proves.contains(component)).collect(),
        proves,
        attempt_timeout_ms: when::millis(retry.attempt_timeout()),
        retry_delays_ms: delays(&retry).map(when::millis).collect(),
        url_rule: profile.as_ref().map(|profile| profile.url_rule.value.to_string()),
        test_event: profile.as_ref().and_then(|profile| profile.test_event.value),
        page: profile.as_ref().map_or(SPECIFICATION, |profile| profile.page),
        settings: settings
            .into_iter()
            .map(|line| SettingRecord {
                name: line.name,
                value: line.value,
                source: line.source.map(|source| source.to_string()),
            })
            .collect(),
    }
}

fn delays(retry: &RetryPolicy) -> impl Iterator<Item = core::time::Duration> {
    let schedule = retry.schedule().clone();
    (1..=schedule.retries().min(64))
        .filter_map(AttemptNumber::new)
        .filter_map(move |failed| schedule.delay_after(failed))
}

fn row(record: &Record) -> [String; 8] {
    let delays: Vec<String> = record
        .retry_delays_ms
        .iter()
        .map(|delay| when::span(core::time::Duration::from_millis(*delay)))
        .collect();
    let ours = |name: &str| {
        let line = record.settings.iter().find(|line| line.name == name);
        line.is_some_and(|line| line.source.as_ref().is_some_and(|source| source.starts_with(OURS)))
    };
    let mark = |name: &str| if ours(name) { "*" } else { "" };
    let or_none = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
    [
        record.platform.to_owned(),
        record.headers.join(", ") + mark("headers"),
        record.proves.join(", "),
        or_none(record.not_proved.join(", "), "–"),
        when::span(core::time::Duration::from_millis(record.attempt_timeout_ms)),
        or_none(delays.join(", "), "never") + mark("retries"),
        record.url_rule.clone().unwrap_or_else(|| "https".to_owned()) + mark("URLs"),
        record.test_event.unwrap_or("–").to_owned(),
    ]
}

fn profile(platform: Platform, record: &Record, output: &mut Output) -> Result<(), Failure> {
    if record.settings.is_empty() {
        output.table(
            &["", ""],
            [
                ["headers".to_owned(), record.headers.join(", ")],
                ["proves".to_owned(), platform.scheme().assurance().to_string()],
                ["retries after".to_owned(), row(record)[5].clone()],
                ["page".to_owned(), record.page.to_owned()],
            ],
        )?;
        return Ok(());
    }
    let rows = record.settings.iter().map(|line| {
        let source = line.source.clone().unwrap_or_default();
        let source = if source.starts_with(OURS) { Tone::Warning.paint(&source) } else { source };
        [line.name.to_owned(), line.value.clone(), source]
    });
    output.table(&["setting", "value", "known from"], rows)
}
