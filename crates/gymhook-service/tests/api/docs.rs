//! The page about the API.

use axum::body::Body;
use http::Request;

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
