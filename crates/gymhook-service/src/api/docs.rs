//! `/docs`: the OpenAPI document as a web page. The list of operations works without scripts; the form that tries an operation
//! needs one.

use askama::Template;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde_json::Value;
use utoipa::openapi::OpenApi;

/// Nothing from any other host, and no script or style but the two files beside the page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    title: String,
    description: String,
    groups: Vec<Group>,
}

struct Group {
    name: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    parameters: Vec<Parameter>,
    /// The body that it takes, by an example.
    body: Option<Body>,
    answers: Vec<(String, String)>,
    /// The scheme of its key.
    key: String,
}

struct Body {
    example: String,
    required: bool,
}

struct Parameter {
    name: String,
    place: String,
    description: String,
    required: bool,
}

/// The document with its webhooks, and the page made from it.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(document: &OpenApi, webhooks: Value) -> Router<S> {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Value::Object(document) = &mut document {
        document.insert("webhooks".to_owned(), webhooks);
    }
    let json = document.to_string();
    let html = page(&document).render().unwrap_or_default();
    let (json, html) = (Bytes::from(json), Bytes::from(html));
    Router::new()
        .route("/openapi.json", get(move || file("application/json", json.clone())))
        .route("/docs", get(move || shown(html.clone())))
        .route(
            "/docs/docs.css",
            get(|| file("text/css", Bytes::from_static(include_bytes!("docs/docs.css")))),
        )
        .route(
            "/docs/docs.js",
            get(|| file("text/javascript", Bytes::from_static(include_bytes!("docs/docs.js")))),
        )
}

async fn file(content_type: &'static str, bytes: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, bytes).into_response()
}

async fn shown(html: Bytes) -> Response {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (headers, Html(html)).into_response()
}

/// Reads the document, in which everything is, and nothing is missing that OpenAPI requires.
fn page(document: &Value) -> Page {
    let mut groups: Vec<Group> = Vec::new();
    for (path, item) in object(document.get("paths")) {
        for (method, about) in object(Some(item)) {
            let operation = operation(document, method, path, about);
            let name = about.pointer("/tags/0").map(text).unwrap_or_default();
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(operation),
                None => groups.push(Group { name, operations: vec![operation] }),
            }
        }
    }
    let info = |name: &str| document.pointer(&format!("/info/{name}")).map(text).unwrap_or_default();
    Page { title: info("title"), description: info("description"), groups }
}

fn operation(document: &Value, method: &str, path: &str, about: &Value) -> Operation {
    let parameters = about.get("parameters").and_then(Value::as_array).into_iter().flatten();
    let summary = [about.get("summary"), about.get("description")];
    let summary: Vec<String> =
        summary.into_iter().flatten().map(text).filter(|text| !text.is_empty()).collect();
    let answers = object(about.get("responses"));
    Operation {
        id: about.get("operationId").map(text).unwrap_or_default(),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: summary.join(" "),
        parameters: parameters
            .map(|parameter| Parameter {
                name: parameter.get("name").map(text).unwrap_or_default(),
                place: parameter.get("in").map(text).unwrap_or_default(),
                description: parameter.get("description").map(text).unwrap_or_default(),
                required: parameter.get("required").and_then(Value::as_bool).unwrap_or_default(),
            })
            .collect(),
        body: about.get("requestBody").map(|body| Body {
            example: example(document, about).unwrap_or_default(),
            required: body.get("required").and_then(Value::as_bool).unwrap_or_default(),
        }),
        key: key(document, about),
        answers: answers
            .map(|(status, answer)| (status.clone(), answer.get("description").map(text).unwrap_or_default()))
            .collect(),
    }
}

/// The scheme by which it gets its key: its own, or that of the document.
fn key(document: &Value, about: &Value) -> String {
    let schemes = about.get("security").or_else(|| document.get("security"));
    let first = schemes.and_then(|schemes| schemes.get(0)?.as_object()?.keys().next());
    first.cloned().unwrap_or_default()
}

/// The example of the body that it takes.
fn example(document: &Value, about: &Value) -> Option<String> {
    let mut schema = about.pointer("/requestBody/content/application~1json/schema")?;
    // A body that may be left out, or is one of several, has its example at the first one.
    for _ in 0..4 {
        let several = ["oneOf", "anyOf"].into_iter().find_map(|name| schema.get(name)?.as_array());
        let named = |one: &&Value| one.get("$ref").is_some();
        schema = several.and_then(|several| several.iter().find(named)).unwrap_or(schema);
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
        schema = document.pointer(reference.strip_prefix('#')?)?;
    }
    let example = schema.get("example").or_else(|| schema.pointer("/examples/0"))?;
    serde_json::to_string_pretty(example).ok()
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
