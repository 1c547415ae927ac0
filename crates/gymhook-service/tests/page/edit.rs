//! Changing subscriptions and destinations.

use core::time::Duration;
use std::collections::BTreeMap;

use gymhook::retry::AttemptNumber;
use gymhook::send::{EndpointUrl, EventFilter};
use gymhook_engine::store::{ApiKeyRights, Store as _, SubscriptionQuery};
use gymhook_engine::{EndpointId, Subscription};

use crate::form::Form;
use crate::stage::Stage;

async fn held(stage: &Stage, id: EndpointId) -> Subscription {
    stage.engine.subscription(id).await.unwrap().unwrap()
}

/// Everything that a form can set, with the values of headers.
fn settings(subscription: &Subscription) -> String {
    let http = subscription.http().unwrap();
    let url = |url: &EndpointUrl| url.to_uri().to_string();
    let urls: BTreeMap<_, _> = http.urls().iter().map(|(event_type, it)| (event_type, url(it))).collect();
    let headers: Vec<_> =
        http.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let policy = subscription.policy();
    let filters: Option<Vec<String>> =
        subscription.filters().map(|filters| filters.iter().map(ToString::to_string).collect());
    let rate = policy.rate().map(|rate| format!("{} in {:?}", rate.attempts(), rate.per()));
    format!(
        "label {:?}, url {}, filters {}, urls {urls:?}, headers {headers:?}, {} at a time, {}, ordered {}, notes {:?}",
        subscription.label(),
        url(http.url()),
        filters.map_or_else(|| "none".to_owned(), |filters| filters.join(" ")),
        policy.max_in_flight(),
        rate.as_deref().unwrap_or("no rate"),
        policy.is_ordered(),
        subscription.metadata()
    )
}

#[tokio::test]
async fn a_subscription_is_edited_and_what_is_not_touched_stays() {
    let stage = Stage::new().await;
    let id = stage.subscription("berlin", "app").await;
    let before = settings(&held(&stage, id).await);
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let (path, edit) = (format!("/subscriptions/{id}"), format!("/subscriptions/{id}/edit"));
    assert!(browser.get(&path).await.expect(200).has(&format!("href=\"{edit}\"")), "there is a link");
    let page = browser.get(&edit).await.expect(200);
    page.is_protected();
    assert!(!page.has("header-canary") && !page.has("secret-canary"), "{}", page.text);
    let form = Form::on(&page, &edit);
    assert_eq!(form.value("url"), "https://receiver.example/hooks?token=query-canary");
    assert_eq!(form.value("headers"), "x-token:\r\n");
    assert_eq!(form.send(&mut browser).await.expect(303).location(), path);
    assert_eq!(settings(&held(&stage, id).await), before, "nothing was touched");
    assert!(browser.get(&path).await.has("It was changed"));

    let form = form
        .with("label", " front desk ")
        .with("url", "https://receiver.example/new")
        .with("events", "member.*, checkin.created")
        .with("urls", "member.created https://other.example/members?a=b\r\n")
        .with("headers", "X-Token:\r\nx-new: its value: with a colon\r\n")
        .with("max_in_flight", "7")
        .with("rate_attempts", "120")
        .with("rate_seconds", "60")
        .with("metadata", "contact: front desk\r\n\r\nroom: 4:2");
    form.send(&mut browser).await.expect(303);
    let changed = settings(&held(&stage, id).await);
    assert_eq!(
        changed,
        "label \"front desk\", url https://receiver.example/new, filters checkin.created member.*, \
         urls {\"member.created\": \"https://other.example/members?a=b\"}, \
         headers [(\"x-new\", \"its value: with a colon\"), (\"x-token\", \"header-canary\")], 7 at a time, \
         120 in 60s, ordered false, notes {\"contact\": \"front desk\", \"room\": \"4:2\"}"
    );
    let rate = held(&stage, id).await.policy().rate().unwrap();
    assert_eq!((rate.attempts().get(), rate.per().as_secs(), rate.burst().get()), (120, 60, 1));
    assert!(browser.get(&path).await.has("contact: front desk"));

    // In order is one at a time.
    Form::at(&mut browser, &edit).await.with("ordered", "yes").send(&mut browser).await.expect(303);
    let ordered = held(&stage, id).await;
    assert!(ordered.policy().is_ordered());
    assert_eq!(Form::at(&mut browser, &edit).await.value("ordered"), "yes");

    // Everything that may be left out is taken away again.
    let mut form = Form::at(&mut browser, &edit).await;
    form.send(&mut browser).await.expect(303);
    assert_eq!(settings(&held(&stage, id).await), settings(&ordered), "nothing was touched");
    form = Form::at(&mut browser, &edit).await;
    for field in [
        "label",
        "events",
        "urls",
        "headers",
        "rate_attempts",
        "rate_seconds",
        "rate_burst",
        "ordered",
        "metadata",
    ] {
        form = form.with(field, "");
    }
    form.send(&mut browser).await.expect(303);
    let bare = held(&stage, id).await;
    let http = bare.http().unwrap();
    assert!(bare.filters().is_none() && http.urls().is_empty() && http.headers().is_empty());
    assert!(bare.policy().rate().is_none() && !bare.policy().is_ordered() && bare.metadata().is_empty());
    assert_eq!(bare.label(), "");
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_nothing_is_changed() {
    let stage = Stage::new().await;
    let id = stage.subscription("berlin", "app").await;
    let before = settings(&held(&stage, id).await);
    let mut browser = stage.signed_in(Some("berlin"), ApiKeyRights::Write).await;
    let edit = format!("/subscriptions/{id}/edit");
    let form = Form::at(&mut browser, &edit).await;
    for (field, value) in [
        ("url", "http://169.254.169.254/"),
        ("url", ""),
        ("label", &*"x".repeat(201)),
        ("events", "a*b"),
        ("urls", "https://no-type.example/"),
        ("urls", "member.created http://10.0.0.1/"),
        ("urls", "a https://receiver.example/1\na https://receiver.example/2"),
        ("headers", "x-token:\nx-new:"),
        ("headers", "x-new header-without-a-colon"),
        ("headers", "bad name: 1"),
        ("headers", "x-token: a\nX-Token: b"),
        ("headers", "webhook-signature: v1,forged"),
        ("max_in_flight", "0"),
        ("max_in_flight", ""),
        ("metadata", "no colon"),
        ("metadata", ": no name"),
    ] {
        let refused = form.clone().with(field, value).send(&mut browser).await;
        assert_eq!(refused.status.as_u16(), 422, "{field}: {value}");
        refused.is_protected();
        let (_, after) = refused.text.split_once(&format!("id=\"{field}\"")).unwrap();
        let tag = after.split('>').next().unwrap();
        assert!(tag.contains("aria-invalid=\"true\"") && tag.contains("problem"), "{field} {value}: {tag}");
        assert_eq!(refused.text.matches("aria-invalid").count(), 1, "{field} {value}");
        assert_eq!(
            Form::on(&refused, &edit).value(field).replace('\r', "").trim(),
            value,
            "it is still there"
        );
        assert!(!refused.has("header-canary"));
    }
    for (field, value, wrong) in [
        ("rate_attempts", "5", "rate_seconds"),
        ("rate_seconds", "60", "rate_attempts"),
        ("rate_burst", "2", "rate_attempts"),
        ("rate_attempts", "-1", "rate_attempts"),
    ] {
        let refused = form.clone().with(field, value).send(&mut browser).await.expect(422);
        let (_, after) = refused.text.split_once(&format!("id=\"{wrong}\"")).unwrap();
        let tag = after.split('>').next().unwrap();
        assert!(
            tag.contains("aria-describedby=\"problem rate-hint\" aria-invalid=\"true\""),
            "{field}: {tag}"
        );
        assert_eq!(refused.text.matches("aria-invalid").count(), 1, "{field} {value}");
        assert!(refused.has(&format!("<label for=\"{wrong}\">")) && refused.has("of the rate limit: write"));
    }
    let too_long = form.clone().with("rate_attempts", "5").with("rate_seconds", "86401");
    assert!(too_long.send(&mut browser).await.expect(422).has("86,400 seconds"));
    assert_eq!(settings(&held(&stage, id).await), before);
}

#[tokio::test]
async fn what_another_has_changed_meanwhile_is_not_undone_unseen() {
    let stage = Stage::new().await;
    let id = stage.subscription("berlin", "app").await;
    let mut one = stage.signed_in(None, ApiKeyRights::Write).await;
    let mut other = stage.signed_in(None, ApiKeyRights::Write).await;
    let edit = format!("/subscriptions/{id}/edit");
    let (first, second) = (Form::at(&mut one, &edit).await, Form::at(&mut other, &edit).await);
    first.with("label", "the first one's").send(&mut one).await.expect(303);
    let refused = second.with("max_in_flight", "3").send(&mut other).await.expect(422);
    assert!(refused.has("was changed since this form was loaded"), "{}", refused.text);
    assert_eq!(held(&stage, id).await.label(), "the first one's");
    Form::on(&refused, &edit).send(&mut other).await.expect(303);
    assert_eq!(
        (held(&stage, id).await.label(), held(&stage, id).await.policy().max_in_flight().get()),
        ("app", 3)
    );
}

#[tokio::test]
async fn what_a_field_cannot_hold_stays_as_it_is() {
    let stage = Stage::new().await;
    let id = stage.subscription("berlin", "two\nlines").await;
    let mut headers = http::HeaderMap::new();
    for value in ["one", "two"] {
        headers.append("x-twice", value.parse().unwrap());
    }
    let note = BTreeMap::from([("a: b".to_owned(), "first\nsecond".to_owned())]);
    let odd = held(&stage, id).await.with_metadata(note).with_headers(headers);
    let odd = odd.only([EventFilter::from("a, b")]);
    stage.engine.put_subscription(&odd).await.unwrap();
    let before = settings(&held(&stage, id).await);
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let edit = format!("/subscriptions/{id}/edit");
    let form = Form::at(&mut browser, &edit).await;
    // A browser's field of one line has no line ends.
    let label = form.value("label").replace('\n', "");
    form.clone().with("label", &label).send(&mut browser).await.expect(303);
    assert_eq!(settings(&held(&stage, id).await), before);
    let refused = form.clone().with("metadata", "c: d").send(&mut browser).await.expect(422);
    assert!(refused.has("change them through the API"), "{}", refused.text);
    let refused = form.clone().with("events", "a, b, c").send(&mut browser).await.expect(422);
    assert!(refused.has("change them through the API"), "{}", refused.text);
    form.with("headers", "x-twice:\nx-new: 1").send(&mut browser).await.expect(422);
    assert_eq!(settings(&held(&stage, id).await), before);
}

#[tokio::test]
async fn a_studio_with_a_comma_is_not_split() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let key = stage.key(None, ApiKeyRights::Write).await;
    let new = http::Request::post("/v1/destinations")
        .header("authorization", format!("Bearer {}", key.expose_key()))
        .header("content-type", "application/json")
        .body(r#"{"name":"app","url":"http://127.0.0.1:9/","studios":["Berlin, Mitte","Wien"]}"#.into());
    browser.send(new.unwrap()).await.expect(201);
    let form = Form::at(&mut browser, "/destinations/app/edit").await;
    assert_eq!(form.value("studios"), "Berlin, Mitte, Wien");
    let touched =
        form.clone().with("studios", "Berlin, Mitte, Wien, Graz").send(&mut browser).await.expect(422);
    assert!(touched.has("change them through the API"), "{}", touched.text);
    form.with("kinds", "check-in").send(&mut browser).await.expect(303);
    let query = SubscriptionQuery { platform: Some("destination".to_owned()), ..SubscriptionQuery::new(1) };
    let id = stage.engine.store().subscriptions(query).await.unwrap().items[0].id;
    let kept = held(&stage, id).await.metadata()["filter.00"].clone();
    assert!(kept.contains(r#""studios":["Berlin, Mitte","Wien"]"#) && kept.contains("check-in"), "{kept}");
}

#[tokio::test]
async fn a_new_subscription_has_the_same_fields() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(Some("berlin"), ApiKeyRights::Write).await;
    let form = Form::at(&mut browser, "/subscriptions/new").await.with("url", "https://receiver.example/");
    let form = form
        .with("headers", "authorization: Bearer header-canary")
        .with("rate_attempts", "2")
        .with("rate_seconds", "1");
    let refused = form.clone().with("max_in_flight", "x").send(&mut browser).await.expect(422);
    assert!(refused.has("<details open>"), "the field is seen");
    form.send(&mut browser).await.expect(200);
    let listed = stage.engine.subscriptions(SubscriptionQuery::new(10)).await.unwrap().items;
    let created = listed.iter().find(|one| one.gym() == "berlin").unwrap();
    assert_eq!(created.http().unwrap().headers()["authorization"], "Bearer header-canary");
    assert_eq!(created.policy().rate().unwrap().interval().as_millis(), 500);
}

#[tokio::test]
async fn a_destination_is_edited_and_what_is_not_touched_stays() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let new = [
        ("name", "app"),
        ("url", "http://127.0.0.1:9/?token=a"),
        ("form", "original"),
        ("sources", "egym"),
        ("studios", "berlin, wien"),
    ];
    browser.submit("/destinations/+new", "/destinations/+new", &new).await.expect(200);
    assert!(browser.get("/destinations/app").await.has("href=\"/destinations/app/edit\""));
    let edit = "/destinations/app/edit";
    let form = Form::at(&mut browser, edit).await;
    assert_eq!(form.send(&mut browser).await.expect(303).location(), "/destinations/app");
    let again = Form::at(&mut browser, edit).await;
    for (field, value) in [
        ("url", "http://127.0.0.1:9/?token=a"),
        ("form", "original"),
        ("sources", "egym"),
        ("studios", "berlin, wien"),
        ("kinds", ""),
    ] {
        assert_eq!(again.value(field), value, "{field}");
    }
    for (field, value) in [
        ("url", "http://169.254.169.254/"),
        ("form", "xml"),
        ("kinds", "check-in, chek-in"),
        ("studios", &*"s".repeat(30_000)),
    ] {
        let refused = form.clone().with(field, value).send(&mut browser).await.expect(422);
        let (_, after) = refused.text.split_once(&format!("id=\"{field}\"")).unwrap();
        assert!(after.split('>').next().unwrap().contains("aria-invalid=\"true\""), "{field}: {after}");
    }
    let changed = form
        .clone()
        .with("url", "http://127.0.0.1:9/new")
        .with("kinds", "check-in")
        .with("studios", "")
        .with("form", "cloudevents");
    changed.send(&mut browser).await.expect(303);
    let after = Form::at(&mut browser, edit).await;
    for (field, value) in [
        ("url", "http://127.0.0.1:9/new"),
        ("form", "cloudevents"),
        ("sources", "egym"),
        ("studios", ""),
        ("kinds", "check-in"),
    ] {
        assert_eq!(after.value(field), value, "{field}");
    }
    let stale = form.send(&mut browser).await.expect(422);
    assert!(stale.has("was changed since this form was loaded"), "{}", stale.text);
    browser.get("/destinations/nothing/edit").await.expect(404);
}

#[tokio::test]
async fn how_a_destination_is_retried_is_set_and_set_back() {
    let stage = Stage::new().await;
    let mut browser = stage.signed_in(None, ApiKeyRights::Write).await;
    let (new, edit) = ("/destinations/+new", "/destinations/app/edit");
    let form = Form::at(&mut browser, new).await.with("name", "app").with("url", "http://127.0.0.1:9/");
    let both = form.clone().with("retry_delays", "5s").with("retry_exponential", "1m,2,1h,5");
    let refused = both.send(&mut browser).await.expect(422);
    assert!(refused.has("exclude one another") && refused.has("<details open>"), "{}", refused.text);
    let created = form.with("retry_delays", "5s, 1m").with("attempt_timeout", "4s");
    created.send(&mut browser).await.expect(200);

    let query = SubscriptionQuery { platform: Some("destination".to_owned()), ..SubscriptionQuery::new(1) };
    let id = stage.engine.store().subscriptions(query).await.unwrap().items[0].id;
    let retried = async || {
        let retry = held(&stage, id).await.policy().retry().clone();
        let failed = (1..=retry.schedule().retries()).filter_map(AttemptNumber::new);
        let delays: Vec<_> = failed.filter_map(|failed| retry.schedule().delay_after(failed)).collect();
        let delays: Vec<_> = delays.iter().map(Duration::as_secs).collect();
        (delays, retry.attempt_timeout().as_secs())
    };
    assert_eq!(retried().await, (vec![5, 60], 4));
    let form = Form::at(&mut browser, edit).await;
    let fields = |form: &Form| {
        ["retry_delays", "retry_exponential", "attempt_timeout"].map(|field| form.value(field).to_owned())
    };
    assert_eq!(fields(&form), ["5s, 1m", "", "4s"]);
    for (field, value, wrong) in [
        ("retry_delays", "5s, soon", "retry_delays"),
        ("retry_delays", "1ms", "retry_delays"),
        ("retry_exponential", "1m,2,1h", "retry_exponential"),
        ("attempt_timeout", "3m", "attempt_timeout"),
    ] {
        let refused = form.clone().with(field, value).send(&mut browser).await.expect(422);
        let (_, after) = refused.text.split_once(&format!("id=\"{wrong}\"")).unwrap();
        assert!(after.split('>').next().unwrap().contains("aria-invalid=\"true\""), "{field}: {after}");
        assert_eq!(refused.text.matches("aria-invalid").count(), 1, "{field} {value}");
        assert_eq!(Form::on(&refused, edit).value(field), value, "it is still there");
    }
    assert_eq!(retried().await, (vec![5, 60], 4), "nothing was changed");

    // Each of these begins with what the one before it left. The default is what Standard Webhooks recommends.
    let standard = || vec![5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    for (changes, shown, are) in [
        (&[("url", "http://127.0.0.1:9/new")][..], ["5s, 1m", "", "4s"], (vec![5, 60], 4)),
        (&[("retry_exponential", "1m,3,10m,4")], ["1m, 3m, 9m, 10m", "", "4s"], (vec![60, 180, 540, 600], 4)),
        (&[("retry_delays", "none")], ["none", "", "4s"], (vec![], 4)),
        (&[("kinds", "check-in")], ["none", "", "4s"], (vec![], 4)),
        (&[("retry_delays", "")], ["", "", "4s"], (standard(), 4)),
        (&[("attempt_timeout", "")], ["", "", ""], (standard(), 15)),
        (&[("retry_delays", "90s"), ("attempt_timeout", "1m")], ["90s", "", "1m"], (vec![90], 60)),
        (&[("retry_delays", ""), ("retry_exponential", "1s,1,1s,1")], ["1s", "", "1m"], (vec![1], 60)),
    ] {
        let form = Form::at(&mut browser, edit).await;
        let form = changes.iter().fold(form, |form, (field, value)| form.with(field, value));
        form.send(&mut browser).await.expect(303);
        assert_eq!(retried().await, are, "{changes:?}");
        assert_eq!(fields(&Form::at(&mut browser, edit).await), shown, "{changes:?}");
    }
    assert!(browser.get(edit).await.has("5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 1d"), "the default is told");
    // What another has changed of it is not undone unseen.
    let stale = Form::at(&mut browser, edit).await;
    Form::at(&mut browser, edit).await.with("attempt_timeout", "2s").send(&mut browser).await.expect(303);
    let refused = stale.with("kinds", "").send(&mut browser).await.expect(422);
    assert!(refused.has("was changed since this form was loaded"), "{}", refused.text);
}
