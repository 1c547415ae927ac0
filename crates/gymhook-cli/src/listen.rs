//! A local endpoint that verifies, shows, records and passes on what arrives.

mod forward;
mod judge;
mod rehearsal;
mod server;
mod show;

pub(crate) use self::forward::{Form, Forward, OF_THE_CONNECTION};
pub(crate) use self::judge::Judge;
pub(crate) use self::rehearsal::RehearsalArgs;
pub(crate) use self::server::{Listener, Settings};
pub(crate) use self::show::Viewer;
