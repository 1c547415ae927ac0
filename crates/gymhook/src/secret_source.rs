//! [`from_env`] and [`from_file`]: secrets from an environment variable or a file: the only module of this crate that
//! reads either, and only when called.

use core::fmt;
use std::env::{self, VarError};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use gymhook_signature::{Secret, SecretError};
use zeroize::Zeroizing;

/// The largest file that is read: 64 KiB.
pub const MAX_FILE_BYTES: usize = 64 * 1024;

/// How the secret is encoded.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum SecretFormat {
    /// As it is: the bytes are the secret ([`Secret::new`]).
    Text,
    /// In hexadecimal ([`Secret::from_hex`]).
    Hex,
    /// In base64 ([`Secret::from_base64`]).
    Base64,
    /// As Standard Webhooks writes it, `whsec_…` ([`Secret::from_whsec`]).
    Whsec,
}

/// Where a secret was read from; `Display` gives its name.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SecretPlace {
    /// The environment variable of this name.
    Variable(String),
    /// The file at this path.
    File(PathBuf),
}

/// The line end that was removed from the end of the text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LineEnd {
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
}

/// A secret with its place and the line end that was removed from it. `Display` is a log line, without the secret.
#[derive(Debug)]
pub struct LoadedSecret {
    secret: Secret,
    place: SecretPlace,
    line_end_cut: Option<LineEnd>,
}

/// Reads a secret from an environment variable, and removes one trailing line end.
///
/// ```
/// use gymhook::secret_source::{SecretFormat, from_env};
///
/// match from_env("POINT_SIGNING_SECRET", SecretFormat::Text) {
///     Ok(loaded) => println!("{loaded}"), // the place, what was removed, and what looks odd
///     Err(error) => println!("{error}"),  // the variable, and what to do
/// }
/// ```
///
/// # Errors
/// All of them are caused by the configuration:
/// - [`SecretSourceError::VariableMissing`], [`SecretSourceError::VariableNotUnicode`].
/// - [`SecretSourceError::Unusable`]: the text is empty or not in that format.
pub fn from_env(variable: &str, format: SecretFormat) -> Result<LoadedSecret, SecretSourceError> {
    // No variable has a name with "=" or NUL.
    let text =
        env::var(variable).map(String::into_bytes).map(Zeroizing::new).map_err(|error| match error {
            VarError::NotPresent => SecretSourceError::VariableMissing { variable: variable.to_owned() },
            VarError::NotUnicode(value) => {
                drop(Zeroizing::new(value.into_encoded_bytes()));
                SecretSourceError::VariableNotUnicode { variable: variable.to_owned() }
            }
        })?;
    load(&text, SecretPlace::Variable(variable.to_owned()), format)
}

/// Reads a secret from a file, such as a container's secret mount, and removes one trailing line end.
///
/// A byte order mark is kept: it may belong to the secret, and [`Secret::hints`] names it.
///
/// # Errors
/// All of them are caused by the configuration:
/// - [`SecretSourceError::FileUnreadable`], [`SecretSourceError::FileTooLong`].
/// - [`SecretSourceError::Unusable`]: the file is empty or not in that format.
pub fn from_file(path: impl AsRef<Path>, format: SecretFormat) -> Result<LoadedSecret, SecretSourceError> {
    let path = path.as_ref();
    let unreadable =
        |error: io::Error| SecretSourceError::FileUnreadable { path: path.to_owned(), problem: error.kind() };
    // One allocation for all of it, so that growing leaves no copies behind.
    let mut bytes = Zeroizing::new(vec![0; MAX_FILE_BYTES + 1]);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = bytes.get_mut(filled..) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    if filled > MAX_FILE_BYTES {
        return Err(SecretSourceError::FileTooLong { path: path.to_owned(), max: MAX_FILE_BYTES });
    }
    load(bytes.get(..filled).unwrap_or_default(), SecretPlace::File(path.to_owned()), format)
}

fn load(bytes: &[u8], place: SecretPlace, format: SecretFormat) -> Result<LoadedSecret, SecretSourceError> {
    let (bytes, line_end_cut) = without_line_end(bytes);
    let decoded = |decode: fn(&str) -> Result<Secret, SecretError>| match core::str::from_utf8(bytes) {
        Ok(text) => Ok(decode(text)),
        Err(_) => Err(SecretSourceError::NotText { place: place.clone() }),
    };
    let secret = match format {
        SecretFormat::Text => Secret::new(bytes),
        SecretFormat::Hex => decoded(Secret::from_hex)?,
        SecretFormat::Base64 => decoded(Secret::from_base64)?,
        SecretFormat::Whsec => decoded(Secret::from_whsec)?,
    };
    match secret {
        Ok(secret) => Ok(LoadedSecret { secret, place, line_end_cut }),
        Err(problem) => Err(SecretSourceError::Unusable { place, problem }),
    }
}

fn without_line_end(bytes: &[u8]) -> (&[u8], Option<LineEnd>) {
    match bytes {
        [rest @ .., b'\r', b'\n'] => (rest, Some(LineEnd::CrLf)),
        [rest @ .., b'\n'] => (rest, Some(LineEnd::Lf)),
        _ => (bytes, None),
    }
}

impl LoadedSecret {
    /// The secret, to make a [`Key`](gymhook_signature::Key) of.
    #[must_use]
    pub fn into_secret(self) -> Secret {
        self.secret
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Where it was read from.
    #[must_use]
    pub fn place(&self) -> &SecretPlace {
        &self.place
    }

    /// The line end that was removed, if there was one.
    #[must_use]
    pub fn line_end_cut(&self) -> Option<LineEnd> {
        self.line_end_cut
    }
}

impl fmt::Display for LoadedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read a secret from {}", self.place)?;
        if let Some(line_end) = self.line_end_cut {
            write!(f, "; cut one line end ({line_end}) from its end")?;
        }
        self.secret.hints().try_for_each(|hint| write!(f, "; it {hint}"))
    }
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "environment variable {}", name.escape_debug()),
            Self::File(path) => write!(f, "file {path:?}"),
        }
    }
}

impl fmt::Display for LineEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lf => "\\n",
            Self::CrLf => "\\r\\n",
        })
    }
}

/// Why a secret could not be read. Caused by the configuration; no byte of the secret is shown.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretSourceError {
    /// The variable is not set.
    #[error("environment variable {} is not set: set it to the secret, or correct its name", variable.escape_debug())]
    VariableMissing {
        /// The variable's name.
        variable: String,
    },
    /// The variable's value is not Unicode.
    #[error("environment variable {} is not Unicode: put the secret into a file, or encode it in base64", variable.escape_debug())]
    VariableNotUnicode {
        /// The variable's name.
        variable: String,
    },
    /// The file cannot be read.
    #[error("file {path:?} cannot be read ({problem}): check its path and who may read it")]
    FileUnreadable {
        /// The file's path.
        path: PathBuf,
        /// What the system said.
        problem: io::ErrorKind,
    },
    /// The file is too long for a secret.
    #[error("file {path:?} has more than {max} bytes: is it the right file?")]
    FileTooLong {
        /// The file's path.
        path: PathBuf,
        /// The largest number of bytes.
        max: usize,
    },
    /// What was read is not UTF-8, and the format is text.
    #[error(
        "{place} is not UTF-8: is it in another encoding (UTF-16), or are the bytes themselves the secret?"
    )]
    NotText {
        /// Where it was read from.
        place: SecretPlace,
    },
    /// The text is not a secret in that format.
    #[error("{place}: {problem}")]
    Unusable {
        /// Where it was read from.
        place: SecretPlace,
        /// What is wrong with it.
        problem: SecretError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(bytes: &[u8]) -> LoadedSecret {
        load(bytes, SecretPlace::Variable("POINT_SECRET".to_owned()), SecretFormat::Text).unwrap()
    }

    #[test]
    fn cuts_exactly_one_line_end_and_says_so() {
        for (given, kept, cut) in [
            (b"abc".as_slice(), b"abc".as_slice(), None),
            (b"abc\n", b"abc", Some(LineEnd::Lf)),
            (b"abc\r\n", b"abc", Some(LineEnd::CrLf)),
            (b"abc\n\n", b"abc\n", Some(LineEnd::Lf)),
            (b"abc\r\n\r\n", b"abc\r\n", Some(LineEnd::CrLf)),
            (b"abc\r", b"abc\r", None),
            (b"\nabc ", b"\nabc ", None),
            (b"\xef\xbb\xbfabc\n", b"\xef\xbb\xbfabc", Some(LineEnd::Lf)),
        ] {
            let loaded = load_text(given);
            assert_eq!((loaded.secret().expose_secret(), loaded.line_end_cut()), (kept, cut), "{given:?}");
        }
    }

    #[test]
    fn its_line_in_the_log_says_where_what_was_cut_and_what_looks_odd() {
        assert_eq!(load_text(b"abc").to_string(), "read a secret from environment variable POINT_SECRET");
        assert_eq!(
            load_text(b"\xef\xbb\xbfabc\r\n").to_string(),
            "read a secret from environment variable POINT_SECRET; cut one line end (\\r\\n) from its end; \
             it begins with a byte order mark: was it read from a file that an editor wrote?"
        );
        let printed = format!("{0} {0:?}", load_text(b"canary"));
        assert!(!printed.contains("canary"), "{printed}");
    }
}
