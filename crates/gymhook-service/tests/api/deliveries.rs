//! The log, and what is done with what it lists.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::stage::{Receiver, Rights, Stage};

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// All deliveries that a query lists, page by page.
async fn all(stage: &Stage, query: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = stage.get(&format!("/v1/deliveries?{query}{cursor}")).await.expect(200);
        found.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

/// Two gyms with a disabled subscription each, so that everything waits: the types alternate.
async fn waiting() -> (Stage, [String; 2]) {
    let stage = Stage::new().await;
    let mut subscriptions = [String::new(), String::new()];
    for (gym, id) in ["berlin", "wien"].iter().zip(&mut subscriptions) {
        let new = json!({"gym": gym, "platform": "gympoint", "url": "https://receiver.example/"});
        *id = stage.post("/v1/subscriptions", new).await.expect(201)["id"].as_str().unwrap().to_owned();
        stage.post(&format!("/v1/subscriptions/{id}/disable"), Value::Null).await.expect(202);
        loop {
            let found = stage.get(&format!("/v1/subscriptions/{id}")).await.expect(200);
            if found["health"]["status"] == json!("disabled") {
                break;
            }
            tokio::time::sleep(core::time::Duration::from_millis(20)).await;
        }
        for number in 0..6 {
            let event_type = if number % 2 == 0 { "checkin.created" } else { "member.created" };
            stage.publish(gym, event_type).await;
        }
    }
    (stage, subscriptions)
}

#[tokio::test]
async fn filters_narrow_the_list_and_pages_leave_nothing_out() {
    let (stage, [berlin, _]) = waiting().await;
    for (query, count) in [
        ("limit=5", 12),
        ("gym=berlin&limit=1", 6),
        ("gym=berlin&type=checkin.created", 3),
        ("kind=check-in&limit=2", 6),
        ("kind=check-in&gym=wien", 3),
        ("kind=member-created&type=checkin.created", 0),
        ("state=waiting", 12),
        ("state=delivered", 0),
        ("from=2020-01-01T00:00:00Z", 12),
        ("until=2020-01-01T00:00:00Z", 0),
        ("from=2020-01-01T00:00:00%2B01:00&until=2999-01-01T00:00:00Z", 12),
        ("gym=nowhere", 0),
        ("gym=%27%20OR%201%3D1%20--", 0),
    ] {
        let found = all(&stage, query).await;
        assert_eq!(found.len(), count, "{query}");
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), count, "{query}: each once");
    }
    assert_eq!(all(&stage, &format!("endpoint={berlin}")).await.len(), 6);
}

#[tokio::test]
async fn every_parameter_is_checked_by_name() {
    let stage = Stage::new().await;
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=-1", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=99999999999999999999999", "cursor"),
        ("state=Waiting", "state"),
        ("state=", "state"),
        ("kind=checkin", "kind"),
        ("endpoint=1", "endpoint"),
        ("from=yesterday", "from"),
        ("from=2026-01-01", "from"),
        ("until=2026-13-01T00:00:00Z", "until"),
        ("gym=a%00b", "gym"),
        ("type=%00", "type"),
    ] {
        let (place, _) = stage.get(&format!("/v1/deliveries?{query}")).await.problem(422);
        assert_eq!(place, name, "{query}");
    }
    let (_, detail) = stage.get("/v1/deliveries?kind=checkin").await.problem(422);
    assert!(detail.contains("did you mean \"check-in\"?"), "{detail}");
    let (_, detail) = stage.get("/v1/deliveries?kind=zzzz").await.problem(422);
    assert!(!detail.contains("mean") && detail.contains("choose one of check-in"), "{detail}");
    // Made up, but possible: it is a place in the log like any other.
    for cursor in ["0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615"] {
        stage.get(&format!("/v1/deliveries?cursor={cursor}")).await.expect(200);
    }
    let long = "x".repeat(60_000);
    assert_eq!(stage.get(&format!("/v1/deliveries?gym={long}")).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_delivery_is_shown_with_its_attempts_and_can_be_sent_again() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    // EGYM makes one attempt.
    let new = json!({"gym": "berlin", "platform": "egym", "url": receiver.url});
    stage.post("/v1/subscriptions", new).await.expect(201);
    receiver.answer_next(500, "<script>alert(1)</script>");
    let delivery = stage.publish("berlin", "GYM_CHECKIN").await.remove(0);
    let found = stage.until(&delivery, "undeliverable").await;
    assert_eq!(found["log"][0]["status"], json!(500));
    assert_eq!(found["log"][0]["response"], json!("<script>alert(1)</script>"));
    assert_eq!(
        (&found["reason"], &found["attempts"], &found["test"]),
        (&json!("exhausted"), &json!(1), &json!(false))
    );
    assert_eq!(found["body_bytes"], json!(r#"{"member":17}"#.len()));
    let path = format!("/v1/deliveries/{delivery}");
    stage.post(&format!("{path}/cancel"), Value::Null).await.problem(409);
    stage.post(&format!("{path}/redeliver"), Value::Null).await.expect(202);
    let found = stage.until(&delivery, "delivered").await;
    assert_eq!((&found["round"], &found["log"][1]["status"]), (&json!(2), &json!(204)));
    assert_eq!((receiver.requests().len(), &found["log_next"]), (2, &Value::Null));
    let first = stage.get(&format!("{path}/attempts?limit=1")).await.expect(200);
    assert_eq!((&first["items"], &first["next"]), (&json!([found["log"][0]]), &json!("1")));
    let second = stage.get(&format!("{path}/attempts?cursor=1")).await.expect(200);
    assert_eq!((&second["items"], &second["next"]), (&json!([found["log"][1]]), &Value::Null));
    for cursor in ["2147483648", "18446744073709551615"] {
        let none = stage.get(&format!("{path}/attempts?cursor={cursor}")).await.expect(200);
        assert_eq!(none["items"], json!([]));
    }
    assert_eq!(stage.get(&format!("{path}/attempts?cursor=x")).await.problem(422).0, "cursor");
}

#[tokio::test]
async fn a_body_is_a_file_and_never_a_page() {
    let (stage, receiver) = (Stage::new().await, Receiver::new().await);
    stage.subscribe("berlin", &receiver.url).await;
    let event = json!({"gym": "berlin", "type": "x", "body": "<script>alert(1)</script>"});
    let published = stage.post("/v1/events", event).await.expect(202);
    let id = published["deliveries"][0]["id"].as_str().unwrap();
    let answer = stage.get(&format!("/v1/deliveries/{id}/body")).await;
    assert_eq!(answer.body, "<script>alert(1)</script>");
    assert_eq!(answer.headers["content-type"], "application/octet-stream");
    assert_eq!(answer.headers["content-disposition"], format!("attachment; filename=\"{id}.json\""));
    assert_eq!(answer.headers["content-security-policy"], "sandbox; default-src 'none'");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_waiting_delivery_is_cancelled_once() {
    let (stage, _) = waiting().await;
    let id = all(&stage, "gym=berlin&limit=1").await.remove(0);
    stage.post(&format!("/v1/deliveries/{id}/cancel"), Value::Null).await.expect(202);
    let found = stage.until(&id, "cancelled").await;
    assert!(found["ended_at"].is_string() && found["next_attempt_at"].is_null());
    stage.post(&format!("/v1/deliveries/{id}/cancel"), Value::Null).await.problem(409);
}

#[tokio::test]
async fn a_redelivery_of_many_affects_exactly_what_the_same_filters_list() {
    let (stage, [berlin, wien]) = waiting().await;
    for id in all(&stage, "limit=100").await {
        stage.post(&format!("/v1/deliveries/{id}/cancel"), Value::Null).await.expect(202);
        stage.until(&id, "cancelled").await;
    }
    let rounds = async |query: &str| {
        let page = stage.get(&format!("/v1/deliveries?limit=100&{query}")).await.expect(200);
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| (item["id"].to_string(), item["round"].as_u64().unwrap())).collect::<BTreeSet<_>>()
    };
    for (query, filters) in [
        ("gym=berlin&kind=check-in", json!({"gym": "berlin", "kind": "check-in"})),
        ("type=member.created", json!({"type": "member.created"})),
        (
            "type=checkin.created&kind=member-created",
            json!({"type": "checkin.created", "kind": "member-created"}),
        ),
        (&*format!("endpoint={wien}"), json!({"endpoint": wien})),
        ("gym=nowhere", json!({"gym": "nowhere"})),
        ("until=2020-01-01T00:00:00Z", json!({"until": "2020-01-01T00:00:00Z"})),
    ] {
        let mut asked = filters.clone();
        asked["state"] = json!("cancelled");
        let listed: BTreeSet<String> =
            all(&stage, &format!("state=cancelled&{query}")).await.into_iter().collect();
        let before = rounds("").await;
        asked["dry_run"] = json!(true);
        let counted = stage.post("/v1/redeliveries", asked.clone()).await.expect(200);
        assert_eq!(
            (&counted["deliveries"], &counted["next"]),
            (&json!(listed.len()), &Value::Null),
            "{query}"
        );
        assert_eq!(rounds("").await, before, "{query}: nothing was done");
        asked["dry_run"] = json!(false);
        assert_eq!(
            stage.post("/v1/redeliveries", asked).await.expect(200)["deliveries"],
            json!(listed.len())
        );
        for id in &listed {
            stage.until(id, "waiting").await;
        }
        let changed: BTreeSet<String> =
            rounds("").await.difference(&before).map(|(id, _)| id.clone()).collect();
        let listed: BTreeSet<String> = listed.iter().map(|id| format!("\"{id}\"")).collect();
        assert_eq!(changed, listed, "{query}");
    }
    // What has nowhere to go is counted by itself.
    stage.delete(&format!("/v1/subscriptions/{berlin}")).await.expect(204);
    let asked = json!({"gym": "berlin", "state": "waiting", "dry_run": true});
    let counted = stage.post("/v1/redeliveries", asked).await.expect(200);
    assert_eq!(counted["deliveries"], json!(0));
    assert_eq!(counted["without_subscription"], json!(6));
}

#[tokio::test]
async fn a_redelivery_of_many_names_a_state_and_stays_in_its_gym() {
    let (stage, _) = waiting().await;
    for state in [json!(null), json!("in-flight"), json!("quarantined"), json!("unreadable"), json!("x")] {
        assert_eq!(stage.post("/v1/redeliveries", json!({"state": state})).await.problem(422).0, "/state");
    }
    for (field, value) in [
        ("cursor", json!("x")),
        ("from", json!("now")),
        ("kind", json!("x")),
        ("endpoint", json!("x")),
        ("dry_run", json!("yes")),
    ] {
        let mut asked = json!({"state": "waiting"});
        asked[field] = value;
        assert_eq!(stage.post("/v1/redeliveries", asked).await.problem(422).0, format!("/{field}"));
    }
    let key = stage.key_of("berlin", Rights::Write).await;
    let everything = json!({"state": "waiting", "dry_run": true});
    let counted = stage.call_as(&key, Method::POST, "/v1/redeliveries", &everything).await.expect(200);
    assert_eq!(counted["deliveries"], json!(6));
    let other = json!({"state": "waiting", "gym": "wien"});
    stage.call_as(&key, Method::POST, "/v1/redeliveries", &other).await.problem(404);
}
