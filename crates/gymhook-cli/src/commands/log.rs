//! `gymhook log`: lists the deliveries of a running gateway, or follows them.

use clap::Args;
use serde_json::Value;
use time::UtcDateTime;

use crate::api::{Api, ServerArgs, Tail, segment};
use crate::failure::Failure;
use crate::output::{Output, Tone, field};
use crate::when;

/// List the deliveries of "gymhook serve", show one with its attempts, or follow what happens
#[derive(Args, Debug)]
#[command(after_help = "\
Example: what was given up today?
  GYMHOOK_API_KEY=… gymhook log --state undeliverable --since 1d
Example: one delivery with its attempts
  gymhook log 01a22318-bfe4-743a-9c5b-5d3b79104cff
Example: everything from now on
  gymhook log --follow")]
pub(crate) struct Arguments {
    /// Show this delivery with its attempts
    #[arg(conflicts_with_all = ["gym", "endpoint", "event_type", "kind", "state", "since", "until", "limit", "follow"])]
    id: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// The maximum number of deliveries shown, the newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print what happens from now on: webhooks that come in, and attempts
    #[arg(long, short, conflicts_with_all = ["state", "kind", "since", "until", "limit"])]
    follow: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Which deliveries.
#[derive(Args, Debug)]
pub(crate) struct FilterArgs {
    /// Only of this gym's subscriptions
    #[arg(long, help_heading = "Which deliveries")]
    pub(crate) gym: Option<String>,
    /// Only to the subscription, destination or inbox with this id
    #[arg(long, value_name = "ID", help_heading = "Which deliveries")]
    pub(crate) endpoint: Option<String>,
    /// Only of this type
    #[arg(long = "type", value_name = "TYPE", help_heading = "Which deliveries")]
    pub(crate) event_type: Option<String>,
    /// Only of this kind, whatever the platform calls it: check-in, member-created, …
    #[arg(long, help_heading = "Which deliveries")]
    pub(crate) kind: Option<String>,
    /// Only in this state: waiting, in-flight, delivered, undeliverable, cancelled, quarantined, unreadable
    #[arg(long, help_heading = "Which deliveries")]
    pub(crate) state: Option<String>,
    /// Only enqueued since then: 10m for ten minutes ago, or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = when::since, help_heading = "Which deliveries")]
    pub(crate) since: Option<UtcDateTime>,
    /// Only enqueued before then
    #[arg(long, value_name = "TIME", value_parser = when::since, help_heading = "Which deliveries")]
    pub(crate) until: Option<UtcDateTime>,
}

impl FilterArgs {
    /// As the API takes them.
    pub(crate) fn query(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("gym", self.gym.clone()),
            ("endpoint", self.endpoint.clone()),
            ("type", self.event_type.clone()),
            ("kind", self.kind.clone()),
            ("state", self.state.clone()),
            ("from", self.since.map(when::text)),
            ("until", self.until.map(when::text)),
        ]
    }
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    super::block_on(async {
        let api = arguments.server.connect(output).await?;
        match &arguments.id {
            Some(id) => show(&api, id, output).await,
            None if arguments.follow => follow(&api, &arguments.filter, output).await,
            None => list(&api, arguments, output).await,
        }
    })
}

async fn list(api: &Api, arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let deliveries = api.list("/v1/deliveries", &arguments.filter.query(), limit).await?;
    if deliveries.is_empty() {
        output.note("no delivery fits");
    }
    let mut rows = Vec::new();
    for delivery in &deliveries {
        output.record(&with_record("delivery", delivery))?;
        rows.push(["id", "state", "type", "gym", "platform", "enqueued_at"].map(|name| field(delivery, name)));
    }
    if rows.is_empty() {
        return Ok(());
    }
    output.table(&["id", "state", "type", "gym", "platform", "enqueued"], rows)
}

async fn show(api: &Api, id: &str, output: &mut Output) -> Result<(), Failure> {
    let delivery = api.get(&format!("/v1/deliveries/{}", segment(id)), &[]).await?;
    output.record(&with_record("delivery", &delivery))?;
    for name in ["id", "state", "reason", "type", "kind", "gym", "platform", "endpoint", "enqueued_at", "next_attempt_at", "body_bytes", "proved", "unreadable"] {
        let value = field(&delivery, name);
        if !value.is_empty() {
            output.line(&format!("{name}: {value}"))?;
        }
    }
    let attempts = delivery.get("log").and_then(Value::as_array).cloned().unwrap_or_default();
    if attempts.is_empty() {
        return output.line("no attempt yet");
    }
    let names = ["number", "began_at", "outcome", "status", "detail", "response"];
    output.table(&names, attempts.iter().map(|attempt| names.map(|name| field(attempt, name))))
}

/// Prints what happens until the server stops, or Ctrl-C.
async fn follow(api: &Api, filter: &FilterArgs, output: &mut Output) -> Result<(), Failure> {
    let query: Vec<_> =
        filter.query().into_iter().filter(|(name, _)| ["gym", "endpoint", "type"].contains(name)).collect();
    let mut tail = Tail::new(api.stream("/v1/tail", &query).await?);
    output.note("following; Ctrl-C ends it");
    loop {
        let event = tokio::select! {
            event = tail.next() => event?,
            interrupted = tokio::signal::ctrl_c() => {
                return interrupted.map_err(Failure::failed).and(Err(Failure::Interrupted));
            }
        };
        let Some((name, data)) = event else { return Err(Failure::failed("the server ended the stream")) };
        output.record(&with_record(&name, &data))?;
        output.line(&line(&name, &data))?;
    }
}

fn line(name: &str, data: &Value) -> String {
    let of = |name: &str| field(data, name);
    match name {
        "received" => format!("{}  in   {}  {}  {}", of("at"), of("source"), toned(&of("status")), of("reason")),
        "attempt" => {
            let status = if of("status").is_empty() { of("outcome") } else { of("status") };
            // Of an attempt that was lost its length is not known.
            let took = Some(of("took_ms")).filter(|took| !took.is_empty());
            let took = took.map(|took| format!(", {took} ms")).unwrap_or_default();
            format!(
                "{}  out  {}  {}  attempt {}{took}  {}",
                of("at"),
                toned(&status),
                of("event_type"),
                of("attempt"),
                of("delivery")
            )
        }
        _ => format!("{name} {data}"),
    }
}

fn toned(status: &str) -> String {
    let tone = if status.starts_with('2') { Tone::Good } else { Tone::Bad };
    tone.paint(status)
}

/// The API's record with its name.
pub(crate) fn with_record(name: &str, record: &Value) -> Value {
    let mut named = serde_json::Map::new();
    named.insert("record".to_owned(), name.into());
    if let Value::Object(fields) = record {
        named.extend(fields.clone());
    } else if !record.is_null() {
        named.insert("value".to_owned(), record.clone());
    }
    Value::Object(named)
}
