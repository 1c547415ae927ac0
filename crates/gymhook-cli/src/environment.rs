//! `variable` and `text_variable`: read environment variables. An empty one counts as not set.

use std::env;
use std::ffi::OsString;

/// The value of this variable, if it has one: a variable that is empty is one that a script has not filled.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    filled(env::var_os(name))
}

/// The same, if it is UTF-8.
pub(crate) fn text_variable(name: &str) -> Option<String> {
    variable(name)?.into_string().ok()
}

fn filled(value: Option<OsString>) -> Option<OsString> {
    value.filter(|value| !value.as_encoded_bytes().trim_ascii().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        for (value, expected) in [
            (None, None),
            (Some(""), None),
            (Some(" \n"), None),
            (Some(" a "), Some(" a ")),
            (Some("a"), Some("a")),
        ] {
            assert_eq!(filled(value.map(OsString::from)), expected.map(OsString::from), "{value:?}");
        }
    }
}
