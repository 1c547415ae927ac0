//! What strangers, vendors and receivers may write.

use gymhook::event::Vendor;
use http::{HeaderMap, StatusCode};

use crate::application::Application;
use crate::gateway::{Gateway, settings_to, sqlite};

#[tokio::test(flavor = "multi_thread")]
async fn text_of_a_vendor_is_passed_on_and_breaks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    let hostile = [
        r"\u0000\r\nx-injected: 1",
        r"</script><script>alert(1)</script>",
        r"\u202e\ufeff\ud83d\ude00",
        r"../../../etc/passwd",
        &"x".repeat(10_000),
        "",
    ];
    for (number, text) in hostile.iter().enumerate() {
        let body = format!(
            r#"{{"entityId":"{text}","uuid":"{number}-{text}","payload":[{{"timestamp":1,"type":"CUSTOMER_CREATED","content":{{"note":"{text}"}}}}]}}"#
        );
        assert_eq!(gateway.receive(Vendor::PG_NEXT, "", &body).await, StatusCode::OK, "{text:.30}");
    }
    let taken = application.until_taken(hostile.len()).await;
    gateway.until_idle().await;
    for request in &taken {
        let event = request.event();
        let id = event["id"].as_str().unwrap();
        assert!(!id.is_empty() && id.len() < 400 && !id.contains(char::is_control), "{id:?}");
        assert!(!request.headers.contains_key("x-injected"));
    }
    let notes: Vec<_> = taken.iter().map(|request| request.event()["data"]["data"]["note"].clone()).collect();
    for text in hostile {
        let note: serde_json::Value = serde_json::from_str(&format!("\"{text}\"")).unwrap();
        assert!(notes.contains(&note), "{text:.30}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_is_refused_and_passed_on_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let application = Application::start().await;
    let gateway = Gateway::start(sqlite(folder.path()), settings_to(&application)).await;
    for vendor in Vendor::ALL {
        let path = format!("/in/{vendor}");
        let unsigned = gateway.post(&path, HeaderMap::new(), "{}").await;
        assert_eq!(unsigned, StatusCode::UNAUTHORIZED, "{vendor}");
        let wrong = gateway.receive_signed(*vendor, "berlin", "another-secret-of-128-bits", "r", "{}").await;
        assert_eq!(wrong, StatusCode::UNAUTHORIZED, "{vendor}");
    }
    assert_eq!(gateway.post("/in/nobody", HeaderMap::new(), "{}").await, StatusCode::NOT_FOUND);
    gateway.until_idle().await;
    assert!(application.attempts().is_empty());
}
