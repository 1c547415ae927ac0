//! The API of a running `gymhook serve`, as the commands use it.

mod server;
mod tail;

pub(crate) use self::server::{Api, ServerArgs, segment};
pub(crate) use self::tail::Tail;

/// A field of a record as people read it; nothing if it is not there.
pub(crate) fn field(record: &serde_json::Value, name: &str) -> String {
    match record.get(name) {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => crate::output::shown(text).into_owned(),
        Some(other) => other.to_string(),
    }
}
