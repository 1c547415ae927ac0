//! A gateway with things to look at, and a real browser that looks at them.

mod axe;
mod browser;
mod demo;
mod gateway;
mod receiver;
mod request;
mod screens;

pub use axe::axe_script;
pub use browser::{Browser, Result, Scheme, is_skipped};
pub use demo::{Demo, HOSTILE};
pub use gateway::{EGYM_KEY, Gateway};
pub use request::send;
pub use screens::{Screen, screens};
