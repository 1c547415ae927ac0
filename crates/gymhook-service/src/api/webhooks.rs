//! What destinations are sent, in the document beside the paths.

use serde_json::{Value, json};
use utoipa::openapi::path::{PathItem, PathsBuilder};

/// Adds the two requests that a destination may get, as its form says.
pub(super) fn with_webhooks(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    let mut webhooks = PathsBuilder::new();
    for (name, operation) in [("event", event()), ("original", original())] {
        // What does not read back is seen to be missing by a test.
        if let Ok(item) = serde_json::from_value::<PathItem>(json!({"post": operation})) {
            webhooks = webhooks.path(name, item);
        }
    }
    document.webhooks = Some(webhooks.build());
    document
}

fn event() -> Value {
    json!({
        "operationId": "receiveEvent",
        "tags": ["webhooks"],
        "security": [],
        "summary": "An event, as a CloudEvent",
        "description": "What a destination of the form cloudevents is sent: one request for each event, signed as Standard Webhooks.",
        "parameters": signature(),
        "requestBody": {
            "required": true,
            "content": {"application/cloudevents+json": {"schema": {
                "type": "object",
                "required": ["specversion", "id", "source", "type", "datacontenttype", "data"],
                "properties": {
                    "specversion": {"type": "string", "enum": ["1.0"]},
                    "id": {"type": "string", "description": "With the source, equal for every repeat of the event."},
                    "source": {"type": "string", "description": "The platform and the studio whose key matched."},
                    "type": {"type": "string", "description": "The kind of event.", "example": "gymhook.check-in"},
                    "subject": {"type": "string", "example": "customer/7893459"},
                    "time": {"type": "string", "format": "date-time"},
                    "datacontenttype": {"type": "string", "enum": ["application/json"]},
                    "gymhookproved": {"type": "string", "description": "What was proved, separated by spaces: sender, body, time, id."},
                    "gymhookkey": {"type": "string", "description": "The id of the key that matched."},
                    "data": {"type": "object", "description": "What was read of the event, under the same names for every platform: `type`, `kind`, `subject`, `subject_id` and others. What the platform says beyond that is in its `data`. `gymhook schema --cloudevents` prints its schema."}
                }
            }}}
        },
        "responses": answers()
    })
}

fn original() -> Value {
    let mut parameters = signature();
    if let Value::Array(parameters) = &mut parameters {
        parameters.extend([
            origin("gymhook-platform", "The platform that sent it."),
            origin("gymhook-source", "The name of the source that received it."),
            origin("gymhook-id", "The id of the request in the log of the gateway."),
            origin("gymhook-key", "The id of the key that matched, percent-encoded."),
            origin("gymhook-proved", "What was proved, separated by spaces: sender, body, time, id."),
        ]);
    }
    json!({
        "operationId": "receiveOriginal",
        "tags": ["webhooks"],
        "security": [],
        "summary": "A request of a platform, as it came in",
        "description": "What a destination of the form original is sent: the body byte for byte, what was proved in headers, signed as Standard Webhooks.",
        "parameters": parameters,
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": answers()
    })
}

/// The headers of a signature, as Standard Webhooks has them.
fn signature() -> Value {
    json!([
        header("webhook-id", "The id of the delivery, equal for every attempt."),
        header("webhook-timestamp", "When this attempt was signed, in seconds since 1970."),
        header("webhook-signature", "v1 signatures, separated by spaces: one for each secret that is valid.")
    ])
}

/// A header of every request.
fn header(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "header", "required": true, "description": description, "schema": {"type": "string"}})
}

/// A header that says where a request came from: nobody sent a test event.
fn origin(name: &str, description: &str) -> Value {
    let description = format!("{description} A test event has none.");
    json!({"name": name, "in": "header", "required": false, "description": description, "schema": {"type": "string"}})
}

fn answers() -> Value {
    json!({
        "2XX": {"description": "It was received, and is not sent again."},
        "default": {"description": "It is sent again as the retry policy says. 429 and 503 may name the time in `Retry-After`."}
    })
}
