//! The page about the API.

use axum::body::Body;
use http::{Method, Request};
use serde_json::Value;

use crate::document::{document, operations};
use crate::stage::{Answer, Stage};

async fn open(stage: &Stage, path: &str) -> Answer {
    stage.send(Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_page_lists_every_operation_without_a_script_and_asks_no_other_host() {
    let stage = Stage::new().await;
    let page = open(&stage, "/docs").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http")
    );
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    for operation in operations(&document(&stage).await) {
        let id = operation.about["operationId"].as_str().unwrap();
        assert!(html.contains(&format!("<article id=\"{id}\">")), "{id}");
        assert!(html.contains(&format!("<code>{}</code>", operation.path)), "{id}");
    }
    let script = open(&stage, "/docs/docs.js").await;
    let style = open(&stage, "/docs/docs.css").await;
    assert_eq!((script.status.as_u16(), style.status.as_u16()), (200, 200));
    assert_eq!(style.headers["content-type"], "text/css");
    assert_eq!(script.headers["content-type"], "text/javascript");
    // What the policy would not let run is not there, and no URL leads elsewhere.
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains("onclick"));
    assert_eq!(html.matches("<script").count(), 1);
    for text in [
        &html,
        &String::from_utf8(script.body.to_vec()).unwrap(),
        &String::from_utf8(style.body.to_vec()).unwrap(),
    ] {
        for loads in ["src=\"http", "href=\"http", "src=\"//", "href=\"//", "url(", "@import"] {
            assert!(!text.contains(loads), "{loads}");
        }
    }
}

async fn text(stage: &Stage, path: &str) -> String {
    String::from_utf8(open(stage, path).await.body.to_vec()).unwrap()
}

/// What a browser reads of a text in HTML.
fn unescaped(html: &str) -> String {
    html.replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

#[tokio::test]
async fn every_operation_has_a_form_with_its_parameters_its_body_and_its_key() {
    let stage = Stage::new().await;
    let document = document(&stage).await;
    let html = text(&stage, "/docs").await;
    let mut bodies = 0;
    for operation in operations(&document) {
        let id = operation.about["operationId"].as_str().unwrap();
        let (_, article) = html.split_once(&format!("<article id=\"{id}\">")).unwrap();
        let (article, _) = article.split_once("</article>").unwrap();
        let (_, form) =
            article.split_once("<form class=\"try\"").unwrap_or_else(|| panic!("{id} has no form"));
        // EGYM's clients send their key in a header of its own.
        let key = if operation.path.starts_with("/api/v2/") { "x-api-key" } else { "bearer" };
        let start = format!(
            " data-method=\"{}\" data-path=\"{}\" data-key=\"{key}\" hidden>",
            operation.method, operation.path
        );
        assert!(form.starts_with(&start), "{id}: {form}");
        let parameters = operation.about["parameters"].as_array().into_iter().flatten();
        for parameter in parameters {
            let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
            let field = format!(
                "<input name=\"{name}\" data-in=\"{place}\" autocomplete=\"off\" spellcheck=\"false\""
            );
            let (_, rest) = form.split_once(&field).unwrap_or_else(|| panic!("{id}: {name}"));
            assert_eq!(
                rest.starts_with(" required>"),
                parameter["required"] == Value::Bool(true),
                "{id}: {name}"
            );
        }
        let body = form.split_once("<textarea name=\"body\"").map(|(_, rest)| rest);
        assert_eq!(body.is_some(), operation.about["requestBody"].is_object(), "{id}");
        let Some(body) = body else { continue };
        bodies += 1;
        let (attributes, rest) = body.split_once('>').unwrap();
        assert_eq!(
            attributes.contains("required"),
            operation.about["requestBody"]["required"] == Value::Bool(true),
            "{id}"
        );
        let example = unescaped(rest.split("</textarea>").next().unwrap().trim_start());
        let example: Value =
            serde_json::from_str(&example).unwrap_or_else(|error| panic!("{id}: {error}: {example}"));
        assert!(document.to_string().contains(&format!("\"example\":{example}")), "{id}: {example}");
    }
    assert!(bodies >= 10, "{bodies}");
    let (_, publish) = html.split_once("<article id=\"publish\">").unwrap();
    assert!(
        publish
            .split("</article>")
            .next()
            .unwrap()
            .contains("<input name=\"Idempotency-Key\" data-in=\"header\"")
    );
}

/// The example of publishing is one that can be tried.
#[tokio::test]
async fn the_example_of_an_event_is_accepted() {
    let stage = Stage::new().await;
    let html = text(&stage, "/docs").await;
    let (_, publish) = html.split_once("<article id=\"publish\">").unwrap();
    let (_, body) = publish.split_once("<textarea").unwrap();
    let (_, body) = body.split_once('>').unwrap();
    let event: Value = serde_json::from_str(&unescaped(body.split("</textarea>").next().unwrap())).unwrap();
    let operator = stage.operator.clone();
    let answer = stage.call_as(&operator, Method::POST, "/v1/events", &event).await;
    assert_eq!(answer.status.as_u16(), 202, "{answer:?}");
}

#[tokio::test]
async fn the_script_shows_answers_as_text_keeps_no_key_and_asks_before_a_change() {
    let stage = Stage::new().await;
    let script = text(&stage, "/docs/docs.js").await;
    for markup in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "Function("]
    {
        assert!(!script.contains(markup), "{markup}");
    }
    for kept in ["localStorage", "sessionStorage", "indexedDB", "document.cookie", "caches", "history."] {
        assert!(!script.contains(kept), "{kept}");
    }
    assert!(script.contains("credentials: \"omit\"") && script.contains("!== \"GET\" && !confirm("));
}
