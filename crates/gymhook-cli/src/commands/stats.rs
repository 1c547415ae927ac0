//! `gymhook stats`: how much a server has to do, and has done.

use core::time::Duration;

use clap::Args;

use super::log::with_record;
use crate::api::{ServerArgs, field};
use crate::failure::Failure;
use crate::output::Output;
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
        let names = [
            "waiting", "in_flight", "delivered", "given_up", "undeliverable", "unreadable", "quarantined", "subscriptions",
            "disabled", "oldest_due",
        ];
        let rows = names.map(|name| [name.replace('_', " "), field(&stats, name)]);
        output.table(&["what", "how much"], rows.into_iter().filter(|[_, value]| !value.is_empty()))
    })
}
