//! `gymhook redeliver`: sends deliveries of a running gateway again, one or many.

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use time::UtcDateTime;

use super::log::FilterArgs;
use crate::api::{Api, ServerArgs, segment};
use crate::failure::Failure;
use crate::output::Output;
use crate::when;

/// Send deliveries of "gymhook serve" again: by their ids, or all that fit
#[derive(Args, Debug)]
#[command(after_help = "\
Says how many it would send and asks, unless --yes is given. A delivery keeps its id, so that a receiver that recognises repeats takes it once.

Example: one delivery
  GYMHOOK_API_KEY=… gymhook redeliver 01a22318-bfe4-743a-9c5b-5d3b79104cff
Example: everything that was given up since yesterday
  gymhook redeliver --state undeliverable --since 1d")]
pub(crate) struct Arguments {
    /// These deliveries
    #[arg(value_name = "ID", conflicts_with_all = ["gym", "endpoint", "event_type", "kind", "state", "since", "until"])]
    ids: Vec<String>,
    #[command(flatten)]
    filter: FilterArgs,
    /// Say how many they are, and send nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Send them without asking
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Serialize)]
struct Redelivered {
    record: &'static str,
    deliveries: u64,
    without_subscription: u64,
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    if arguments.ids.is_empty() && arguments.filter.state.is_none() {
        return Err(Failure::usage(
            "which deliveries? name their ids, or a state: --state undeliverable, with --since and the other filters",
        ));
    }
    super::block_on(async {
        let api = arguments.server.connect(output).await?;
        if !arguments.ids.is_empty() {
            return one_by_one(&api, arguments, output).await;
        }
        // What comes while the question waits for its answer is not meant.
        let until = arguments.filter.until.unwrap_or_else(UtcDateTime::now);
        // With --yes nobody is asked, so they are not counted first.
        if !arguments.yes {
            let (count, without) = all(&api, &arguments.filter, until, true).await?;
            if arguments.dry_run || count == 0 {
                return told(count, without, arguments.dry_run, output);
            }
            let nowhere = nowhere_to_go(without).map(|said| format!(" ({said})")).unwrap_or_default();
            super::replay::ask(&format!("this sends {count} deliveries again{nowhere}"))?;
        }
        let (count, without) = all(&api, &arguments.filter, until, false).await?;
        told(count, without, false, output)
    })
}

/// What is said of those that fit, and are not sent.
fn nowhere_to_go(deliveries: u64) -> Option<String> {
    (deliveries > 0).then(|| format!("{deliveries} more have nowhere to go: their subscription was deleted"))
}

fn told(deliveries: u64, without_subscription: u64, dry_run: bool, output: &mut Output) -> Result<(), Failure> {
    if let Some(said) = nowhere_to_go(without_subscription) {
        output.note(&said);
    }
    let (what, verb) = if deliveries == 1 { ("delivery", "is") } else { ("deliveries", "are") };
    let verb = if dry_run { "would be" } else { verb };
    output.line(&format!("{deliveries} {what} {verb} sent again"))?;
    output.record(&Redelivered { record: "redelivered", deliveries, without_subscription, dry_run })
}

async fn one_by_one(api: &Api, arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let count = u64::try_from(arguments.ids.len()).unwrap_or(u64::MAX);
    for id in &arguments.ids {
        let path = format!("/v1/deliveries/{}", segment(id));
        if arguments.dry_run {
            api.get(&path, &[]).await?;
        } else {
            api.post(&format!("{path}/redeliver"), None).await?;
        }
    }
    told(count, 0, arguments.dry_run, output)
}

/// Goes through all of them, in the server's portions.
async fn all(
    api: &Api,
    filter: &FilterArgs,
    until: UtcDateTime,
    dry_run: bool,
) -> Result<(u64, u64), Failure> {
    let mut asked = serde_json::Map::new();
    for (name, value) in filter.query() {
        if let Some(value) = value {
            asked.insert(name.to_owned(), value.into());
        }
    }
    asked.insert("until".to_owned(), when::text(until).into());
    asked.insert("dry_run".to_owned(), dry_run.into());
    let (mut deliveries, mut without) = (0, 0);
    loop {
        let answer = api.post("/v1/redeliveries", Some(&Value::Object(asked.clone()))).await?;
        let of = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
        deliveries += of("deliveries");
        without += of("without_subscription");
        match answer.get("next").and_then(Value::as_str) {
            Some(next) => asked.insert("cursor".to_owned(), json!(next)),
            None => return Ok((deliveries, without)),
        };
    }
}
