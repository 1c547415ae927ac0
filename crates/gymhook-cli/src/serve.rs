//! `gymhook serve`: the process around the service.

mod database;
mod listener;
mod logs;
mod signals;
mod tls;

pub(crate) use self::database::open as open_database;
pub(crate) use self::listener::{Limits, Listener};
pub(crate) use self::logs::start as start_logs;
pub(crate) use self::signals::{Asked, Signals, Stopping};
pub(crate) use self::tls::Certificates;
