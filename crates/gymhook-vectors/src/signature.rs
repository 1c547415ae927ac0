//! `SignatureCase`, the kind `signature`: what a verifier must accept and refuse, and what it may claim as proved. It
//! reads schemes, keyrings and tolerances from a case.

use core::time::Duration;
use std::sync::Arc;

use gymhook_signature::{
    ApiKey, BodyHmac, Encoding, Key, Keyring, Proof, RequestIdMd5, Secret, SecretError, SignatureScheme,
    StandardWebhooks, TimeAssurance, TimeUnit, TimestampedHmac, Tolerance, Verifier, VerifyError, vendor,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use time::UtcDateTime;

use crate::case::{Check, Mismatch};
use crate::field::{FieldError, Object};

/// A request, the verifier that judges it, and the expected judgement.
#[derive(Debug)]
pub(crate) struct SignatureCase {
    verifier: Verifier,
    headers: HeaderMap,
    body: Vec<u8>,
    now: UtcDateTime,
    expect: Expect,
}

/// What is `None` is not compared.
#[derive(Debug)]
enum Expect {
    Accept { key: Option<String>, proves: Option<Vec<&'static str>> },
    Reject { reason: Option<&'static str> },
}

const COMPONENTS: [&str; 4] = ["sender", "body", "time", "id"];

const REASONS: [&str; 7] = [
    "missing-header",
    "duplicate-header",
    "malformed-header",
    "unknown-key",
    "signature-mismatch",
    "timestamp-too-old",
    "timestamp-too-new",
];

impl SignatureCase {
    pub(crate) fn read(case: &Object<'_>) -> Result<Box<dyn Check>, FieldError> {
        let verifier = Verifier::with_shared(read_scheme(case)?, read_keyring(case)?)
            .map_err(|error| case.invalid("keys", error))?;
        let headers = read_headers(case)?;
        let body = case.bytes("body_base64")?;
        let now = case.instant("now")?;
        if now.is_none() && verifier.scheme().assurance().time == TimeAssurance::Signed {
            return Err(case.missing("now"));
        }
        let expect = read_expect(&case.object("expect")?)?;
        Ok(Box::new(Self { verifier, headers, body, now: now.unwrap_or(UtcDateTime::UNIX_EPOCH), expect }))
    }
}

impl Check for SignatureCase {
    fn run(&self) -> Result<(), Mismatch> {
        let judged = self.verifier.verify(&self.headers, &self.body, self.now);
        let agrees = match (&self.expect, &judged) {
            (Expect::Accept { key, proves }, Ok(proof)) => {
                let proved: Vec<_> = proof.assurance().proved().collect();
                key.as_deref().is_none_or(|key| proof.key() == key)
                    && proves.as_ref().is_none_or(|proves| *proves == proved)
            }
            (Expect::Reject { reason }, Err(error)) => {
                reason.is_none_or(|reason| reason == error.reason().as_str())
            }
            (Expect::Accept { .. }, Err(_)) | (Expect::Reject { .. }, Ok(_)) => false,
        };
        if agrees {
            return Ok(());
        }
        Err(Mismatch { expected: self.expect.describe(), got: describe(&judged) })
    }

    fn judge(&self, answer: &Object<'_>) -> Result<Result<(), Mismatch>, FieldError> {
        let answered = read_expect(answer)?;
        let same = |expected: Option<&str>, got: Option<&str>| match (expected, got) {
            (Some(expected), Some(got)) => expected == got,
            (None, _) | (_, None) => true,
        };
        let agrees = match (&self.expect, &answered) {
            (
                Expect::Accept { key, proves },
                Expect::Accept { key: answered_key, proves: answered_proves },
            ) => {
                let proves_agree = match (proves, answered_proves) {
                    (Some(expected), Some(got)) => expected == got,
                    (None, _) | (_, None) => true,
                };
                same(key.as_deref(), answered_key.as_deref()) && proves_agree
            }
            (Expect::Reject { reason }, Expect::Reject { reason: answered }) => same(*reason, *answered),
            (Expect::Accept { .. }, Expect::Reject { .. })
            | (Expect::Reject { .. }, Expect::Accept { .. }) => false,
        };
        let mismatch = || Mismatch { expected: self.expect.describe(), got: answered.describe() };
        Ok(if agrees { Ok(()) } else { Err(mismatch()) })
    }
}

impl Expect {
    fn describe(&self) -> String {
        match self {
            Self::Accept { key, proves } => {
                let key = key.as_ref().map_or_else(|| "any key".to_owned(), |key| format!("key {key:?}"));
                let proves =
                    proves.as_ref().map_or_else(|| "anything".to_owned(), |proves| proves.join(", "));
                format!("accept by {key} proving {proves}")
            }
            Self::Reject { reason } => format!("reject for {}", reason.unwrap_or("any reason")),
        }
    }
}

fn describe(judged: &Result<Proof, VerifyError>) -> String {
    match judged {
        Ok(proof) => {
            let proved: Vec<_> = proof.assurance().proved().collect();
            format!("accept by key {:?} proving {}", proof.key().as_str(), proved.join(", "))
        }
        Err(error) => format!("reject for {} ({error})", error.reason()),
    }
}

fn read_expect(expect: &Object<'_>) -> Result<Expect, FieldError> {
    match expect.required("verdict")? {
        "accept" => {
            expect.only(&["verdict", "key", "proves"])?;
            Ok(Expect::Accept { key: expect.optional("key")?, proves: read_components(expect)? })
        }
        "reject" => {
            expect.only(&["verdict", "reason"])?;
            let known = |reason: &str| {
                let found = REASONS.into_iter().find(|known| *known == reason);
                found.ok_or_else(|| expect.invalid("reason", format!("no such reason: {reason:?}")))
            };
            Ok(Expect::Reject { reason: expect.optional::<&str>("reason")?.map(known).transpose()? })
        }
        other => Err(expect.invalid("verdict", format!("neither accept nor reject: {other:?}"))),
    }
}

/// The expected components in their canonical order: `proves` is a set.
fn read_components(expect: &Object<'_>) -> Result<Option<Vec<&'static str>>, FieldError> {
    let Some(named) = expect.optional::<Vec<&str>>("proves")? else { return Ok(None) };
    if let Some(unknown) = named.iter().find(|name| !COMPONENTS.contains(name)) {
        return Err(expect.invalid("proves", format!("no such component: {unknown:?}")));
    }
    Ok(Some(COMPONENTS.into_iter().filter(|component| named.contains(component)).collect()))
}

fn read_scheme(case: &Object<'_>) -> Result<Arc<dyn SignatureScheme>, FieldError> {
    let options = case.object("scheme")?;
    let header = read_header_name(&options)?;
    Ok(match options.required("type")? {
        "api-key" => {
            options.only(&["type", "header"])?;
            Arc::new(ApiKey::new().with_header(header.unwrap_or(ApiKey::HEADER)))
        }
        "body-hmac" => {
            options.only(&["type", "header", "encoding", "prefix"])?;
            Arc::new(body_hmac(&options, header)?)
        }
        "request-id-md5" => {
            options.only(&["type", "header", "encoding"])?;
            let scheme =
                RequestIdMd5::new().with_signature_header(header.unwrap_or(RequestIdMd5::SIGNATURE_HEADER));
            // Hex is read in any case here; only base64 is another encoding.
            let base64 = read_encoding(&options)? == Some(Encoding::Base64);
            Arc::new(if base64 { scheme.with_encoding(Encoding::Base64) } else { scheme })
        }
        "standard-webhooks" => {
            options.only(&["type", "header"])?;
            let scheme = standard_webhooks(&options, header)?;
            Arc::new(scheme.with_tolerance(read_tolerance(case)?))
        }
        "timestamped-hmac" => {
            options.only(&["type", "header", "encoding", "unit"])?;
            let scheme = timestamped_hmac(&options, header)?;
            Arc::new(scheme.with_tolerance(read_tolerance(case)?))
        }
        other => return Err(options.invalid("type", format!("no such scheme: {other:?}"))),
    })
}

fn body_hmac(options: &Object<'_>, header: Option<HeaderName>) -> Result<BodyHmac, FieldError> {
    let mut scheme = vendor::gympoint();
    if let Some(header) = header {
        scheme = scheme.with_header(header);
    }
    if let Some(encoding) = read_encoding(options)? {
        scheme = scheme.with_encoding(encoding);
    }
    if let Some(prefix) = options.optional::<&str>("prefix")? {
        scheme = scheme.with_prefix(prefix);
    }
    Ok(scheme)
}

fn timestamped_hmac(options: &Object<'_>, header: Option<HeaderName>) -> Result<TimestampedHmac, FieldError> {
    let mut scheme = vendor::point();
    if let Some(header) = header {
        scheme = scheme.with_header(header);
    }
    if let Some(encoding) = read_encoding(options)? {
        scheme = scheme.with_encoding(encoding);
    }
    match options.optional("unit")? {
        None | Some("ms") => Ok(scheme.with_unit(TimeUnit::Milliseconds)),
        Some("s") => Ok(scheme.with_unit(TimeUnit::Seconds)),
        Some(other) => Err(options.invalid("unit", format!("neither ms nor s: {other:?}"))),
    }
}

/// `header` names the signature's header; the other two share its first words.
fn standard_webhooks(
    options: &Object<'_>,
    header: Option<HeaderName>,
) -> Result<StandardWebhooks, FieldError> {
    let Some(header) = header else { return Ok(StandardWebhooks::new()) };
    let prefix = header.as_str().strip_suffix("-signature");
    let prefix = prefix.ok_or_else(|| options.invalid("header", "does not end in -signature"))?;
    StandardWebhooks::new().with_header_prefix(prefix).map_err(|error| options.invalid("header", error))
}

fn read_header_name(options: &Object<'_>) -> Result<Option<HeaderName>, FieldError> {
    let Some(name) = options.optional::<&str>("header")? else { return Ok(None) };
    HeaderName::try_from(name).map(Some).map_err(|error| options.invalid("header", error))
}

fn read_encoding(options: &Object<'_>) -> Result<Option<Encoding>, FieldError> {
    match options.optional("encoding")? {
        None => Ok(None),
        Some("hex") => Ok(Some(Encoding::Hex)),
        Some("base64") => Ok(Some(Encoding::Base64)),
        Some(other) => Err(options.invalid("encoding", format!("neither hex nor base64: {other:?}"))),
    }
}

fn read_tolerance(case: &Object<'_>) -> Result<Tolerance, FieldError> {
    let seconds: Option<u64> = case.required("tolerance_seconds")?;
    Ok(seconds.map_or(Tolerance::not_judged(), |seconds| Tolerance::symmetric(Duration::from_secs(seconds))))
}

fn read_keyring(case: &Object<'_>) -> Result<Keyring, FieldError> {
    let keys = case.objects("keys")?.iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
    Keyring::new(keys).map_err(|error| case.invalid("keys", error))
}

fn read_key(key: &Object<'_>) -> Result<Key, FieldError> {
    key.only(&["id", "secret", "secret_encoding"])?;
    let text: &str = key.required("secret")?;
    let secret: Result<Secret, SecretError> = match key.optional("secret_encoding")? {
        None | Some("utf8") => Secret::new(text),
        Some("hex") => Secret::from_hex(text),
        Some("base64") => Secret::from_base64(text),
        Some("whsec") => Secret::from_whsec(text),
        Some(other) => {
            return Err(key.invalid("secret_encoding", format!("no such encoding: {other:?}")));
        }
    };
    let secret = secret.map_err(|error| key.invalid("secret", error))?;
    Ok(Key::new(key.required::<&str>("id")?, secret))
}

/// A value that no HTTP message can carry is replaced by one that it can carry and that no scheme can read, so that the
/// verifier judges it, in its order, like any other malformed value.
fn read_headers(case: &Object<'_>) -> Result<HeaderMap, FieldError> {
    const UNREADABLE: &[u8] = b"\xff";
    let mut headers = HeaderMap::new();
    for (name, value) in case.required::<Vec<(&str, &str)>>("headers")? {
        // A name that no HTTP message can carry is no scheme's header.
        let Ok(name) = HeaderName::try_from(name) else { continue };
        let value =
            HeaderValue::from_bytes(value.as_bytes()).or_else(|_| HeaderValue::from_bytes(UNREADABLE));
        let value = value.map_err(|error| case.invalid("headers", error))?;
        headers.try_append(name, value).map_err(|error| case.invalid("headers", error))?;
    }
    Ok(headers)
}
