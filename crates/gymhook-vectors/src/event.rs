//! `EventCase`, the kind `event`: what a body says across vendors, or that it must be refused.

use gymhook_event::{AnyNotification, Event, Notification as _, ParseVendorError, Vendor, check_strict};
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use crate::case::{Check, Mismatch};
use crate::field::{FieldError, Object};

/// A body, the vendor that it is read for, and the expected reading.
#[derive(Debug)]
pub(crate) struct EventCase {
    vendor: Vendor,
    body: Vec<u8>,
    expect: Expect,
}

#[derive(Debug)]
enum Expect {
    Error,
    Reading { events: Option<Vec<Facts>>, dedupe_key: Option<Fact> },
}

/// What a body was read as.
#[derive(Debug)]
struct Reading {
    events: Vec<Facts>,
    dedupe_key: Fact,
}

/// What is said about one event, in the words of the format; an expectation that leaves a field out does not compare it.
type Facts = Vec<(&'static str, Fact)>;

/// A text, or that there is none.
type Fact = Option<String>;

impl EventCase {
    pub(crate) fn read(case: &Object<'_>) -> Result<Box<dyn Check>, FieldError> {
        let vendor = case.required::<&str>("vendor")?.parse();
        let vendor = vendor.map_err(|error: ParseVendorError| case.invalid("vendor", error))?;
        let body = case.bytes("body_base64")?;
        let expect = read_expect(&case.object("expect")?)?;
        Ok(Box::new(Self { vendor, body, expect }))
    }
}

impl Check for EventCase {
    fn run(&self) -> Result<(), Mismatch> {
        match (&self.expect, read_body(self.vendor, &self.body)) {
            (Expect::Error, Err(_)) => Ok(()),
            (Expect::Error, Ok(reading)) => Err(mismatch("an error", reading.describe())),
            (Expect::Reading { .. }, Err(error)) => Err(mismatch("a reading", format!("an error: {error}"))),
            (Expect::Reading { events, dedupe_key }, Ok(reading)) => {
                compare(events.as_deref(), dedupe_key.as_ref(), &reading)
            }
        }
    }

    fn judge(&self, answer: &Object<'_>) -> Result<Result<(), Mismatch>, FieldError> {
        Ok(match (&self.expect, read_expect(answer)?) {
            (Expect::Error, Expect::Error) => Ok(()),
            (Expect::Error, Expect::Reading { .. }) => Err(mismatch("an error", "a reading")),
            (Expect::Reading { .. }, Expect::Error) => Err(mismatch("a reading", "an error")),
            (
                Expect::Reading { events, dedupe_key },
                Expect::Reading { events: answered, dedupe_key: key },
            ) => {
                let answered_events = answered.ok_or_else(|| answer.missing("events"))?;
                // A key that the answer leaves out is not compared.
                let expected_key = dedupe_key.as_ref().filter(|_| key.is_some());
                let reading = Reading { events: answered_events, dedupe_key: key.flatten() };
                compare(events.as_deref(), expected_key, &reading)
            }
        })
    }
}

impl Reading {
    fn describe(&self) -> String {
        let events: Vec<String> = self.events.iter().map(describe).collect();
        format!("{} events [{}]", events.len(), events.join(" | "))
    }
}

/// Reads a body as the receiver does: decoded, and strict about what no type looks at.
fn read_body(vendor: Vendor, body: &[u8]) -> Result<Reading, String> {
    let notification = AnyNotification::decode(vendor, body).map_err(|error| error.to_string())?;
    check_strict(body).map_err(|error| error.to_string())?;
    let dedupe_key = notification.dedupe_key().map(|key| key.as_str().to_owned());
    Ok(Reading { events: notification.events().map(facts).collect(), dedupe_key })
}

fn facts(event: Event<'_>) -> Facts {
    vec![
        ("type", Some(event.event_type.to_owned())),
        ("kind", Some(event.kind.to_string())),
        ("subject", Some(event.subject.kind.to_string())),
        ("subject_id", event.subject.id.map(|id| id.to_string())),
        ("related", event.related.map(|related| related.kind.to_string())),
        ("related_id", event.related.and_then(|related| related.id).map(|id| id.to_string())),
        ("person_id", event.person().and_then(|person| person.id).map(|id| id.to_string())),
        ("occurred_at", event.occurred_at.map(instant_text)),
        ("recorded_at", event.recorded_at.map(instant_text)),
    ]
}

/// Both sides are written alike, so that equal texts are equal instants.
fn instant_text(instant: UtcDateTime) -> String {
    instant.format(&Rfc3339).unwrap_or_else(|_| instant.to_string())
}

fn compare(events: Option<&[Facts]>, dedupe_key: Option<&Fact>, reading: &Reading) -> Result<(), Mismatch> {
    let mut differences = Vec::new();
    if let Some(expected) = dedupe_key
        && *expected != reading.dedupe_key
    {
        differences.push(("dedupe_key".to_owned(), expected.clone(), reading.dedupe_key.clone()));
    }
    if let Some(events) = events {
        if events.len() != reading.events.len() {
            return Err(mismatch(format!("{} events", events.len()), reading.describe()));
        }
        for (n, (expected, got)) in events.iter().zip(&reading.events).enumerate() {
            let differing = expected.iter().filter_map(|(name, expected)| {
                let got = got.iter().find_map(|(found, value)| (found == name).then_some(value))?;
                (expected != got).then(|| (format!("events[{n}].{name}"), expected.clone(), got.clone()))
            });
            differences.extend(differing);
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let side = |pick: fn(&(String, Fact, Fact)) -> &Fact| {
        let texts: Vec<_> = differences
            .iter()
            .map(|difference| format!("{} {}", difference.0, quoted(pick(difference))))
            .collect();
        texts.join(", ")
    };
    Err(mismatch(side(|difference| &difference.1), side(|difference| &difference.2)))
}

fn mismatch(expected: impl Into<String>, got: impl Into<String>) -> Mismatch {
    Mismatch { expected: expected.into(), got: got.into() }
}

fn describe(facts: &Facts) -> String {
    let texts: Vec<_> = facts.iter().map(|(name, value)| format!("{name} {}", quoted(value))).collect();
    texts.join(", ")
}

fn quoted(fact: &Fact) -> String {
    fact.as_ref().map_or_else(|| "none".to_owned(), |text| format!("{text:?}"))
}

fn read_expect(expect: &Object<'_>) -> Result<Expect, FieldError> {
    if expect.optional("error")? == Some(true) {
        expect.only(&["error"])?;
        return Ok(Expect::Error);
    }
    expect.only(&["error", "events", "dedupe_key"])?;
    let events = if expect.has("events") {
        Some(expect.objects("events")?.iter().map(read_facts).collect::<Result<_, _>>()?)
    } else {
        None
    };
    let dedupe_key = expect.optional("dedupe_key")?;
    if events.is_none() && dedupe_key.is_none() && !expect.has("error") {
        return Err(expect.missing("events"));
    }
    Ok(Expect::Reading { events, dedupe_key })
}

fn read_facts(event: &Object<'_>) -> Result<Facts, FieldError> {
    event.only(&[
        "type",
        "kind",
        "subject",
        "subject_id",
        "related",
        "related_id",
        "person_id",
        "occurred_at",
        "recorded_at",
    ])?;
    let mut facts = Facts::new();
    for name in ["type", "kind", "subject"] {
        facts.extend(event.optional(name)?.map(|text| (name, Some(text))));
    }
    for name in ["subject_id", "related", "related_id", "person_id"] {
        facts.extend(event.optional(name)?.map(|fact| (name, fact)));
    }
    for name in ["occurred_at", "recorded_at"] {
        if event.has(name) {
            facts.push((name, event.instant(name)?.map(instant_text)));
        }
    }
    Ok(facts)
}
