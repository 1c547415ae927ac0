//! What the lists of subscriptions and destinations say of each.

use core::time::Duration;

use gymhook_engine::store::ApiKeyRights;

use crate::stage::{Browser, Page, Stage};

/// The cell of the first row with this name.
fn cell(page: &Page, name: &str) -> String {
    let (_, rest) = page.text.split_once(&format!("data-name=\"{name}\">")).expect(name);
    rest.split("</td>").next().unwrap().to_owned()
}

#[tokio::test]
async fn a_row_has_its_last_hour_its_last_error_and_its_next_attempt() {
    let stage = Stage::new().await;
    stage.subscription("berlin", "app").await;
    let mut browser = stage.signed_in(Some("berlin"), ApiKeyRights::Read).await;
    let page = browser.get("/subscriptions").await.expect(200);
    assert!(cell(&page, "Last hour").contains("nothing sent"));
    assert!(cell(&page, "Last error").contains("none lately"));
    assert!(cell(&page, "Next attempt").contains("none"));

    let delivery = stage.publish("berlin", "member.updated", "{}").await;
    stage.attempted(delivery).await;
    let check = |page: &Page| {
        let error = cell(page, "Last error");
        assert!(
            error.contains(&format!("<a href=\"/deliveries/{delivery}\">dns</a>")),
            "{error}: its host has no address"
        );
        // The schedule's 600 s.
        let next = cell(page, "Next attempt");
        assert!(next.contains("in 10 min") || next.contains("in 9 min"), "{next}");
    };
    let mut page = browser.get("/subscriptions").await.expect(200);
    page.is_protected();
    // It is counted once it is in the log.
    for _ in 0..1_000 {
        if !cell(&page, "Last hour").contains("nothing sent") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        page = browser.get("/subscriptions").await.expect(200);
    }
    check(&page);
    let hour = cell(&page, "Last hour");
    assert!(hour.contains("aria-label=\"Attempts of the last hour: 0 delivered, 1 failed.\""), "{hour}");
    assert!(hour.contains("class=\"bar-bad\"") && hour.contains("1 failed</span>"), "{hour}");

    // After a restart the plot begins anew, and the error is the log's.
    let key = stage.key(Some("berlin"), ApiKeyRights::Read).await;
    let mut again = Browser { router: stage.again(|_| {}).await, ..stage.browser() };
    again.sign_in(key.expose_key()).await;
    let page = again.get("/subscriptions").await.expect(200);
    check(&page);
    assert!(cell(&page, "Last hour").contains("nothing sent"));

    stage.engine.cancel(delivery).await.unwrap();
    for _ in 0..200 {
        if cell(&browser.get("/subscriptions").await, "Next attempt").contains("none") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("an attempt is still to come");
}
