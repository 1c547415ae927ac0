//! What a destination is sent is what the OpenAPI document says of it.

use std::collections::BTreeSet;

use gymhook::event::Vendor;
use gymhook_service::Form;
use http::StatusCode;
use serde_json::Value;

use crate::application::Application;
use crate::gateway::{Gateway, check_in, destination, settings, source, sqlite};

fn texts<'v>(values: impl IntoIterator<Item = &'v Value>) -> BTreeSet<&'v str> {
    values.into_iter().map(|value| value.as_str().unwrap()).collect()
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
        let parameters = operation["parameters"].as_array().unwrap();
        let headers = texts(parameters.iter().map(|parameter| &parameter["name"]));
        let ours = |header: &&str| header.starts_with("webhook-") || header.starts_with("gymhook-");
        let sent: BTreeSet<&str> =
            request.headers.keys().map(http::HeaderName::as_str).filter(ours).collect();
        assert_eq!(headers, sent, "{name}");
        let content = operation["requestBody"]["content"].as_object().unwrap();
        assert_eq!(content.keys().collect::<Vec<_>>(), [request.header("content-type")], "{name}");
        if name == "event" {
            let schema = &content["application/cloudevents+json"]["schema"];
            let event = request.event();
            let fields: BTreeSet<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
            let properties = schema["properties"].as_object().unwrap();
            assert!(fields.iter().all(|field| properties.contains_key(*field)), "{fields:?}");
            assert!(texts(schema["required"].as_array().unwrap()).is_subset(&fields), "{fields:?}");
        }
    }
}
