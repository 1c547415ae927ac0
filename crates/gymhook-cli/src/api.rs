//! The API of a running `gymhook serve`, as the commands `log`, `redeliver`, `subscriptions`, `keys` and `stats` use
//! it.

mod server;
mod tail;

pub(crate) use self::server::{Api, ServerArgs, segment};
pub(crate) use self::tail::Tail;
