#![doc = include_str!("../README.md")]
#![allow(clippy::disallowed_methods, reason = "a service asks the clock")]

mod access;
mod actions;
mod activity;
mod api;
mod app;
mod config;
mod database;
mod destinations;
mod incoming;
mod new_key;
mod operations;
mod outgoing;
mod page;
mod problem;
mod service;
mod settings;
mod spans;
mod trace_context;

pub use self::config::{
    Config, ConfigError, ConfigKey, ConfigProblem, DatabasePlace, LogFormat, Place, TlsFiles,
};
pub use self::database::Database;
pub use self::problem::Problem;
pub use self::service::{Service, StartError};
pub use self::settings::{Destination, Form, Settings, Source};
