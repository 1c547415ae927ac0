//! JSON Schemas (draft 2020-12) of what the vendors send, made from the same tables as the types.
//!
//! A body validates exactly when [`AnyNotification::decode`](crate::AnyNotification::decode) reads it, except for what no schema
//! can say: a repeated key, nesting, how a number is written (`1.0` or `1e3` for a time). What the vendors leave open (fields
//! of `data`, new types) is described and not demanded; `x-provenance` says where a type or a field is known from.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::vendor_table::for_each_vendor;
use crate::{AnyNotification, Kind, Notification as _, Provenance, Sample, SubjectKind, Vendor, samples};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Each vendor of the table has a function of its module's name here.
macro_rules! bodies {
    ($($(#[$of:meta])* $constant:ident = $id:literal, $variant:ident($module:ident);)*) => {
        fn by_vendor(vendor: Vendor) -> Option<Value> {
            match vendor {
                $(Vendor::$constant => Some($module()),)*
                _ => None,
            }
        }
    };
}

for_each_vendor!(bodies);

/// The schema of a vendor's bodies; `None` for a vendor without a module here.
///
/// ```
/// use gymhook_event::{Vendor, schema};
///
/// let schema = schema::of_body(Vendor::EGYM).ok_or("one of the five")?;
/// assert_eq!(schema["required"][0], "type");
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn of_body(vendor: Vendor) -> Option<Value> {
    let mut schema = by_vendor(vendor)?;
    let examples: Vec<Value> =
        of(vendor).filter_map(|sample| serde_json::from_str(sample.body).ok()).collect();
    let fields = schema.as_object_mut()?;
    fields.insert("$schema".to_owned(), DIALECT.into());
    fields.insert("title".to_owned(), format!("A webhook of {vendor}").into());
    fields.insert("examples".to_owned(), examples.into());
    fields.insert("x-event-types".to_owned(), of(vendor).map(event_type).collect());
    Some(schema)
}

/// The schema of the one reading of an event across vendors, as a CloudEvent's `data` and as JSON output has it.
#[must_use]
pub fn of_event() -> Value {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let subjects: Vec<&str> = SubjectKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let text_or_null = |description: &str| json!({"type": ["string", "null"], "description": description});
    let time_or_null = |description: &str| json!({"type": ["string", "null"], "format": "date-time", "description": description});
    let related: Vec<Value> = subjects.iter().map(|name| Value::from(*name)).chain([Value::Null]).collect();
    json!({
        "type": "object",
        "required": ["type", "kind", "subject", "subject_id", "related", "related_id", "person_id", "occurred_at", "recorded_at", "data"],
        "properties": {
            "type": {"type": "string", "description": "the vendor's name for the type, as it was received"},
            "kind": {"enum": kinds, "description": "what the type means, whoever sent it"},
            "subject": {"enum": subjects, "description": "what the id stands for"},
            "subject_id": text_or_null("the vendor's id, as text"),
            "related": {"enum": related, "description": "what the other thing is that the notification names"},
            "related_id": text_or_null("its id, as text"),
            "person_id": text_or_null("the guest or member: of the subject, else of what is related"),
            "occurred_at": time_or_null("when it happened"),
            "recorded_at": time_or_null("when the vendor took it down, where that is told apart"),
            "data": {"description": "the vendor's data about this one event, as it came"}
        }
    })
}

fn of(vendor: Vendor) -> impl Iterator<Item = &'static Sample> {
    samples().filter(move |sample| sample.vendor == vendor)
}

fn event_type(sample: &Sample) -> Value {
    json!({
        "type": sample.event_type,
        "kind": sample.vendor.kind_of(sample.event_type).map(Kind::as_str),
        "description": sample.description,
        "x-provenance": sample.provenance.as_str(),
    })
}

fn id(description: &str, provenance: Provenance) -> Value {
    json!({"type": ["string", "integer"], "description": description, "x-provenance": provenance.as_str()})
}

fn or_null(mut schema: Value) -> Value {
    if let Some(types) = schema.get_mut("type") {
        let mut all = types.as_array().cloned().unwrap_or_else(|| vec![types.take()]);
        all.push("null".into());
        *types = all.into();
    }
    schema
}

fn text(description: &str, provenance: Provenance) -> Value {
    json!({"type": "string", "description": description, "x-provenance": provenance.as_str()})
}

/// Not negative, and no more than the number that the types hold.
fn millis(description: &str) -> Value {
    json!({
        "type": "integer", "minimum": 0, "maximum": i64::MAX, "description": description,
        "x-provenance": Provenance::Documented.as_str()
    })
}

/// What the samples hold in an event's data, which nobody demands: the fields of each type, with an example.
fn data(vendor: Vendor, description: &str) -> Value {
    let mut properties: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for sample in of(vendor) {
        let Ok(notification) = AnyNotification::decode(vendor, sample.body.as_bytes()) else { continue };
        let raw = notification.events().find_map(|event| event.data);
        let Some(Value::Object(fields)) = raw.and_then(|raw| serde_json::from_str(raw.get()).ok()) else {
            continue;
        };
        for (name, value) in fields {
            let known = properties.entry(name).or_default();
            known.entry("examples").or_insert_with(|| json!([value]));
            known.entry("x-provenance").or_insert_with(|| sample.provenance.as_str().into());
            let types = known.entry("x-in-types").or_insert_with(|| json!([]));
            if let Some(types) = types.as_array_mut() {
                types.push(sample.event_type.into());
            }
        }
    }
    json!({"description": description, "properties": properties})
}

fn egym() -> Value {
    let must: Vec<&str> = Vendor::EGYM.event_types().into_iter().filter(|name| *name != "TEST").collect();
    json!({
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": text("the type of the event", Provenance::Documented),
            "accountId": or_null(id("the person's account", Provenance::Documented)),
            "timestamp": or_null(millis("when it happened, in milliseconds since 1970")),
        },
        "if": {"properties": {"type": {"enum": must}}},
        "then": {
            "required": ["accountId", "timestamp"],
            "properties": {"accountId": {"not": {"type": "null"}}, "timestamp": {"not": {"type": "null"}}}
        }
    })
}

fn gympoint() -> Value {
    json!({
        "type": "object",
        "properties": {
            "event": or_null(text("the type of the event", Provenance::Ours)),
            "type": {"description": "the type of the event, where \"event\" does not name it", "x-provenance": Provenance::Ours.as_str()},
            "data": data(Vendor::GYMPOINT, "nothing of it is published"),
        },
        "anyOf": [
            {"required": ["event"], "properties": {"event": {"type": "string"}}},
            {"required": ["type"], "properties": {"type": {"type": "string"}}}
        ]
    })
}

fn perfectgym() -> Value {
    let entry = json!({
        "type": "object",
        "required": ["event"],
        "properties": {
            "event": text("the type of the event", Provenance::Documented),
            "triggeredDate": {
                "description": "when it was triggered, in ISO 8601; no event is refused for its date",
                "x-provenance": Provenance::Documented.as_str()
            },
            "data": data(Vendor::PERFECTGYM, "the vendor shows it inside the product only, so that nothing of it is demanded"),
        }
    });
    json!({"oneOf": [entry, {"type": "array", "items": entry, "description": "read in precaution"}]})
}

fn pg_next() -> Value {
    let named: Vec<&str> = Vendor::PG_NEXT
        .event_types()
        .into_iter()
        .filter(|name| *name != "FINANCE_DEBT_COLLECTION_CONFIGURATION_UPDATED")
        .collect();
    let item = json!({
        "type": "object",
        "required": ["timestamp", "type"],
        "properties": {
            "timestamp": millis("when it happened, in milliseconds since 1970"),
            "type": text("the type of the event", Provenance::Documented),
            "content": data(Vendor::PG_NEXT, "which fields it has depends on the type"),
        }
    });
    let nameless = json!({"properties": {"type": {"not": {"enum": named}}}});
    json!({
        "type": "object",
        "required": ["uuid", "payload"],
        "properties": {
            "entityId": or_null(id("what the events happened to; what it identifies depends on the type", Provenance::Documented)),
            "uuid": text("the id of the notification, equal in every attempt", Provenance::Documented),
            "payload": {"oneOf": [{"type": "array", "items": item}, item]},
        },
        "anyOf": [
            {"required": ["entityId"], "properties": {"entityId": {"not": {"type": "null"}}}},
            {
                "description": "only for types of which the vendor does not say what the entity is",
                "properties": {"payload": {"oneOf": [{"type": "array", "minItems": 1, "items": nameless}, {"type": "object", "allOf": [nameless]}]}}
            }
        ]
    })
}

fn point() -> Value {
    json!({
        "type": "object",
        "required": ["eventType", "userId", "payload"],
        "properties": {
            "eventType": text("the type of the events", Provenance::Documented),
            "userId": id("Point's id of the user", Provenance::Documented),
            "userExternalId": or_null(id("your own id of the user", Provenance::Documented)),
            "dataSource": or_null(text("the service that recorded the data", Provenance::Documented)),
            "clientId": or_null(id("Point's id of your application", Provenance::Documented)),
            "payload": {"type": "array", "items": data(Vendor::POINT, "a workout or an insight, as the type says")},
        }
    })
}
