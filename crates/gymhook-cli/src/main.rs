//! The `gymhook` command. Its commands verify, sign, send, receive and replay webhooks, and run the gateway.
//!
//! What it knows, the libraries know; here are words, tables, files and exit codes.
#![allow(clippy::disallowed_methods, reason = "a command asks the clock")]

mod api;
mod arguments;
mod capture;
mod commands;
mod diagnose;
mod endpoint_check;
mod environment;
mod event_line;
mod exchange;
mod failure;
mod gateway;
mod http_client;
mod input;
mod local_endpoint;
mod output;
mod platform;
mod port_holder;
mod progress;
mod recording;
mod resend;
mod schemes;
mod secrets;
mod sender;
mod target;
#[cfg(feature = "tui")]
mod tui;
mod when;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Cli;
use crate::output::Output;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return arguments::explain(&error),
    };
    let mut output = Output::new(&cli.global);
    match commands::run(cli.command.0, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.end_with(&failure),
    }
}
