//! The OpenAPI document.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Method, Request};
use serde_json::Value;

use crate::stage::Stage;

/// An operation of the document.
pub(crate) struct Operation {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) about: Value,
}

pub(crate) async fn document(stage: &Stage) -> Value {
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    stage.send(request).await.expect(200)
}

pub(crate) fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, about) in item.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            found.push(Operation { method, path: path.clone(), about: about.clone() });
        }
    }
    found
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let stage = Stage::new().await;
    let document = document(&stage).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                references.push(reference.clone());
            }
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn every_operation_has_a_name_a_summary_a_key_and_its_problems() {
    let stage = Stage::new().await;
    let document = document(&stage).await;
    let mut names = BTreeSet::new();
    for Operation { method, path, about } in operations(&document) {
        let name = about["operationId"].as_str().unwrap().to_owned();
        assert!(names.insert(name.clone()), "{name} is there twice");
        assert!(about["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        assert_eq!(about["tags"].as_array().unwrap().len(), 1, "{method} {path}");
        for status in ["401", "404", "429", "503"] {
            let content = &about["responses"][status]["content"];
            let schema =
                content.as_object().unwrap().values().next().unwrap()["schema"]["$ref"].as_str().unwrap();
            assert!(
                schema.ends_with("/Problem") || schema.ends_with("/ErrorDto"),
                "{method} {path} {status}"
            );
        }
        let has = |status: &str| about["responses"][status].is_object();
        let parameters = about["parameters"].as_array().into_iter().flatten();
        let in_query = parameters.filter(|parameter| parameter["in"] == "query").count();
        let (is_egym, has_body) = (path.starts_with("/api/"), about["requestBody"].is_object());
        assert_eq!(has("408"), has_body, "{method} {path}");
        assert_eq!(has("422"), !is_egym && (has_body || in_query > 0), "{method} {path}");
        if method != Method::GET || is_egym {
            assert!(about["responses"]["403"].is_object(), "{method} {path}");
        }
        let schemes = about.get("security").or_else(|| document.get("security")).unwrap();
        for scheme in schemes.as_array().unwrap().iter().flat_map(|scheme| scheme.as_object().unwrap().keys())
        {
            assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
        }
        let parameters: BTreeSet<&str> = about["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let in_path: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(parameters, in_path, "{method} {path}");
    }
}

#[tokio::test]
async fn what_is_documented_is_routed_and_what_is_routed_is_documented() {
    let stage = Stage::new().await;
    let document = document(&stage).await;
    for Operation { method, path, .. } in operations(&document) {
        // Without a key: there is a route exactly if it asks for one.
        let path = path.replace("{gym}", "berlin").replace("{name}", "app").replace("{id}", "1");
        let request = Request::builder().method(&method).uri(&path).body(Body::empty()).unwrap();
        assert_eq!(stage.send(request).await.status, 401, "{method} {path}");
    }
    // The router prints its routes.
    let printed = format!("{:?}", stage.service.router());
    let routed: BTreeSet<&str> =
        printed.split('"').filter(|text| text.starts_with("/v1/") || text.starts_with("/api/")).collect();
    let documented: BTreeSet<&str> =
        document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(routed, documented);
}

/// A client that was generated from the document can unset them.
#[tokio::test]
async fn what_null_unsets_may_be_null_in_the_document() {
    let stage = Stage::new().await;
    let document = document(&stage).await;
    for (schema, field, kind) in [
        ("UpdateDestination", "retry_delays", "array"),
        ("UpdateDestination", "retry_exponential", "string"),
        ("UpdateDestination", "attempt_timeout", "string"),
        ("UpdateSubscription", "events", "array"),
    ] {
        let field = &document["components"]["schemas"][schema]["properties"][field];
        assert_eq!(field["type"], serde_json::json!([kind, "null"]), "{schema}: {field}");
        assert!(field["description"].as_str().unwrap().contains("`null`"), "{schema}: {field}");
    }
}
