//! `gymhook keys`: lists, issues, rotates and revokes the API keys of a running gateway.

use core::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::log::with_record;
use crate::api::{ServerArgs, segment};
use crate::failure::Failure;
use crate::output::{Output, field};
use crate::when;

/// List, issue, rotate and revoke the API keys of "gymhook serve"
#[derive(Args, Debug)]
#[command(after_help = "\
Example: a key that may look at one gym's deliveries
  GYMHOOK_API_KEY=… gymhook keys issue \"front desk\" --gym berlin --rights read")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all keys, revoked ones included
    List,
    /// Issue a key, which is printed once
    Issue {
        /// What people call it
        label: String,
        /// Bind it to this gym; without, it reaches all
        #[arg(long)]
        gym: Option<String>,
        /// What it may do
        #[arg(long)]
        rights: Rights,
    },
    /// Issue a successor, which is printed once; the old key ends after the overlap
    Rotate {
        /// The key's id
        id: String,
        /// For how long the old key counts as well [default: 1d]
        #[arg(long, value_name = "LENGTH", value_parser = when::length)]
        overlap: Option<Duration>,
    },
    /// Revoke a key at once
    Revoke {
        /// The key's id
        id: String,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Rights {
    /// Read
    Read,
    /// Read, redeliver, cancel, and send test events
    Retry,
    /// Everything
    Write,
}

impl Rights {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Retry => "retry",
            Self::Write => "write",
        }
    }
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    super::block_on(async {
        let api = arguments.server.connect(output).await?;
        match &arguments.action {
            Action::List => {
                let keys = api.list("/v1/api-keys", &[], usize::MAX).await?;
                let names = ["id", "label", "gym", "rights", "issued_at", "revoked_at"];
                for key in &keys {
                    output.record(&with_record("api-key", key))?;
                }
                output.table(&names, keys.iter().map(|key| names.map(|name| field(key, name))))
            }
            Action::Issue { label, gym, rights } => {
                let new = json!({ "label": label, "gym": gym, "rights": rights.as_str() });
                issued(&api.post("/v1/api-keys", Some(&new)).await?, output)
            }
            Action::Rotate { id, overlap } => {
                let rotation = json!({ "overlap_seconds": overlap.map(|overlap| overlap.as_secs()) });
                issued(&api.post(&format!("/v1/api-keys/{}/rotate", segment(id)), Some(&rotation)).await?, output)
            }
            Action::Revoke { id } => {
                api.delete(&format!("/v1/api-keys/{}", segment(id))).await?;
                output.record(&json!({ "record": "revoked", "id": id }))?;
                output.line(&format!("revoked {id}"))
            }
        }
    })
}

fn issued(key: &Value, output: &mut Output) -> Result<(), Failure> {
    output.record(&with_record("api-key", key))?;
    output.line(&format!("{}: {}", field(key, "id"), field(key, "label")))?;
    output.line(&format!("the key, which is not shown again: {}", field(key, "key")))
}
