//! What vendors, receivers and subscribers write is shown as text.

use gymhook_engine::store::{ApiKeyOwner, ApiKeyRights};

use crate::stage::Stage;

const HOSTILE: &str =
    "</title></script></pre>\"'><img src=x onerror=planted><svg/onload=planted>{{planted}}&lt;planted";

#[tokio::test]
async fn no_string_of_others_becomes_markup() {
    let stage = Stage::new().await;
    let gym = HOSTILE;
    let subscription = stage.subscription(gym, HOSTILE).await;
    let body = serde_json::to_string(HOSTILE).unwrap();
    let delivery = stage.publish(gym, HOSTILE, &body).await;
    let raw = stage.publish(gym, "raw", HOSTILE).await;
    stage
        .engine
        .issue_api_key(ApiKeyOwner::Gym(HOSTILE.to_owned()), HOSTILE, ApiKeyRights::Read)
        .await
        .unwrap();
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let asked = serde_urlencoded::to_string([("gym", HOSTILE), ("type", HOSTILE)]).unwrap();
    let wrong = serde_urlencoded::to_string([("from", HOSTILE), ("state", "")]).unwrap();
    for path in [
        "/overview".to_owned(),
        "/deliveries".to_owned(),
        format!("/deliveries?{asked}"),
        format!("/deliveries?{wrong}"),
        format!("/deliveries/{delivery}"),
        format!("/deliveries/{raw}"),
        format!("/deliveries/{delivery}/cancel"),
        "/subscriptions".to_owned(),
        format!("/subscriptions?{}", serde_urlencoded::to_string([("gym", HOSTILE)]).unwrap()),
        format!("/subscriptions/{subscription}"),
        format!("/subscriptions/{subscription}/pause"),
        format!("/subscriptions/{subscription}/rotate"),
        format!("/subscriptions/{subscription}/delete"),
        "/keys".to_owned(),
        format!("/sign-in?{}", serde_urlencoded::to_string([("next", HOSTILE)]).unwrap()),
    ] {
        let page = browser.get(&path).await;
        for markup in ["<img src=x", "<svg/onload", "</pre>\"", "\"'>"] {
            assert!(!page.has(markup), "{path}: {markup}: {}", page.text);
        }
        page.is_protected();
    }
    let page = browser.get(&format!("/deliveries/{delivery}")).await;
    assert!(page.has("&#60;img src=x onerror=planted&#62;"), "{}", page.text);
    assert!(page.has("&#38;lt;planted"), "an entity of theirs is text, too");
}
