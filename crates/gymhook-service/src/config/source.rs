//! Reads `[[sources]]` of the configuration: name, path, platform, scheme and keys of each, and checks the form of
//! names and paths.

use std::sync::Arc;

use gymhook::event::Vendor;
use gymhook::signature::{ApiKey, Encoding, Key, Keyring, RequestIdMd5, SignatureScheme, vendor};
use gymhook::{Provider, Receiver};
use http::HeaderName;

use super::document::{Entry, Section, unknown};
use super::problem::Problems;
use super::secret::{self, FORMATS, Variables};
use crate::Source;
use crate::incoming::check_name;

const ENCODINGS: [(&str, Encoding); 3] =
    [("hex", Encoding::Hex), ("hex-any-case", Encoding::HexAnyCase), ("base64", Encoding::Base64)];

/// How the signature is written, where the platform's page leaves it open.
#[derive(Default)]
struct Form {
    header: Option<HeaderName>,
    encoding: Option<Encoding>,
    prefix: Option<String>,
}

pub(super) fn read(mut section: Section, variables: &Variables, problems: &mut Problems) -> Option<Source> {
    let place = section.place.clone();
    let name = section.take_required("name", "a name for this source, such as \"egym\"", problems, name);
    let vendor = section.take_required(
        "platform",
        "egym, gympoint, perfectgym, pg-next or point",
        problems,
        |entry| {
            let platforms: Vec<_> = Vendor::ALL.iter().map(|vendor| (vendor.as_str(), *vendor)).collect();
            entry.one_of(&platforms)
        },
    );
    let path = section.take("path", problems, path);
    let header = "write a header's name, such as \"x-signature\"";
    let form = Form {
        header: section.take("signature_header", problems, |entry| entry.parsed(header)),
        encoding: section.take("signature_encoding", problems, |entry| entry.one_of(&ENCODINGS)),
        prefix: section.take("signature_prefix", problems, |entry| entry.text().map(str::to_owned)),
    };
    let has_keys = section.has("keys");
    let keys = section.take_sections("keys", problems);
    let keys: Vec<_> = keys.into_iter().map(|section| key(section, variables, problems)).collect();
    if !has_keys {
        let problem =
            "this key is missing: nothing can be proved without a [[sources.keys]] with id and secret";
        problems.add(&place, section.key_of("keys"), problem);
    }
    let path_of_section = section.path.clone();
    section.finish(problems);
    if keys.is_empty() {
        return None;
    }
    let (name, vendor) = (name?, vendor?);
    let keys: Vec<Key> = keys.into_iter().collect::<Option<_>>()?;
    let receiver = receiver(vendor, form, keys)
        .map_err(|problem| problems.add(&place, path_of_section, problem))
        .ok()?;
    let mut source = Source::new(name, receiver);
    if let Some(path) = path {
        source.path = path;
    }
    Some(source)
}

fn receiver(vendor: Vendor, form: Form, keys: Vec<Key>) -> Result<Receiver, String> {
    let provider = Provider::of(vendor).ok_or_else(|| unknown(vendor.as_str(), core::iter::empty()))?;
    let provider = match form.scheme(vendor)? {
        Some(scheme) => provider.with_shared_scheme(scheme),
        None => provider,
    };
    let keyring = Keyring::new(keys).map_err(|error| error.to_string())?;
    Receiver::new(&provider, keyring).map_err(|error| error.to_string())
}

impl Form {
    /// The platform's scheme, if anything of it was set.
    fn scheme(self, platform: Vendor) -> Result<Option<Arc<dyn SignatureScheme>>, String> {
        let Self { header, encoding, prefix } = self;
        if header.is_none() && encoding.is_none() && prefix.is_none() {
            return Ok(None);
        }
        let means_nothing = |what: &str| Err(format!("{what} means nothing for {platform}: leave it out"));
        let has_signature = matches!(platform, Vendor::GYMPOINT | Vendor::PERFECTGYM | Vendor::POINT);
        if prefix.is_some() && platform != Vendor::GYMPOINT {
            return means_nothing("signature_prefix");
        }
        if encoding.is_some() && !has_signature {
            return means_nothing("signature_encoding");
        }
        let scheme: Arc<dyn SignatureScheme> = match platform {
            Vendor::GYMPOINT => {
                let mut scheme = vendor::gympoint();
                if let Some(header) = header {
                    scheme = scheme.with_header(header);
                }
                if let Some(encoding) = encoding {
                    scheme = scheme.with_encoding(encoding);
                }
                if let Some(prefix) = prefix {
                    scheme = scheme.with_prefix(prefix.as_str());
                }
                Arc::new(scheme)
            }
            Vendor::PERFECTGYM => {
                let mut scheme = RequestIdMd5::new();
                if let Some(header) = header {
                    scheme = scheme.with_signature_header(header);
                }
                if let Some(encoding) = encoding {
                    scheme = scheme.with_encoding(encoding);
                }
                Arc::new(scheme)
            }
            Vendor::POINT => {
                let mut scheme = vendor::point();
                if let Some(header) = header {
                    scheme = scheme.with_header(header);
                }
                if let Some(encoding) = encoding {
                    scheme = scheme.with_encoding(encoding);
                }
                Arc::new(scheme)
            }
            _ => Arc::new(ApiKey::new().with_header(header.unwrap_or(ApiKey::HEADER))),
        };
        Ok(Some(scheme))
    }
}

fn key(mut section: Section, variables: &Variables, problems: &mut Problems) -> Option<Key> {
    let id = section.take_required("id", "a name for this key, such as \"berlin-2026-06\"", problems, name);
    let studio = section.take("studio", problems, |entry| entry.text().map(str::to_owned));
    let format = section.take("encoding", problems, |entry| entry.one_of(&FORMATS));
    let format = format.unwrap_or(gymhook::secret_source::SecretFormat::Text);
    let wanted = "write secret = \"${NAME}\" or secret = \"file:PATH\"";
    let secret =
        section.take_required("secret", wanted, problems, |entry| secret::read(entry, format, variables));
    let from = section.take("from", problems, Entry::time);
    let until_place = section.place_of("until");
    let until = section.take("until", problems, Entry::time);
    if let (Some(from), Some(until)) = (from, until)
        && until <= from
    {
        problems.add(
            &until_place,
            section.key_of("until"),
            "this is not after from: the key would never be valid",
        );
    }
    section.finish(problems);
    let mut key = Key::new(id?, secret?);
    if let Some(studio) = studio {
        key = key.with_tenant(studio);
    }
    if let Some(from) = from {
        key = key.valid_from(from);
    }
    if let Some(until) = until {
        key = key.valid_until(until);
    }
    Some(key)
}

/// A name that fits into paths, headers and file names.
pub(super) fn name(entry: &Entry) -> Result<String, String> {
    let name = entry.text()?;
    check_name(name).map_err(|problem| format!("{name:?} is not a valid name: {problem}"))?;
    Ok(name.to_owned())
}

fn path(entry: &Entry) -> Result<String, String> {
    let path = entry.text()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_./~".contains(c);
    let is_plain = path.starts_with('/') && path.len() > 1 && path.chars().all(fits);
    if !is_plain || path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(format!(
            "{path:?} is not a valid path: begin with \"/\", then use letters, digits, \"-\", \"_\", \".\" and \"/\""
        ));
    }
    match crate::incoming::taken_path(path) {
        Some(taken) => {
            Err(format!("the service itself answers at {taken}: choose another path, such as \"/in/egym\""))
        }
        None => Ok(path.to_owned()),
    }
}
