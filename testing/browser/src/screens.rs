//! All screens.

use crate::demo::Demo;

/// A screen: what a picture of it is called, and where it is.
#[derive(Clone, Debug)]
pub struct Screen {
    pub name: &'static str,
    pub path: String,
}

/// Every screen of somebody who may do everything.
pub fn screens(demo: &Demo) -> Vec<Screen> {
    let screen = |name, path: String| Screen { name, path };
    let failing = demo.failing;
    let hostile = demo.hostile_subscription;
    vec![
        screen("overview", "/overview".to_owned()),
        screen("deliveries", "/deliveries".to_owned()),
        screen("deliveries-none", "/deliveries?gym=nowhere".to_owned()),
        screen("deliveries-refused", "/deliveries?from=yesterday".to_owned()),
        screen("delivery-failed", format!("/deliveries/{}", demo.failed)),
        screen("delivery-waiting", format!("/deliveries/{}", demo.waiting)),
        screen("delivery-cancel", format!("/deliveries/{}/cancel", demo.waiting)),
        screen("subscriptions", "/subscriptions".to_owned()),
        screen("subscription-failing", format!("/subscriptions/{failing}")),
        screen("subscription-hostile", format!("/subscriptions/{hostile}")),
        screen("subscription-new", "/subscriptions/new".to_owned()),
        screen("subscription-pause", format!("/subscriptions/{failing}/pause")),
        screen("subscription-rotate", format!("/subscriptions/{failing}/rotate")),
        screen("subscription-delete", format!("/subscriptions/{hostile}/delete")),
        screen("destinations", "/destinations".to_owned()),
        screen("destination", "/destinations/member-app".to_owned()),
        screen("destination-new", "/destinations/+new".to_owned()),
        screen("sources", "/sources".to_owned()),
        screen("source", "/sources/egym".to_owned()),
        screen("audit", "/audit".to_owned()),
        screen("keys", "/keys".to_owned()),
        screen("key-new", "/keys/new".to_owned()),
        screen("not-found", "/deliveries/nothing".to_owned()),
    ]
}
