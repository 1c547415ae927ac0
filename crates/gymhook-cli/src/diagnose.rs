//! Explains why a request was refused: `hints` tries which changes would make its signature match.
//!
//! A refusal says only that nothing matched. Here everything that people confuse is tried: the secret in other forms, the body
//! before it was changed, other ways of signing, other headers. What matches is the answer.

mod forms;
mod json_text;
mod times;
mod tokens;
mod variants;

use gymhook::event::Vendor;
use gymhook::signature::{SignatureScheme, VerifyError};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;
use time::UtcDateTime;

use self::forms::{FORMS, Form, Parts};
use self::tokens::{Token, tokens};
use self::variants::{BodyVariant, SecretVariant, Variant};
use crate::commands::shell_word;
use crate::platform::Platform;
use crate::schemes::{SchemeArgs, TextEncoding};
use crate::secrets::Keys;

/// What to try next.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Hint {
    /// A stable name, such as `secret-line-end`.
    pub(crate) code: &'static str,
    /// A sentence.
    pub(crate) text: String,
    /// What to add to the command line, where that helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<String>,
}

impl Hint {
    fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), arguments: None }
    }

    fn with(self, arguments: impl Into<String>) -> Self {
        Self { arguments: Some(arguments.into()), ..self }
    }
}

/// A refused request, with all that was known when it was judged.
#[derive(Debug)]
pub(crate) struct Refused<'r> {
    pub(crate) platform: Platform,
    pub(crate) scheme: &'r dyn SignatureScheme,
    pub(crate) settings: &'r SchemeArgs,
    pub(crate) keys: &'r Keys,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: &'r [u8],
    pub(crate) error: &'r VerifyError,
    /// When the capture says that the request was sent.
    pub(crate) captured_at: Option<UtcDateTime>,
    pub(crate) now: UtcDateTime,
}

/// More hints than this say less.
const MAX_HINTS: usize = 3;

/// What would match, where the platform signs.
const SIGNATURE: &str = "signature";

/// Bodies above this are not combined with other secrets.
const MAX_COMBINED: usize = 256 << 10;

pub(crate) fn hints(refused: &Refused<'_>) -> Vec<Hint> {
    if matches!(refused.error, VerifyError::TimestampTooOld { .. } | VerifyError::TimestampTooNew { .. }) {
        return times::hints(refused);
    }
    let mut hints = match refused.platform {
        Platform::Of(Vendor::EGYM | Vendor::PG_NEXT) => shared_key(refused),
        Platform::Of(_) | Platform::StandardWebhooks => Vec::new(),
    };
    if hints.is_empty() {
        hints = signature(refused);
    }
    hints.truncate(MAX_HINTS);
    if hints.is_empty() {
        hints.extend(circumstances(refused));
        hints.push(nothing_matched(refused));
    }
    hints
}

/// A bare key: which form of it was shown, or in which header.
fn shared_key(refused: &Refused<'_>) -> Vec<Hint> {
    let own = refused.scheme.header_names();
    let mut hints = Vec::new();
    for secret in refused.keys.secrets() {
        for (name, value) in refused.headers {
            let value = value.as_bytes();
            if own.contains(name) {
                let shown =
                    variants::secrets(secret).into_iter().find(|variant| variant.bytes.as_slice() == value);
                hints.extend(shown.map(|variant| would_match("key", &variant)));
            } else if value == secret {
                let text = format!(
                    "header {name} holds the key: is a proxy in between, or is it another sender's scheme?"
                );
                hints.push(
                    Hint::new("key-in-other-header", text)
                        .with(format!("--signature-header {}", shell_word(name.as_str()))),
                );
            } else if value.strip_prefix(b"Bearer ").is_some_and(|key| key == secret) {
                let text = format!(
                    "header {name} holds the key behind \"Bearer \", which the platform does not send: is it another sender?"
                );
                hints.push(Hint::new("key-in-other-header", text));
            }
        }
    }
    hints
}

/// `what` is what would match: the signature, or the key that a request shows.
fn would_match<B>(what: &str, variant: &Variant<B>) -> Hint {
    Hint::new(variant.code, format!("the {what} would match {}: {}", variant.what, variant.advice))
        .with_format(variant.code)
}

impl Hint {
    fn with_format(self, code: &str) -> Self {
        match code {
            "secret-hex" => self.with("--secret-format hex"),
            "secret-base64" => self.with("--secret-format base64"),
            "secret-whsec" => self.with("--secret-format whsec"),
            "secret-not-encoded" => self.with("--secret-format text"),
            _ => self,
        }
    }
}

/// Looks for a secret, a body and a way of signing that explain one of the request's tokens.
fn signature(refused: &Refused<'_>) -> Vec<Hint> {
    let search = Search { refused, tokens: tokens(refused.headers), parts: Parts::of(refused.headers) };
    let secrets: Vec<&[u8]> = refused.keys.secrets().collect();
    // The fewest changes first; as soon as some explain the request, more are not looked for.
    let as_it_is: Vec<Hint> = secrets.iter().flat_map(|secret| search.ways(secret)).collect();
    if !as_it_is.is_empty() {
        return as_it_is;
    }
    let others: Vec<SecretVariant> = secrets.iter().flat_map(|secret| variants::secrets(secret)).collect();
    let hints: Vec<Hint> = others.iter().filter_map(|variant| search.other_secret(variant)).collect();
    if !hints.is_empty() {
        return hints;
    }
    let bodies = variants::bodies(refused.body);
    let hints: Vec<Hint> = secrets
        .iter()
        .flat_map(|secret| bodies.iter().filter_map(|body| search.other_body(body, secret)))
        .collect();
    if !hints.is_empty() || refused.body.len() > MAX_COMBINED {
        return hints;
    }
    let both = others.iter().find_map(|secret| {
        let body =
            bodies.iter().find(|body| search.explains(search.own(), &body.bytes, &secret.bytes).is_some())?;
        Some(vec![would_match(SIGNATURE, secret), would_match(SIGNATURE, body)])
    });
    both.unwrap_or_default()
}

struct Search<'r> {
    refused: &'r Refused<'r>,
    tokens: Vec<Token>,
    parts: Parts<'r>,
}

impl Search<'_> {
    /// The platform's own way of signing.
    fn own(&self) -> Option<&'static Form> {
        FORMS.iter().find(|form| form.platform == Some(self.refused.platform.name()))
    }

    fn explains(&self, form: Option<&Form>, body: &[u8], secret: &[u8]) -> Option<&Token> {
        let digest = form?.digest(&self.parts, body, secret)?;
        self.tokens.iter().find(|token| token.bytes == digest)
    }

    /// Other ways of signing with this secret, and other places for the signature.
    fn ways(&self, secret: &[u8]) -> Vec<Hint> {
        let found =
            FORMS.iter().find_map(|form| Some((form, self.explains(Some(form), self.refused.body, secret)?)));
        let Some((form, token)) = found else { return Vec::new() };
        match form.platform {
            Some(name) if name == self.refused.platform.name() => self.written_otherwise(token),
            Some(name) => {
                let text = format!(
                    "the signature would match as {name}'s: {} of {}",
                    form.algorithm.name(),
                    form.what
                );
                vec![Hint::new("other-platform", text).with(name)]
            }
            None => {
                let text = format!(
                    "header {} holds the {} of {}, which is not how {} signs: check the sender",
                    token.header,
                    form.algorithm.name(),
                    form.what,
                    self.refused.platform.name()
                );
                vec![Hint::new("other-algorithm", text)]
            }
        }
    }

    /// The signature is right, but in another header or in another form.
    fn written_otherwise(&self, token: &Token) -> Vec<Hint> {
        let mut hints = Vec::new();
        let signature_header = self.refused.scheme.header_names().into_iter().next_back();
        if signature_header.is_some_and(|own| own.as_str() != token.header) {
            let text =
                format!("header {} holds the right signature: the sender uses another header", token.header);
            hints.push(
                Hint::new("signature-header", text)
                    .with(format!("--signature-header {}", shell_word(token.header.as_str()))),
            );
        }
        let is_gympoint = self.refused.platform == Platform::Of(Vendor::GYMPOINT);
        if is_gympoint && !token.prefix.is_empty() && token.prefix != "sha256=" {
            let text = format!("the signature is right, but comes after {:?}", token.prefix);
            hints.push(
                Hint::new("signature-prefix", text).with(format!("--prefix {}", shell_word(&token.prefix))),
            );
        }
        let is_standard = self.refused.platform == Platform::StandardWebhooks;
        let default = if is_standard { TextEncoding::Base64 } else { TextEncoding::Hex };
        let wanted = self.refused.settings.encoding.unwrap_or(default);
        let encoding = match token.encoding {
            "hex" => TextEncoding::Hex,
            "upper-case hex" => TextEncoding::HexAnyCase,
            _ => TextEncoding::Base64,
        };
        if encoding != wanted && matches!(self.refused.error, VerifyError::MalformedHeader { .. }) {
            let hint = Hint::new(
                "signature-encoding",
                format!("the signature is right and written in {}", token.encoding),
            );
            let settable =
                !is_standard && (encoding == TextEncoding::HexAnyCase || !token.encoding.contains(' '));
            hints.push(if settable { hint.with(format!("--encoding {}", encoding.name())) } else { hint });
        } else if is_standard && self.lacks_version(token) {
            let text = format!(
                "header {} holds the right signature without \"v1,\" before it, which says how it was made: the sender has to write v1,<base64>",
                token.header
            );
            hints.push(Hint::new("signature-version", text));
        }
        if hints.is_empty() {
            let text = format!(
                "header {} holds the right signature for this secret and this body: what the refusal names is all that is wrong",
                token.header
            );
            hints.push(Hint::new("signature-right", text));
        }
        hints
    }

    /// Whether no signature in the token's header says that it is of Standard Webhooks' first version.
    fn lacks_version(&self, token: &Token) -> bool {
        let mut values = self.refused.headers.get_all(&token.header).iter();
        !values.any(|value| value.as_bytes().split(|byte| *byte == b' ').any(|part| part.starts_with(b"v1,")))
    }

    fn other_secret(&self, variant: &SecretVariant) -> Option<Hint> {
        let own = self.own();
        if self.explains(own, self.refused.body, &variant.bytes).is_some() {
            return Some(would_match(SIGNATURE, variant));
        }
        let other = FORMS.iter().find(|form| {
            form.platform.is_some() && self.explains(Some(form), self.refused.body, &variant.bytes).is_some()
        })?;
        let name = other.platform.unwrap_or_default();
        let text = format!("the signature would match as {name}'s, {}: {}", variant.what, variant.advice);
        Some(Hint::new("other-platform", text).with(name))
    }

    fn other_body(&self, variant: &BodyVariant, secret: &[u8]) -> Option<Hint> {
        self.explains(self.own(), &variant.bytes, secret)?;
        Some(would_match(SIGNATURE, variant))
    }
}

/// What is odd about the request, though it explains nothing for certain.
fn circumstances(refused: &Refused<'_>) -> Vec<Hint> {
    let mut hints = Vec::new();
    let own = refused.scheme.header_names();
    for platform in Platform::ALL.into_iter().filter(|platform| *platform != refused.platform) {
        let theirs = platform.scheme().header_names();
        let foreign = theirs.iter().find(|name| !own.contains(name) && refused.headers.contains_key(*name));
        if let Some(name) = foreign {
            let text = format!("the request has {name}, as {} sends: is it theirs?", platform.name());
            hints.push(Hint::new("other-platform-header", text).with(platform.name()));
        }
    }
    let length = refused
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if let Some(length) = length.filter(|length| *length != refused.body.len()) {
        let text = format!(
            "the body has {} bytes and Content-Length says {length}: it was cut or changed after it arrived",
            refused.body.len()
        );
        hints.push(Hint::new("body-length", text));
    }
    let says_form = refused.headers.get(header::CONTENT_TYPE).is_some_and(is_form);
    if says_form {
        hints.push(Hint::new(
            "content-type",
            "the request is a form, and the platforms send JSON: is it a webhook at all?",
        ));
    }
    hints
}

fn is_form(value: &HeaderValue) -> bool {
    value.as_bytes().to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded")
}

fn nothing_matched(refused: &Refused<'_>) -> Hint {
    let text = if let VerifyError::MissingHeader { .. } = refused.error {
        "nothing in the headers matches the secret: was one set on the platform's side, and does a proxy keep these headers?".to_owned()
    } else if let VerifyError::UnknownKey { .. } = refused.error {
        "no form of the secret is the key that was shown: it is another one; compare both with what the platform was given".to_owned()
    } else {
        format!(
            "{} forms of the secret and {} of the body were tried and none matches: it is another secret, or the body was changed in another way",
            refused.keys.secrets().map(|secret| variants::secrets(secret).len() + 1).sum::<usize>(),
            variants::bodies(refused.body).len() + 1
        )
    };
    Hint::new("nothing-matched", text)
}
