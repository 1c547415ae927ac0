//! [`CloudEvent`]: one event of any platform as a CloudEvent, in a form that is the same for all platforms.

use core::fmt;

use gymhook_event::{Event, Kind, Notification, Subject, Vendor};
use gymhook_signature::{Proof, Verified};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::value::RawValue;
use time::UtcDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Received;
use crate::text::digest_name;

/// One event of a verified notification as a [CloudEvent 1.0](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md),
/// whose [`Serialize`] is the specification's JSON format.
///
/// | attribute | content |
/// |---|---|
/// | `id` | the notification's [dedupe key](Received::dedupe_key) or a name that the caller gives, and the event's index in it |
/// | `source` | `/gymhook/`, the platform, `/`, the [tenant](Proof::tenant) whose key matched: a studio, where each has a key |
/// | `type` | `gymhook.` and the [kind](Kind), `gymhook.other` of what nobody knew when this was written |
/// | `subject` | the subject's kind, `/` and its id, if it has one |
/// | `time` | when it happened, if that is known |
/// | `gymhookproved` | which of `sender`, `body`, `time` and `id` were proved, separated by spaces |
/// | `gymhookkey` | the id of the key that matched |
/// | `data` | the one reading, with the vendor's own data in it: an [`EventRecord`] |
///
/// `source` and `id` together are equal for each repeat of a request, and differ for everything else. If the keys are generations
/// of one secret, give them one [tenant](gymhook_signature::Key::with_tenant), and `source` outlives a rotation.
///
/// ```
/// use gymhook::cloud_event::CloudEvent;
/// use gymhook::signature::{Keyring, Secret};
/// use gymhook::{Provider, Receiver};
/// # use time::UtcDateTime;
/// # let now = UtcDateTime::UNIX_EPOCH;
///
/// let keys = Keyring::single("berlin", Secret::new("the key that PG Next sends for this studio")?)?;
/// let receiver = Receiver::new(&Provider::pg_next(), keys)?;
/// let body = r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f",
///     "payload":[{"timestamp":1642779144176,"type":"CUSTOMER_CHECKIN"}]}"#;
/// # let headers = receiver.verifier().signer().sign("", body.as_bytes(), now)?;
/// let verified = receiver.receive(&headers, body, now)?;
///
/// let events: Vec<_> = CloudEvent::of_notification(&verified, "request-1").collect();
/// let written = serde_json::to_value(&events[0])?;
/// assert_eq!(written["id"], "095be615-a8ad-4c33-8e9c-c7612fbf6c9f:0");
/// assert_eq!(written["source"], "/gymhook/pg-next/berlin");
/// assert_eq!(written["type"], "gymhook.check-in");
/// assert_eq!(written["subject"], "customer/7893459");
/// assert_eq!(written["time"], "2022-01-21T15:32:24.176Z");
/// assert_eq!(written["gymhookproved"], "sender");
/// assert_eq!(written["data"]["type"], "CUSTOMER_CHECKIN");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct CloudEvent {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    gymhookproved: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gymhookkey: Option<String>,
    data: EventRecord,
}

impl CloudEvent {
    /// The media type of its JSON: `application/cloudevents+json`.
    pub const CONTENT_TYPE: &'static str = "application/cloudevents+json";

    /// Each event of a notification, in their order.
    ///
    /// `request` names the request if it has no [dedupe key](Received::dedupe_key): it has to be the same for each repeat, and
    /// another one for any other request.
    pub fn of_notification<N: Notification, P>(
        verified: &Verified<Received<N>, P>,
        request: &str,
    ) -> impl Iterator<Item = Self> {
        let (received, proof) = (verified.value(), verified.proof());
        let name = request_name(received, request);
        received.events().enumerate().map(move |(index, event)| Self::new(event, proof, &name, index))
    }

    /// An event that a person sends to see whether it arrives: its type is `gymhook.test`, its source `/gymhook`, and nothing
    /// proves it.
    ///
    /// ```
    /// use gymhook::cloud_event::CloudEvent;
    ///
    /// let written = serde_json::to_value(CloudEvent::test("test-1"))?;
    /// assert_eq!((&written["id"], &written["type"]), (&"test-1".into(), &"gymhook.test".into()));
    /// assert_eq!(written["gymhookproved"], serde_json::Value::Null);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn test(id: &str) -> Self {
        let data = EventRecord::from(Event::new(Vendor::new("gymhook"), "test", Kind::Test));
        Self::of_record(data, attribute(id), "/gymhook".to_owned())
    }

    fn new(event: Event<'_>, proof: &Proof, request: &str, index: usize) -> Self {
        let studio = path_segment(proof.tenant().as_str());
        let source = format!("/gymhook/{}/{studio}", path_segment(event.vendor.as_str()));
        let proved: Vec<&str> = proof.assurance().proved().collect();
        let key = proof.key().as_str();
        Self {
            gymhookproved: Some(proved.join(" ")),
            // An attribute is not empty.
            gymhookkey: (!key.is_empty()).then(|| attribute(key)),
            ..Self::of_record(EventRecord::from(event), format!("{request}:{index}"), source)
        }
    }

    fn of_record(data: EventRecord, id: String, source: String) -> Self {
        Self {
            specversion: "1.0",
            id,
            source,
            event_type: format!("gymhook.{}", data.kind),
            subject: data.subject_id.as_ref().map(|id| format!("{}/{}", data.subject, attribute(id))),
            time: data.occurred_at.clone(),
            datacontenttype: "application/json",
            gymhookproved: None,
            gymhookkey: None,
            data,
        }
    }

    /// The attribute `id`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The attribute `source`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The attribute `type`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// Its JSON Schema, of draft 2020-12. `gymhook schema --cloudevents` prints it.
    ///
    /// ```
    /// use gymhook::cloud_event::CloudEvent;
    ///
    /// assert_eq!(CloudEvent::schema()["properties"]["specversion"]["const"], "1.0");
    /// ```
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema() -> serde_json::Value {
        serde_json::json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "An event of any of the five platforms, as a CloudEvent",
            "type": "object",
            "required": ["specversion", "id", "source", "type", "datacontenttype", "data"],
            "properties": {
                "specversion": {"const": "1.0"},
                "id": {"type": "string", "minLength": 1, "description": "with the source, equal for every repeat of the request: the vendor's id where there is one, and the event's index"},
                "source": {"type": "string", "format": "uri-reference", "minLength": 1, "description": "the platform, and the tenant whose key matched: a studio, where each has a key"},
                "type": {"type": "string", "pattern": "^gymhook\\.[a-z-]+$", "description": "the kind of event"},
                "subject": {"type": "string", "minLength": 1},
                "time": {"type": "string", "format": "date-time"},
                "datacontenttype": {"const": "application/json"},
                "gymhookproved": {
                    "type": "string",
                    "pattern": "^sender( body)?( time)?( id)?$",
                    "description": "what was proved, separated by spaces; of a test event that the gateway sends, nothing"
                },
                "gymhookkey": {"type": "string", "minLength": 1, "description": "the id of the key that matched"},
                "data": gymhook_event::schema::of_event()
            }
        })
    }

    /// The one reading, which is its `data`.
    #[must_use]
    pub const fn data(&self) -> &EventRecord {
        &self.data
    }
}

/// One event with the names that all JSON of gymhook has for its parts.
///
/// `gymhook schema --cloudevents` prints its JSON Schema.
#[derive(Clone, Serialize)]
#[non_exhaustive]
pub struct EventRecord {
    /// The vendor's name for the type, as it was received.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What the type means, whoever sent it: the name of its [`Kind`].
    pub kind: &'static str,
    /// What the subject's id identifies: the name of its [`SubjectKind`](gymhook_event::SubjectKind).
    pub subject: &'static str,
    /// The vendor's id of the subject, as text.
    pub subject_id: Option<String>,
    /// What the other thing is that the notification names.
    pub related: Option<&'static str>,
    /// Its id, as text.
    pub related_id: Option<String>,
    /// The guest or member that it concerns.
    pub person_id: Option<String>,
    /// When it happened, in RFC 3339 and UTC.
    pub occurred_at: Option<String>,
    /// When the vendor took it down, where that is told apart, in RFC 3339 and UTC.
    pub recorded_at: Option<String>,
    /// The vendor's data about this one event, as it came.
    pub data: Option<Box<RawValue>>,
}

impl From<Event<'_>> for EventRecord {
    fn from(event: Event<'_>) -> Self {
        let id = |subject: Subject<'_>| subject.id.map(|id| id.to_string());
        Self {
            event_type: event.event_type.to_owned(),
            kind: event.kind.as_str(),
            subject: event.subject.kind.as_str(),
            subject_id: id(event.subject),
            related: event.related.map(|related| related.kind.as_str()),
            related_id: event.related.and_then(id),
            person_id: event.person().and_then(id),
            occurred_at: event.occurred_at.and_then(rfc3339),
            recorded_at: event.recorded_at.and_then(rfc3339),
            data: event.data.map(ToOwned::to_owned),
        }
    }
}

/// `Debug` shows neither ids nor data, which are personal.
impl fmt::Debug for EventRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventRecord")
            .field("event_type", &self.event_type)
            .field("kind", &self.kind)
            .field("occurred_at", &self.occurred_at)
            .finish_non_exhaustive()
    }
}

/// `None` of a year that RFC 3339 has no form for.
fn rfc3339(instant: UtcDateTime) -> Option<String> {
    instant.format(&Rfc3339).ok()
}

/// What each repeat of the request has in common, and no other request.
fn request_name<N: Notification>(received: &Received<N>, otherwise: &str) -> String {
    let Some(key) = received.dedupe_key() else { return attribute(otherwise) };
    if key.basis().is_authoritative() {
        return attribute(key.id());
    }
    // Another body under the same derived key is another notification.
    let digest = received.body_digest();
    let (beginning, _) = digest.split_at(8);
    format!("{}:{}", attribute(key.id()), const_hex::encode(beginning))
}

/// A text as the value of an attribute, which is not empty and has no control characters (CloudEvents 1.0, "Type System"): what
/// has any is named by its digest.
fn attribute(text: &str) -> String {
    let is_noncharacter = |c: char| matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff | 0xfdd0..=0xfdef);
    if !text.is_empty() && !text.contains(|c: char| c.is_control() || is_noncharacter(c)) {
        return text.to_owned();
    }
    digest_name(text)
}

/// All but the unreserved characters of a URI (RFC 3986, section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Key ids are free text, and a source is a URI reference.
fn path_segment(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use gymhook_event::AnyNotification;
    use gymhook_signature::{Key, Keyring, Secret};
    use serde_json::Value;

    use super::*;
    use crate::{Provider, Receiver};

    fn events(provider: &Provider, key: &str, body: &str) -> Vec<Value> {
        let keys = Keyring::single(key, Secret::new("0123456789abcdef").unwrap()).unwrap();
        let receiver = Receiver::<AnyNotification>::new(provider, keys).unwrap();
        let now = UtcDateTime::UNIX_EPOCH;
        let headers = receiver.verifier().signer().sign("request-7", body.as_bytes(), now).unwrap();
        let verified = receiver.receive(&headers, body.to_owned(), now).unwrap();
        CloudEvent::of_notification(&verified, "fallback")
            .map(|event| serde_json::to_value(event).unwrap())
            .collect()
    }

    fn of(vendor: Vendor) -> Provider {
        Provider::of(vendor).unwrap()
    }

    #[test]
    fn an_id_is_the_vendor_s_where_there_is_one() {
        let body = r#"{"event":"ContractCreated","data":{"contractId":1}}"#;
        assert_eq!(events(&of(Vendor::PERFECTGYM), "main", body)[0]["id"], "request-7:0");
        let body =
            r#"{"uuid":"u","entityId":1,"payload":[{"timestamp":1,"type":"A"},{"timestamp":1,"type":"B"}]}"#;
        let two = events(&of(Vendor::PG_NEXT), "berlin", body);
        assert_eq!((&two[0]["id"], &two[1]["id"]), (&"u:0".into(), &"u:1".into()));
        assert_eq!((&two[0]["type"], &two[0]["data"]["type"]), (&"gymhook.other".into(), &"A".into()));
        // GymPoint gives none, and two check-ins may have equal bodies.
        let body = r#"{"event":"checkin.created","data":{"memberId":"m"}}"#;
        assert_eq!(events(&of(Vendor::GYMPOINT), "main", body)[0]["id"], "fallback:0");
    }

    /// Point sends an insight again with another `lastProcessedAt`: an application that knows the first by its id needs the second.
    #[test]
    fn another_body_under_a_derived_key_is_another_event() {
        let insight = |at: u32| {
            format!(
                r#"{{"eventType":"insight.created","userId":"u","clientId":"c","payload":[{{"id":7,"lastProcessedAt":{at}}}]}}"#
            )
        };
        let id = |body: &str| events(&of(Vendor::POINT), "main", body)[0]["id"].clone();
        assert_eq!(id(&insight(1)), id(&insight(1)));
        assert_ne!(id(&insight(1)), id(&insight(2)));
    }

    #[test]
    fn what_strangers_write_stays_within_the_types_of_the_specification() {
        let body = r#"{"uuid":"a\u0000\nb","entityId":"\u001b[31m","payload":[{"timestamp":1,"type":"CUSTOMER_CREATED"}]}"#;
        let event = &events(&of(Vendor::PG_NEXT), "Köln/../Mitte", body)[0];
        let attributes: Vec<&str> =
            event.as_object().unwrap().values().filter_map(|attribute| attribute.as_str()).collect();
        assert!(attributes.len() > 6, "{event}");
        assert!(
            attributes.iter().all(|text| !text.is_empty() && !text.contains(char::is_control)),
            "{event}"
        );
        assert_eq!(event["source"], "/gymhook/pg-next/K%C3%B6ln%2F..%2FMitte");
        assert_eq!(event["gymhookkey"], "Köln/../Mitte");
        assert_eq!(event["data"]["subject_id"], "\u{1b}[31m");
        let empty = r#"{"uuid":"","entityId":1,"payload":[{"timestamp":1,"type":"CUSTOMER_CREATED"}]}"#;
        assert_ne!(events(&of(Vendor::PG_NEXT), "", empty)[0]["id"], ":0");
    }

    #[test]
    fn an_extension_s_name_is_of_lower_case_letters_and_digits() {
        let event =
            &events(&of(Vendor::EGYM), "berlin", r#"{"type":"TEST","accountId":"a","timestamp":1}"#)[0];
        for name in event.as_object().unwrap().keys() {
            assert!(name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
        }
        assert_eq!(event["gymhookproved"], "sender");
    }

    #[test]
    fn a_rotated_secret_s_tenant_is_one_source() {
        let source = |id: &str| {
            let key = Key::new(id, Secret::new("0123456789abcdef").unwrap()).with_tenant("berlin");
            let receiver: Receiver = Receiver::new(&of(Vendor::POINT), Keyring::new([key]).unwrap()).unwrap();
            let body = r#"{"eventType":"workout.created","userId":"u","payload":[{"id":7}]}"#;
            let now = UtcDateTime::UNIX_EPOCH;
            let headers = receiver.verifier().signer().sign("", body.as_bytes(), now).unwrap();
            let verified = receiver.receive(&headers, body, now).unwrap();
            CloudEvent::of_notification(&verified, "").map(|event| event.source().to_owned()).next()
        };
        assert_eq!(source("2026-05").as_deref(), Some("/gymhook/point/berlin"));
        assert_eq!(source("2026-05"), source("2026-06"));
    }

    #[test]
    fn debug_shows_nobody() {
        let event = Event::new(Vendor::EGYM, "TEST", Kind::Test);
        let subject =
            Subject::new(gymhook_event::SubjectKind::Account, Some(gymhook_event::SubjectId::Text("ada")));
        let record = EventRecord::from(event.with_subject(subject));
        assert_eq!(record.subject_id.as_deref(), Some("ada"));
        assert!(!format!("{record:?}").contains("ada"));
    }
}
