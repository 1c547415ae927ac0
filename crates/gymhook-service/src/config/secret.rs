//! Reads the secrets of the configuration, `${NAME}` or `file:PATH`: from the environment or from a file, never
//! written into it.

use std::collections::BTreeMap;
use std::path::Path;

use gymhook::secret_source::{SecretFormat, from_file};
use gymhook::signature::{Secret, SecretError};

use super::document::Entry;

/// How a secret is encoded, as the file writes it.
pub(super) const FORMATS: [(&str, SecretFormat); 4] = [
    ("text", SecretFormat::Text),
    ("hex", SecretFormat::Hex),
    ("base64", SecretFormat::Base64),
    ("whsec", SecretFormat::Whsec),
];

const WANTED: &str = "write \"${NAME}\" for an environment variable, or \"file:PATH\" for a file";

/// Where secrets come from, besides files.
pub(super) type Variables = BTreeMap<String, String>;

/// The secret that an entry refers to.
pub(super) fn read(entry: &Entry, format: SecretFormat, variables: &Variables) -> Result<Secret, String> {
    resolve(entry.text()?, entry, format, variables)
}

/// The secret that a text of this entry refers to.
pub(super) fn resolve(
    text: &str,
    entry: &Entry,
    format: SecretFormat,
    variables: &Variables,
) -> Result<Secret, String> {
    if let Some(path) = text.strip_prefix("file:") {
        let loaded = from_file(entry.relative(Path::new(path)), format).map_err(|error| error.to_string())?;
        return Ok(loaded.into_secret());
    }
    // What came from a variable has no other place to be.
    let (name, value) = match (variable(text), &entry.place) {
        (Some(name), _) => (name, variables.get(name).map(String::as_str)),
        (None, super::Place::Variable(name)) => (name.as_str(), Some(text)),
        (None, super::Place::File { .. }) => {
            return Err(format!(
                "a secret does not belong in this file, which is copied and shown: {WANTED}"
            ));
        }
    };
    let Some(value) = value else {
        return Err(format!(
            "environment variable {name} is not set: set it to the secret, or correct its name"
        ));
    };
    decode(value, format).map_err(|problem| format!("environment variable {name}: {problem}"))
}

/// A text of the configuration that is a secret or refers to one, such as a database's URL with its password.
pub(super) fn text(entry: &Entry, variables: &Variables) -> Result<String, String> {
    let secret = read(entry, SecretFormat::Text, variables)?;
    String::from_utf8(secret.expose_secret().to_vec()).map_err(|_| "this is not UTF-8".to_owned())
}

/// `${NAME}`, and nothing else.
pub(super) fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

/// One line end at its end is cut, as from a file.
fn decode(text: &str, format: SecretFormat) -> Result<Secret, SecretError> {
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    match format {
        SecretFormat::Hex => Secret::from_hex(text),
        SecretFormat::Base64 => Secret::from_base64(text),
        SecretFormat::Whsec => Secret::from_whsec(text),
        SecretFormat::Text | _ => Secret::new(text),
    }
}
