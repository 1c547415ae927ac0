//! `gymhook doctor`: its options, and how it prints the findings of `endpoint_check.rs`.

use clap::Args;
use serde::Serialize;

use crate::endpoint_check::{self, Finding, Level};
use crate::failure::Failure;
use crate::output::{Output, Tone, shown};
use crate::platform::Platform;
use crate::target::TargetArgs;

/// Look at an endpoint as the platform will: name, addresses, certificate, answers, time
#[derive(Args, Debug)]
#[command(after_help = "\
Sends one GET and one POST without a signature, which a receiver has to refuse. Redirects are not followed and no proxy is used.

Exit status: 0 nothing failed, 1 something did, 2 wrong usage.

Example:
  gymhook doctor https://hooks.example.com/perfectgym --platform perfectgym --allow-public")]
pub(crate) struct Arguments {
    /// The endpoint
    url: String,
    /// By whose rules: port, time limit
    #[arg(long)]
    platform: Option<Platform>,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Serialize)]
struct Record<'f> {
    record: &'static str,
    check: &'static str,
    level: &'static str,
    found: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'f str>,
}

pub(crate) fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let findings = super::block_on(endpoint_check::examine(&arguments.url, arguments.platform, &arguments.target))?;
    for finding in &findings {
        print(finding, output)?;
    }
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let (failed, warned) = (count(Level::Fail), count(Level::Warn));
    output.line(&format!("{} ok, {warned} to look at, {failed} failed", count(Level::Ok)))?;
    if failed > 0 { Err(Failure::Refused) } else { Ok(()) }
}

fn print(finding: &Finding, output: &mut Output) -> Result<(), Failure> {
    let Finding { check, level, found, advice } = finding;
    let (word, tone) = match level {
        Level::Ok => ("ok", Tone::Good),
        Level::Warn => ("warn", Tone::Warning),
        Level::Fail => ("fail", Tone::Bad),
    };
    output.record(&Record {
        record: "check",
        check: finding.check,
        level: word,
        found,
        advice: advice.as_deref(),
    })?;
    output.line(&format!("{}  {check:<12} {}", tone.paint(&format!("{word:<4}")), shown(found)))?;
    match advice {
        Some(advice) => output.line(&format!("                    {}", shown(advice))),
        None => Ok(()),
    }
}
