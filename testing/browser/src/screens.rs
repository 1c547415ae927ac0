//! All screens.

use std::time::Duration;

use fantoccini::Locator;

use crate::browser::{Browser, Result};
use crate::demo::Demo;

/// A screen: what a picture of it is called, and where it is.
#[derive(Clone, Debug)]
pub struct Screen {
    pub name: &'static str,
    pub path: String,
    /// The button that leads to it from there, and an element that it has.
    press: Option<(&'static str, &'static str)>,
}

impl Screen {
    /// Shows it.
    ///
    /// # Errors
    /// It is not there.
    pub async fn show(&self, browser: &Browser, base: &str) -> Result<()> {
        browser.client.goto(&format!("{base}{}", self.path)).await?;
        if let Some((button, element)) = self.press {
            browser.client.find(Locator::Css(button)).await?.click().await?;
            let patience = Duration::from_secs(10);
            browser.client.wait().at_most(patience).for_element(Locator::Css(element)).await?;
        }
        Ok(())
    }
}

/// Every screen of somebody who may do everything.
pub fn screens(demo: &Demo) -> Vec<Screen> {
    let screen = |name, path: String| Screen { name, path, press: None };
    let pressed = |name, path: String, button, element| Screen { name, path, press: Some((button, element)) };
    let key = demo.hostile_key;
    let failing = demo.failing;
    let hostile = demo.hostile_subscription;
    vec![
        screen("overview", "/overview".to_owned()),
        screen("deliveries", "/deliveries".to_owned()),
        screen("deliveries-none", "/deliveries?gym=nowhere".to_owned()),
        screen("deliveries-refused", "/deliveries?from=yesterday".to_owned()),
        screen("delivery-failed", format!("/deliveries/{}", demo.failed)),
        screen("delivery-waiting", format!("/deliveries/{}", demo.waiting)),
        screen("delivery-delivered", format!("/deliveries/{}", demo.delivered)),
        screen("delivery-incoming", format!("/deliveries/{}", demo.incoming)),
        screen("delivery-cancel", format!("/deliveries/{}/cancel", demo.waiting)),
        screen("subscriptions", "/subscriptions".to_owned()),
        screen("subscription-failing", format!("/subscriptions/{failing}")),
        screen("subscription-hostile", format!("/subscriptions/{hostile}")),
        screen("subscription-new", "/subscriptions/new".to_owned()),
        screen("subscription-edit", format!("/subscriptions/{failing}/edit")),
        screen("subscription-edit-hostile", format!("/subscriptions/{hostile}/edit")),
        screen("subscription-pause", format!("/subscriptions/{failing}/pause")),
        screen("subscription-rotate", format!("/subscriptions/{failing}/rotate")),
        pressed(
            "subscription-secret",
            format!("/subscriptions/{failing}/rotate"),
            "button.danger",
            "#secret",
        ),
        pressed(
            "subscriptions-tested",
            "/subscriptions?gym=graz".to_owned(),
            "form[action$=test-all] button",
            "table td[data-name=Test]",
        ),
        screen("subscription-delete", format!("/subscriptions/{hostile}/delete")),
        screen("destinations", "/destinations".to_owned()),
        pressed(
            "destinations-tested",
            "/destinations".to_owned(),
            "form[action$=test-all] button",
            "table td[data-name=Test]",
        ),
        screen("destination", "/destinations/member-app".to_owned()),
        screen("destination-edit", "/destinations/door-app/edit".to_owned()),
        screen("destination-pause", "/destinations/door-app/pause".to_owned()),
        screen("destination-rotate", "/destinations/door-app/rotate".to_owned()),
        screen("destination-delete", "/destinations/door-app/delete".to_owned()),
        screen("destination-new", "/destinations/+new".to_owned()),
        screen("sources", "/sources".to_owned()),
        screen("source", "/sources/egym".to_owned()),
        screen("audit", "/audit".to_owned()),
        screen("keys", "/keys".to_owned()),
        screen("key-new", "/keys/new".to_owned()),
        screen("key-rotate", format!("/keys/{key}/rotate")),
        screen("key-revoke", format!("/keys/{key}/revoke")),
        screen("docs", "/docs".to_owned()),
        screen("not-found", "/deliveries/nothing".to_owned()),
    ]
}
