//! The requests that destinations get, as the section `webhooks` of the OpenAPI document.

use gymhook::cloud_event::CloudEvent;
use serde_json::{Value, json};

/// The two requests that a destination may get, as its form says. They are beside the document's own types, which do not have all of
/// JSON Schema.
pub(super) fn webhooks() -> Value {
    json!({"event": {"post": event()}, "original": {"post": original()}})
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
            "content": {(CloudEvent::CONTENT_TYPE): {"schema": CloudEvent::schema()}}
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
