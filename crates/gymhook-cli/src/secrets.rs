//! `SecretArgs`: reads secrets from the environment, a file or a hidden prompt, never from an argument, into the
//! `Keys` of a command.

use std::env;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gymhook::event::Vendor;
use gymhook::secret_source::{self, SecretFormat};
use gymhook::signature::{ApiKey, Key, Keyring, Secret};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::Output;
use crate::platform::Platform;

/// The variable of the one secret; with `_` and a key id behind it, one of several.
pub(crate) const VARIABLE: &str = "GYMHOOK_SECRET";

/// Where the secret is.
#[derive(Args, Debug)]
pub(crate) struct SecretArgs {
    /// A file that holds a secret; one line end at its end is cut. May be given several times; `ID=FILE` names the key
    #[arg(long, value_name = "[ID=]FILE", help_heading = "Secret")]
    secret_file: Vec<String>,
    /// How the secret is written: as it is, or encoded [default: whsec for standard-webhooks, text for all others]
    #[arg(long, value_name = "FORMAT", help_heading = "Secret")]
    secret_format: Option<Format>,
    /// Ask for the secret, without showing it, though there is one in the environment
    #[arg(long, conflicts_with = "secret_file", help_heading = "Secret")]
    secret_prompt: bool,
    /// Taken so that it can be refused with the reason, and never printed.
    #[arg(long = "secret", hide = true, num_args = 0..=1, require_equals = false)]
    forbidden: Option<Option<String>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// The bytes of the text are the secret
    Text,
    /// Hexadecimal
    Hex,
    /// Base64
    Base64,
    /// `whsec_` and base64, as Standard Webhooks writes it
    Whsec,
}

impl From<Format> for SecretFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Hex => Self::Hex,
            Format::Base64 => Self::Base64,
            Format::Whsec => Self::Whsec,
        }
    }
}

/// The keys that were found.
#[derive(Debug)]
pub(crate) struct Keys {
    keys: Vec<Key>,
}

impl Keys {
    /// A keyring of these secrets, as often as one is wanted: a keyring cannot be copied.
    pub(crate) fn keyring(&self) -> Result<Keyring, Failure> {
        let keys = self.keys.iter().map(copy).collect::<Result<Vec<_>, _>>()?;
        Keyring::new(keys).map_err(Failure::usage)
    }

    /// The keys that are named after the platform, else those that are named after none.
    pub(crate) fn of(&self, platform: Platform) -> Result<Option<Self>, Failure> {
        let has_own = self.keys.iter().any(|key| is_named_after(key.id().as_str(), platform));
        let chosen = self.keys.iter().filter(|key| is_for(key.id().as_str(), platform, has_own));
        let keys = chosen.map(copy).collect::<Result<Vec<_>, _>>()?;
        Ok((!keys.is_empty()).then_some(Self { keys }))
    }

    /// The secrets' bytes, to try other forms of them; never to print.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|key| key.secret().expose_secret())
    }
}

/// Headers that never hold a key.
const HARMLESS: [&str; 5] = ["accept", "content-length", "content-type", "host", "user-agent"];

/// Whether a header of a request to this platform may hold a key, which is not to be shown; a signature is none.
pub(crate) fn may_hold_key(platform: &str, header: &str) -> bool {
    let platform = Platform::ALL.into_iter().find(|known| known.name() == platform);
    let sends_its_key = matches!(platform, Some(Platform::Of(Vendor::EGYM | Vendor::PG_NEXT)));
    // The key may be in any header: --signature-header names one, and a refused request may have it elsewhere.
    sends_its_key && !HARMLESS.contains(&header)
        || header == ApiKey::HEADER.as_str()
        || ["authorization", "proxy-authorization", "cookie"].contains(&header)
}

fn is_named_after(id: &str, platform: Platform) -> bool {
    id.replace('_', "-") == platform.name()
}

/// Whether a key is for the platform: those that are named after it, if it has any, else those that are named after none.
fn is_for(id: &str, platform: Platform, has_own: bool) -> bool {
    let is_of_another = || Platform::ALL.into_iter().any(|other| is_named_after(id, other));
    is_named_after(id, platform) || (!has_own && !is_of_another())
}

fn copy(key: &Key) -> Result<Key, Failure> {
    let secret = Secret::new(key.secret().expose_secret()).map_err(Failure::usage)?;
    Ok(Key::new(key.id().clone(), secret))
}

impl SecretArgs {
    /// The first option that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [
            ("--secret-file", !self.secret_file.is_empty()),
            ("--secret-format", self.secret_format.is_some()),
            ("--secret-prompt", self.secret_prompt),
        ];
        options.into_iter().find_map(|(name, given)| given.then_some(name))
    }

    /// Refuses a secret on the command line, also where none is needed.
    pub(crate) fn refuse_argument(&self) -> Result<(), Failure> {
        match self.forbidden {
            None => Ok(()),
            Some(_) => Err(Failure::usage(format!(
                "a secret in an argument is seen by everyone who may list processes: set {VARIABLE}, or name a file with --secret-file"
            ))),
        }
    }

    /// Reads the secrets: from files if any is named, else from the environment, else from a prompt. A variable that is named
    /// after another platform is that platform's.
    pub(crate) fn load(&self, platform: Platform, output: &Output) -> Result<Keys, Failure> {
        let format = self.format(Some(platform));
        let mut variables = variables();
        let has_own = variables.iter().any(|(id, _)| is_named_after(id, platform));
        variables.retain(|(id, _)| is_for(id, platform, has_own));
        self.named(format, &variables, output)?.map_or_else(|| prompt(platform.name(), format), Ok)
    }

    /// As [`SecretArgs::load`], for all five platforms.
    pub(crate) fn load_all(&self, output: &Output) -> Result<Keys, Failure> {
        let format = self.format(None);
        self.named(format, &variables(), output)?.map_or_else(|| prompt("all platforms", format), Ok)
    }

    /// The secrets that nobody has to be asked for.
    fn named(
        &self,
        format: Format,
        variables: &[(String, String)],
        output: &Output,
    ) -> Result<Option<Keys>, Failure> {
        self.refuse_argument()?;
        if self.secret_prompt {
            return Ok(None);
        }
        let mut keys = Vec::new();
        for named in &self.secret_file {
            let (id, path) = named.split_once('=').map_or_else(
                || (key_id_of_file(named), PathBuf::from(named)),
                |(id, path)| (id.to_owned(), PathBuf::from(path)),
            );
            let loaded = secret_source::from_file(path, format.into()).map_err(Failure::usage)?;
            keys.push(key(id, loaded, output));
        }
        if keys.is_empty() {
            for (id, variable) in variables {
                let loaded = secret_source::from_env(variable, format.into()).map_err(Failure::usage)?;
                keys.push(key(id.clone(), loaded, output));
            }
        }
        Ok((!keys.is_empty()).then_some(Keys { keys }))
    }

    fn format(&self, platform: Option<Platform>) -> Format {
        self.secret_format.unwrap_or(match platform {
            Some(Platform::StandardWebhooks) => Format::Whsec,
            Some(Platform::Of(_)) | None => Format::Text,
        })
    }
}

fn prompt(whose: &str, format: Format) -> Result<Keys, Failure> {
    let none = || {
        Failure::usage(format!(
            "no secret: set {VARIABLE} (or {VARIABLE}_<KEYID> for each of several), or name a file with --secret-file"
        ))
    };
    if !std::io::stderr().is_terminal() {
        return Err(none());
    }
    let text = rpassword::prompt_password(format!("secret of {whose}: ")).map_err(|_| none())?;
    let text = Zeroizing::new(text);
    let secret = match format {
        Format::Text => Secret::new(text.as_bytes()),
        Format::Hex => Secret::from_hex(&text),
        Format::Base64 => Secret::from_base64(&text),
        Format::Whsec => Secret::from_whsec(&text),
    };
    let secret = secret.map_err(Failure::usage)?;
    Ok(Keys { keys: vec![Key::new("prompt", secret)] })
}

/// Ids and names of the variables that hold secrets, in the order of the ids.
fn variables() -> Vec<(String, String)> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut found: Vec<_> = names
        .filter_map(|name| {
            let id = name.strip_prefix(VARIABLE)?;
            match id.strip_prefix('_') {
                Some(id) if !id.is_empty() => Some((id.to_lowercase(), name.clone())),
                None if id.is_empty() => Some(("main".to_owned(), name.clone())),
                Some(_) | None => None,
            }
        })
        .collect();
    found.sort();
    found
}

fn key_id_of_file(path: &str) -> String {
    PathBuf::from(path)
        .file_stem()
        .map_or_else(|| "file".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Says what was cut and what looks odd, without the secret.
fn key(id: String, loaded: secret_source::LoadedSecret, output: &Output) -> Key {
    if loaded.line_end_cut().is_some()
        || loaded.secret().hints().any(gymhook::signature::SecretHint::is_at_an_edge)
    {
        output.note(&loaded.to_string());
    }
    Key::new(id, loaded.into_secret())
}
