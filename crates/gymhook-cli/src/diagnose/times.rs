//! Hints for a signature that matches while its time does not: another unit, an old capture, or a clock that is wrong.

use gymhook::event::Vendor;
use gymhook::signature::{Tolerance, Verifier};
use http::header;
use time::UtcDateTime;

use super::{Hint, Refused};
use crate::platform::Platform;
use crate::schemes::{SchemeArgs, Unit};
use crate::when;

pub(super) fn hints(refused: &Refused<'_>) -> Vec<Hint> {
    let mut hints = Vec::new();
    if refused.platform == Platform::Of(Vendor::POINT) {
        let (unit, name, word) = match refused.settings.unit {
            Some(Unit::S) => (Unit::Ms, "ms", "milliseconds"),
            Some(Unit::Ms) | None => (Unit::S, "s", "seconds"),
        };
        let other = SchemeArgs { unit: Some(unit), ..refused.settings.clone() };
        if accepts(refused, &other).is_some() {
            let text = format!("the signed time counts {word}: read so, it is within the tolerance");
            hints.push(Hint::new("time-unit", text).with(format!("--unit {name}")));
            return hints;
        }
    }
    let unjudged = SchemeArgs { tolerance: Some(Tolerance::not_judged()), ..refused.settings.clone() };
    let signed_at = accepts(refused, &unjudged).and_then(|proof| proof.signed_at()?.to_utc());
    let date = refused.headers.get(header::DATE).and_then(|value| value.to_str().ok());
    let date = date.and_then(|text| httpdate::parse_http_date(text).ok()).map(UtcDateTime::from);
    let sent = refused.captured_at.or(date);
    if let (Some(signed), Some(sent)) = (signed_at, sent) {
        let between = (signed - sent).unsigned_abs();
        let whose = if refused.captured_at.is_some() { "the capture says" } else { "its Date header says" };
        if between.as_secs() > 60 {
            let text = format!(
                "it was signed at {} and {whose} {}: the sender's clock is off by {}, or it was signed once and sent later",
                when::text(signed),
                when::text(sent),
                when::span(between)
            );
            hints.push(Hint::new("sender-clock", text));
        }
    }
    if let Some(signed) = signed_at {
        let text = format!(
            "everything but its time holds: if it is an old capture, judge it by its own time ({} against {} now)",
            when::text(signed),
            when::text(refused.now)
        );
        hints.push(Hint::new("old-capture", text).with(format!("--now {}", when::text(signed))));
    }
    hints
}

fn accepts(refused: &Refused<'_>, settings: &SchemeArgs) -> Option<gymhook::signature::Proof> {
    let scheme = settings.scheme(refused.platform).ok()?;
    let verifier = Verifier::with_shared(scheme, refused.keys.keyring().ok()?).ok()?;
    verifier.verify(refused.headers, refused.body, refused.now).ok()
}
