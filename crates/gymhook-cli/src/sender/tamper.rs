//! `Tamper` and `Tampering`: change a signed request, to test whether a receiver refuses it.

use core::time::Duration;

use bytes::Bytes;
use clap::ValueEnum;
use gymhook::signature::{Assurance, BodyAssurance, IdAssurance, TimeAssurance};
use http::{HeaderName, HeaderValue, Request, header};
use time::UtcDateTime;

use crate::failure::Failure;
use crate::platform::Platform;
use crate::when;

/// What is changed after signing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Tamper {
    /// The body is another one
    Body,
    /// One character of the signature, or of the key, is another one
    Signature,
    /// It was signed a day ago
    Time,
    /// The id is another one
    Id,
}

/// A way of spoiling requests that a platform's scheme can be asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tampering {
    what: Tamper,
    /// Whether the scheme proves the part: only then can a receiver notice.
    pub(crate) is_noticed: bool,
}

impl Tampering {
    pub(crate) fn new(what: Tamper, platform: Platform, assurance: Assurance) -> Result<Self, Failure> {
        let has_no = |part: &str| {
            Failure::usage(format!(
                "{} signs no {part}, so there is none to tamper with: choose body or signature",
                platform.name()
            ))
        };
        let is_noticed = match what {
            Tamper::Signature => true,
            Tamper::Body => assurance.body == BodyAssurance::Signed,
            Tamper::Time if assurance.time == TimeAssurance::None => return Err(has_no("time")),
            Tamper::Id if assurance.id == IdAssurance::None => return Err(has_no("id")),
            Tamper::Time | Tamper::Id => true,
        };
        Ok(Self { what, is_noticed })
    }

    /// The time to sign at.
    pub(crate) fn now(&self) -> UtcDateTime {
        let now = UtcDateTime::now();
        if self.what == Tamper::Time { when::earlier(now, Duration::from_secs(86_400)) } else { now }
    }

    /// Changes what was signed.
    pub(crate) fn spoil(
        &self,
        mut request: Request<Bytes>,
        signed: &[HeaderName],
    ) -> Result<Request<Bytes>, String> {
        match self.what {
            Tamper::Time => {}
            Tamper::Body => {
                let body = spoilt_body(request.body());
                request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
                *request.body_mut() = body;
            }
            // The signature's header is the scheme's last, the id's its first.
            Tamper::Signature => change(&mut request, signed.last())?,
            Tamper::Id => change(&mut request, signed.first())?,
        }
        Ok(request)
    }
}

/// Another body that is JSON as much as the first one was: its last digit is another one, or there is a space more.
fn spoilt_body(body: &Bytes) -> Bytes {
    let mut spoilt = body.to_vec();
    match spoilt.iter_mut().rev().find(|byte| byte.is_ascii_digit()) {
        Some(digit) => *digit = if *digit == b'1' { b'2' } else { b'1' },
        None => spoilt.push(b' '),
    }
    spoilt.into()
}

fn change(request: &mut Request<Bytes>, header: Option<&HeaderName>) -> Result<(), String> {
    let value = header.and_then(|header| request.headers_mut().get_mut(header));
    let value = value.ok_or("the request has no signature to tamper with")?;
    let mut bytes = value.as_bytes().to_vec();
    // The last letter or digit, which base64's padding is not; `0` and `1` are in every alphabet.
    let last =
        bytes.iter_mut().rev().find(|byte| byte.is_ascii_alphanumeric()).ok_or("the signature is empty")?;
    *last = if *last == b'0' { b'1' } else { b'0' };
    *value = HeaderValue::from_bytes(&bytes).map_err(|error| error.to_string())?;
    Ok(())
}
