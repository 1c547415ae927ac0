//! `gymhook stats`: prints how many deliveries of a running gateway wait, and how many have ended.

use core::time::Duration;

use clap::Args;
use serde_json::Value;

use super::log::with_record;
use crate::api::{ServerArgs};
use crate::failure::Failure;
use crate::output::{Output, field};
use crate::when;

/// Show how much "gymhook serve" has to do, and what ended lately
#[derive(Args, Debug)]
#[command(after_help = "\
Example: the last hour
  GYMHOOK_API_KEY=… gymhook stats --window 1h")]
pub(crate) struct Arguments {
    /// Only this gym's
    #[arg(long)]
    gym: Option<String>,
    /// For how long before now what has ended is counted [default: 1d]
    #[arg(long, value_name = "LENGTH", value_parser = when::length)]
    window: Option<Duration>,
    #[command(flatten)]
    server: ServerArgs,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    super::block_on(async {
        let api = arguments.server.connect(output).await?;
        let window = arguments.window.map(|window| window.as_secs().to_string());
        let stats = api.get("/v1/stats", &[("gym", arguments.gym.clone()), ("window_seconds", window)]).await?;
        output.record(&with_record("stats", &stats))?;
        let within = stats.get("window_seconds").and_then(Value::as_u64).map(Duration::from_secs).map(when::span);
        let within = within.map(|window| format!(" in the last {window}")).unwrap_or_default();
        let rows = [
            ("waiting", "waiting".to_owned()),
            ("in_flight", "in flight".to_owned()),
            ("undeliverable", "undeliverable".to_owned()),
            ("unreadable", "unreadable".to_owned()),
            ("quarantined", "quarantined".to_owned()),
            ("delivered", format!("delivered{within}")),
            ("given_up", format!("became undeliverable{within}")),
            ("subscriptions", "subscriptions".to_owned()),
            ("disabled", "of these disabled".to_owned()),
            ("oldest_due", "due for the longest since".to_owned()),
        ];
        let rows = rows.map(|(name, label)| [label, field(&stats, name)]);
        output.table(&["what", "how much"], rows.into_iter().filter(|[_, value]| !value.is_empty()))
    })
}
