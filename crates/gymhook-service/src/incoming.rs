//! The receiving half of the gateway: sources, the relay to destinations, and refused requests; `check_name` of a
//! source.

mod counts;
mod key_windows;
mod refusal_log;
mod refusals;
mod relay;
mod sources;

pub(crate) use self::key_windows::{KeyState, KeyWindow};
pub(crate) use self::refusal_log::{RefusalPage, RefusalQuery};
pub(crate) use self::refusals::RefusedRequest;
pub(crate) use self::relay::Relay;
pub(crate) use self::sources::{
    OpenSource, SourceState, SourceStatus, Sources, check as check_sources, taken as taken_path,
};

/// The longest name of a source or a destination, in bytes. Our limit.
const LONGEST_NAME: usize = 64;

/// Names of sources and destinations are parts of paths and values of headers.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let only_dots = name.bytes().all(|byte| byte == b'.');
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) || only_dots {
        return Err("a name is 1 to 64 letters, digits, \"-\", \"_\" and \".\", and not dots alone");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_part_of_a_path() {
        for name in ["egym", "PG.Next_2-b", "a", &"a".repeat(64)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "a%2f", "ö", "a\n", "a\0", &"a".repeat(65)] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
