//! The endpoint of `gymhook listen`: it verifies, shows, records and forwards what arrives. `commands/listen.rs` has
//! the options.

mod forward;
#[cfg(feature = "tui")]
mod forward_again;
mod judge;
mod rehearsal;
mod server;
mod shown_request;
mod summary;
mod viewer;

pub(crate) use self::forward::{Form, Forward, OF_THE_CONNECTION};
pub(crate) use self::judge::Judge;
pub(crate) use self::rehearsal::RehearsalArgs;
pub(crate) use self::server::{Listener, Settings};
pub(crate) use self::viewer::Viewer;
#[cfg(feature = "tui")]
pub(crate) use self::{
    shown_request::{Clock, Shown, Whole},
    summary::Summary,
    viewer::{Viewed, Viewing, Waiting},
};
