//! `gymhook subscriptions update`: `UpdateArgs`, the options that say which settings of a subscription change, as the
//! JSON of the API.

use core::num::NonZeroU32;
use core::time::Duration;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::input;
use crate::when;

/// The longest file of headers, in bytes: an API takes no longer body.
const MAX_HEADERS: usize = 1 << 20;

/// What is changed.
#[derive(Args, Debug)]
pub(super) struct UpdateArgs {
    /// Where it is sent to; what waits goes there, too
    #[arg(long)]
    url: Option<String>,
    /// What people call it
    #[arg(long)]
    label: Option<String>,
    /// Types, beginnings such as member.*, kinds such as kind:check-in, in place of all before
    #[arg(long = "event", value_name = "EVENT", conflicts_with = "all_events")]
    events: Vec<String>,
    /// Every type
    #[arg(long)]
    all_events: bool,
    /// Another URL for a single type, in place of all before
    #[arg(long = "url-for", value_name = "TYPE=URL", value_parser = pair)]
    urls: Vec<(String, String)>,
    /// No other URLs
    #[arg(long, conflicts_with = "urls")]
    no_url_for: bool,
    /// A file with all headers of its own, one "name: value" a line, in place of all before; - is standard input, an empty one
    /// removes them
    #[arg(long, value_name = "FILE")]
    headers_file: Option<PathBuf>,
    /// How many attempts may be under way at once
    #[arg(long, value_name = "NUMBER")]
    max_in_flight: Option<NonZeroU32>,
    /// A rate limit, such as 120/1m
    #[arg(long, value_name = "ATTEMPTS/LENGTH", value_parser = rate, conflicts_with = "no_rate")]
    rate: Option<(NonZeroU32, Duration)>,
    /// How many may come at once after a pause [default: 1]
    #[arg(long, value_name = "NUMBER", requires = "rate")]
    burst: Option<NonZeroU32>,
    /// No rate limit
    #[arg(long)]
    no_rate: bool,
    /// Whether deliveries are sent one at a time, in the order of publishing
    #[arg(long, value_name = "true|false", action = ArgAction::Set)]
    ordered: Option<bool>,
    /// A note about it, in place of all before; no secret
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// No metadata
    #[arg(long, conflicts_with = "metadata")]
    no_metadata: bool,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write the name, =, and what it is")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn rate(text: &str) -> Result<(NonZeroU32, Duration), String> {
    let (attempts, length) = text.split_once('/').ok_or("write how many attempts in which time, such as 120/1m")?;
    let attempts = attempts.parse().map_err(|_| "the number of attempts is a whole one, from 1 on".to_owned())?;
    let length = when::length(length)?;
    if length.subsec_nanos() > 0 {
        return Err("the length is in whole seconds".to_owned());
    }
    Ok((attempts, length))
}

impl UpdateArgs {
    /// What is asked of the server.
    pub(super) fn changes(&self) -> Result<Value, Failure> {
        let mut changes = Map::new();
        let mut set = |name: &str, value: Value| changes.insert(name.to_owned(), value);
        if let Some(url) = &self.url {
            set("url", json!(url));
        }
        if let Some(label) = &self.label {
            set("label", json!(label));
        }
        if self.all_events {
            set("events", Value::Null);
        } else if !self.events.is_empty() {
            set("events", json!(self.events));
        }
        if self.no_url_for || !self.urls.is_empty() {
            set("urls", object(&self.urls, "--url-for")?);
        }
        if let Some(file) = &self.headers_file {
            set("headers", headers(&read(file)?, file)?);
        }
        if let Some(max) = self.max_in_flight {
            set("max_in_flight", json!(max));
        }
        if self.no_rate {
            set("rate", Value::Null);
        } else if let Some((attempts, length)) = self.rate {
            set("rate", json!({ "attempts": attempts, "per_seconds": length.as_secs(), "burst": self.burst }));
        }
        if let Some(ordered) = self.ordered {
            set("ordered", json!(ordered));
        }
        if self.no_metadata || !self.metadata.is_empty() {
            set("metadata", object(&self.metadata, "--metadata")?);
        }
        if changes.is_empty() {
            return Err(Failure::usage("nothing is to be changed: name what is, such as --url or --label"));
        }
        Ok(Value::Object(changes))
    }
}

/// Each name once.
fn object(pairs: &[(String, String)], option: &str) -> Result<Value, Failure> {
    let mut object = Map::new();
    for (name, value) in pairs {
        if object.insert(name.clone(), json!(value)).is_some() {
            return Err(Failure::usage(format!("{option} has {name:?} twice: give each name once")));
        }
    }
    Ok(Value::Object(object))
}

/// They may be secrets, so an error does not say what is in them.
fn read(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(input::read(file, MAX_HEADERS)?);
    let text = core::str::from_utf8(&bytes)
        .map_err(|error| Failure::usage(format!("the headers of {} are no text: {error}", file.display())))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// All headers. A line may be a secret, so an error has its number only.
fn headers(text: &str, file: &Path) -> Result<Value, Failure> {
    let mut headers = Map::new();
    for (line, number) in text.lines().zip(1..).filter(|(line, _): &(&str, u32)| !line.trim().is_empty()) {
        let wrong = |what: &str| Failure::usage(format!("{}, line {number}: {what}", file.display()));
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("write a name, a colon and the value"))?;
        if headers.insert(name.trim().to_lowercase(), json!(value.trim())).is_some() {
            return Err(wrong("this name is there twice"));
        }
    }
    Ok(Value::Object(headers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_in_a_length() {
        let minute = Duration::from_secs(60);
        assert_eq!(rate("120/1m").unwrap(), (NonZeroU32::new(120).unwrap(), minute));
        for wrong in ["", "120", "0/1m", "-1/1m", "1.5/1m", "1/", "1/soon", "1/1ms"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_in_a_line_says_which_and_not_what_is_in_it() {
        let read = |text| headers(text, Path::new("headers"));
        assert_eq!(read("X-One: a: b\n\n x-two :\n").unwrap(), json!({ "x-one": "a: b", "x-two": "" }));
        for wrong in ["x-one: a\nbearer-canary", "x-one: canary\nX-ONE: b"] {
            let Err(Failure::Usage(words)) = read(wrong) else { panic!("{wrong}") };
            assert!(words.contains("line 2") && !words.contains("canary"), "{words}");
        }
    }
}
