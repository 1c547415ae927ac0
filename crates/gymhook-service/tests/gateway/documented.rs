//! What a destination is sent is what the OpenAPI document says of it.

use std::collections::BTreeSet;

use gymhook::event::Vendor;
use gymhook_service::Form;
use http::StatusCode;
use serde_json::Value;

use crate::application::{Application, Request};
use crate::gateway::{Gateway, check_in, destination, settings, source, sqlite};

fn texts<'v>(values: impl IntoIterator<Item = &'v Value>) -> BTreeSet<&'v str> {
    values.into_iter().map(|value| value.as_str().unwrap()).collect()
}

/// The headers of an operation, or only those that are required.
fn headers_of(operation: &Value, only_required: bool) -> BTreeSet<&str> {
    let parameters = operation["parameters"].as_array().unwrap().iter();
    let wanted = parameters.filter(|parameter| !only_required || parameter["required"] == true);
    texts(wanted.map(|parameter| &parameter["name"]))
}

/// The headers of a request that are the gateway's.
fn ours(request: &Request) -> BTreeSet<&str> {
    let ours = |header: &&str| header.starts_with("webhook-") || header.starts_with("gymhook-");
    request.headers.keys().map(http::HeaderName::as_str).filter(ours).collect()
}

/// The event has what the schema requires, and nothing that is not in it.
fn is_described(event: &Value, schema: &Value) {
    let fields: BTreeSet<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let properties = schema["properties"].as_object().unwrap();
    assert!(fields.iter().all(|field| properties.contains_key(*field)), "{fields:?}");
    assert!(texts(schema["required"].as_array().unwrap()).is_subset(&fields), "{fields:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_describes_what_destinations_are_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (events, originals) = (Application::start().await, Application::start().await);
    let mut settings = settings();
    settings.sources = vec![source(Vendor::PG_NEXT, &["berlin"])];
    settings.destinations = vec![destination("events", &events), destination("originals", &originals)];
    settings.destinations[1].form = Form::Original;
    let gateway = Gateway::start(sqlite(folder.path()), settings).await;
    let (status, document) = gateway.call("GET", "/openapi.json", "", None).await;
    assert_eq!(status, StatusCode::OK);
    let documented: BTreeSet<&String> = document["webhooks"].as_object().unwrap().keys().collect();
    assert_eq!(documented.into_iter().collect::<Vec<_>>(), ["event", "original"]);
    assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &check_in("u-1")).await, StatusCode::OK);

    for (name, application) in [("event", &events), ("original", &originals)] {
        let request = application.until_taken(1).await.remove(0);
        let operation = &document["webhooks"][name]["post"];
        assert_eq!(headers_of(operation, false), ours(&request), "{name}");
        let content = operation["requestBody"]["content"].as_object().unwrap();
        assert_eq!(content.keys().collect::<Vec<_>>(), [request.header("content-type")], "{name}");
        if name == "event" {
            is_described(&request.event(), &content["application/cloudevents+json"]["schema"]);
            // The one reading: not the platform's body.
            let data = &request.event()["data"];
            assert_eq!((&data["type"], &data["kind"]), (&"CUSTOMER_CHECKIN".into(), &"check-in".into()));
            assert_eq!((&data["subject"], &data["subject_id"]), (&"customer".into(), &"7893459".into()));
        }
    }

    let (status, sent) = gateway.call("POST", "/v1/destination-tests", gateway.api_key(), None).await;
    assert_eq!(status, StatusCode::OK, "{sent}");
    for (name, application) in [("event", &events), ("original", &originals)] {
        let request = application.until_taken(2).await.remove(1);
        let operation = &document["webhooks"][name]["post"];
        let sent = ours(&request);
        assert!(headers_of(operation, true).is_subset(&sent), "{name}: {sent:?}");
        assert!(sent.is_subset(&headers_of(operation, false)), "{name}: {sent:?}");
        let content = operation["requestBody"]["content"].as_object().unwrap();
        assert!(content.contains_key(request.header("content-type")), "{name}: {:?}", request.headers);
        if let Some(described) = content.get("application/cloudevents+json") {
            is_described(&request.event(), &described["schema"]);
        }
    }
}
