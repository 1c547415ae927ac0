//! `gymhook subscriptions`: lists, shows, creates, pauses, tests and deletes the subscriptions of a running gateway,
//! and rotates their secrets.

mod update;

use core::time::Duration;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use gymhook::secret_source::{SecretFormat, from_file};
use serde_json::{Value, json};
use time::UtcDateTime;

use super::log::with_record;
use crate::api::{Api, ServerArgs, segment};
use crate::failure::Failure;
use crate::output::{Output, field};
use crate::when;

/// List, show, create, update, test, pause, enable and rotate the subscriptions of "gymhook serve"
#[derive(Args, Debug)]
#[command(after_help = "\
Example: everything of one gym, signed as Standard Webhooks
  GYMHOOK_API_KEY=… gymhook subscriptions create https://receiver.example/hooks --gym berlin --platform standard-webhooks
Example: the receiver moved, and wants check-ins only
  gymhook subscriptions update 01a22318-bfe4-743a-9c5b-5d3b79104cff --url https://new.example/hooks --event checkin.created
Example: does the receiver answer?
  gymhook subscriptions test 01a22318-bfe4-743a-9c5b-5d3b79104cff --type ping")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them
    List {
        /// Only this gym's
        #[arg(long)]
        gym: Option<String>,
        /// Only this platform's
        #[arg(long)]
        platform: Option<String>,
    },
    /// Show one, with its health
    Show {
        /// Its id
        id: String,
    },
    /// Create one; its secret is drawn and printed once, unless a file has it
    Create {
        /// Where it is sent to
        url: String,
        /// Whose events it gets; a key of one gym may leave it out
        #[arg(long)]
        gym: Option<String>,
        /// What it is signed, retried and limited as
        #[arg(long, default_value = "standard-webhooks")]
        platform: String,
        /// Types, beginnings such as member.*, kinds such as kind:check-in; all, if none is named
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        /// What people call it
        #[arg(long)]
        label: Option<String>,
        /// A file with its secret
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Change one: what is not named stays as it is, and what waits is sent by the new settings
    Update {
        /// Its id
        id: String,
        #[command(flatten)]
        update: update::UpdateArgs,
    },
    /// Send a test event, without any effect on its health
    Test {
        /// Its id
        id: String,
        /// The type of the event; for standard-webhooks, which has no test event, it has to be named
        #[arg(long = "type", value_name = "TYPE")]
        event_type: Option<String>,
    },
    /// Send nothing for a while: what is published waits
    Pause {
        /// Its id
        id: String,
        /// For how long
        #[arg(long = "for", value_name = "LENGTH", value_parser = when::length)]
        length: Duration,
    },
    /// Send nothing until it is enabled: what is published waits
    Disable {
        /// Its id
        id: String,
    },
    /// Send again: what waited goes first
    Enable {
        /// Its id
        id: String,
    },
    /// Sign with a new secret, which is printed once, unless a file has it
    Rotate {
        /// Its id
        id: String,
        /// For how long the old secret signs as well [default: 1d]
        #[arg(long, value_name = "LENGTH", value_parser = when::length)]
        overlap: Option<Duration>,
        /// A file with the new secret
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Delete one: what waits is cancelled, and its log stays
    Delete {
        /// Its id
        id: String,
    },
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    super::block_on(async {
        let api = arguments.server.connect(output).await?;
        act(&api, &arguments.action, output).await
    })
}

async fn act(api: &Api, action: &Action, output: &mut Output) -> Result<(), Failure> {
    match action {
        Action::List { gym, platform } => {
            let query = [("gym", gym.clone()), ("platform", platform.clone())];
            let all = api.list("/v1/subscriptions", &query, usize::MAX).await?;
            let names = ["id", "gym", "platform", "label", "url"];
            let mut rows = Vec::new();
            for subscription in &all {
                output.record(&with_record("subscription", subscription))?;
                let mut row: Vec<String> = names.iter().map(|name| field(subscription, name)).collect();
                row.push(status(subscription));
                rows.push(row);
            }
            output.table(&["id", "gym", "platform", "label", "url", "status"], rows)
        }
        Action::Show { id } => shown(&api.get(&path(id, ""), &[]).await?, output),
        Action::Create { url, gym, platform, events, label, secret_file } => {
            let mut new = json!({ "url": url, "platform": platform });
            let given = [
                ("gym", gym.clone().map(Value::from)),
                ("label", label.clone().map(Value::from)),
                ("events", (!events.is_empty()).then(|| json!(events))),
                ("secret", secret(secret_file.as_ref())?),
            ];
            set(&mut new, given);
            shown(&api.post("/v1/subscriptions", Some(&new)).await?, output)
        }
        Action::Update { id, update } => {
            shown(&api.patch(&path(id, ""), &update.changes()?).await?, output)
        }
        Action::Test { id, event_type } => {
            let test = event_type.as_ref().map(|event_type| json!({ "type": event_type }));
            let result = api.post(&path(id, "/test"), test.as_ref()).await?;
            output.record(&with_record("test", &result))?;
            for name in ["outcome", "status", "detail", "response", "delivery"] {
                let value = field(&result, name);
                if !value.is_empty() {
                    output.line(&format!("{name}: {value}"))?;
                }
            }
            if field(&result, "outcome") == "succeeded" { Ok(()) } else { Err(Failure::Refused) }
        }
        Action::Pause { id, length } => {
            let until = time::Duration::try_from(*length).ok().and_then(|length| UtcDateTime::now().checked_add(length));
            let until = until.ok_or_else(|| Failure::usage("--for is longer than any calendar: at most a year is possible"))?;
            api.post(&path(id, "/pause"), Some(&json!({ "until": when::text(until) }))).await?;
            done("paused", id, output)
        }
        Action::Disable { id } => {
            api.post(&path(id, "/disable"), None).await?;
            done("disabled", id, output)
        }
        Action::Enable { id } => {
            api.post(&path(id, "/enable"), None).await?;
            done("enabled", id, output)
        }
        Action::Rotate { id, overlap, secret_file } => {
            let mut rotation = json!({});
            let seconds = overlap.map(|overlap| overlap.as_secs().into());
            set(&mut rotation, [("overlap_seconds", seconds), ("secret", secret(secret_file.as_ref())?)]);
            shown(&api.post(&path(id, "/rotate"), Some(&rotation)).await?, output)
        }
        Action::Delete { id } => {
            api.delete(&path(id, "")).await?;
            done("deleted", id, output)
        }
    }
}

fn path(id: &str, action: &str) -> String {
    format!("/v1/subscriptions/{}{action}", segment(id))
}

/// A secret's text, from its file.
fn secret(file: Option<&PathBuf>) -> Result<Option<Value>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let loaded = from_file(file, SecretFormat::Text).map_err(Failure::usage)?;
    let text = core::str::from_utf8(loaded.secret().expose_secret());
    let text = text.map_err(|_| Failure::usage(format!("{} is not UTF-8", file.display())))?;
    Ok(Some(text.into()))
}

fn set(object: &mut Value, given: impl IntoIterator<Item = (&'static str, Option<Value>)>) {
    let Some(fields) = object.as_object_mut() else { return };
    for (name, value) in given {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    }
}

fn status(subscription: &Value) -> String {
    subscription.get("health").map(|health| field(health, "status")).unwrap_or_default()
}

fn shown(subscription: &Value, output: &mut Output) -> Result<(), Failure> {
    output.record(&with_record("subscription", subscription))?;
    let names = ["id", "gym", "platform", "label", "url", "events", "ordered", "max_in_flight", "auto_disable"];
    for name in names {
        let value = field(subscription, name);
        if !value.is_empty() {
            output.line(&format!("{name}: {value}"))?;
        }
    }
    output.line(&format!("status: {}", status(subscription)))?;
    match field(subscription, "secret") {
        secret if secret.is_empty() => Ok(()),
        secret => output.line(&format!("the secret, which is not shown again: {secret}")),
    }
}

fn done(what: &str, id: &str, output: &mut Output) -> Result<(), Failure> {
    output.record(&json!({ "record": what, "id": id }))?;
    output.line(&format!("{what} {id}"))
}
