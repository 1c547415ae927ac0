//! The inbox behind a route: what is answered, what is on disk, and what is told, on every adapter.

use core::time::Duration;
use std::collections::BTreeMap;

use gymhook::event::Vendor;
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_adapter_tests::{
    Adapter, Reply, SECRET, Server, Step, exchange, keep_ledger, post, sign, sign_with, start_inboxes,
};
use gymhook_engine::store::StoreError;
use gymhook_engine::store::faulty::{FaultyStore, Operation, When};
use gymhook_engine::store::memory::MemoryStore;
use gymhook_engine::{EndpointId, Engine, Inbox};
use gymhook_tower::InboxSource;
use http::StatusCode;
use time::UtcDateTime;

type Store = FaultyStore<MemoryStore>;

struct World {
    engine: Engine<Store>,
    sources: BTreeMap<String, InboxSource<Store>>,
}

/// An inbox for each platform, and PG Next's once more with a 2xx for a conflict.
async fn world() -> World {
    let engine = Engine::builder(FaultyStore::new(MemoryStore::with_system_clock())).enqueue_only();
    let mut sources = BTreeMap::new();
    for (provider, id) in Provider::all().zip(1..) {
        let name = provider.vendor().as_str();
        sources.insert(name.to_owned(), source(&provider, &engine, id).await);
    }
    let lenient = source(&Provider::pg_next().into_any(), &engine, 6).await;
    sources.insert("lenient".to_owned(), lenient.with_conflict_status(StatusCode::ACCEPTED));
    World { engine, sources }
}

async fn source(provider: &Provider, engine: &Engine<Store>, id: u128) -> InboxSource<Store> {
    let keyring = Keyring::single("berlin", Secret::new(SECRET).unwrap()).unwrap();
    let receiver = Receiver::new(provider, keyring).unwrap();
    let id = EndpointId::from_u128(id);
    let inbox = Inbox::open(engine.clone(), id, provider.vendor().as_str(), Inbox::policy()).await.unwrap();
    InboxSource::new(receiver, inbox)
}

fn check_in(uuid: &str, member: u32) -> Vec<u8> {
    format!(r#"{{"entityId":{member},"uuid":"{uuid}","payload":[{{"timestamp":1764885600176,"type":"CUSTOMER_CHECKIN","note":"canary-body"}}]}}"#).into_bytes()
}

/// Posts a check-in to PG Next's inbox.
async fn send(server: &Server, name: &str, uuid: &str, member: u32) -> Reply {
    let body = check_in(uuid, member);
    post(server.address, &format!("/inbox/{name}"), &sign(Vendor::PG_NEXT, &body), &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inbox_answers_what_is_on_disk_and_says_nothing_of_what_it_holds() {
    let ledger = keep_ledger();
    for adapter in Adapter::ALL {
        let World { engine, sources } = world().await;
        let server = start_inboxes(adapter, sources).await;
        accepted(&server, &engine).await;
        refused(&server).await;
        failing(&server, &engine).await;
    }
    // Equal everywhere, so three of each.
    let counts = ledger.counts();
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    assert_eq!(count("gymhook_accepted_total{platform=pg-next,outcome=new}"), 3 * 4, "{counts:?}");
    assert_eq!(count("gymhook_accepted_total{platform=pg-next,outcome=duplicate}"), 3 * 2);
    assert_eq!(count("gymhook_accepted_total{platform=point,outcome=unreadable}"), 3);
    assert_eq!(count("gymhook_accepted_total{platform=point,outcome=unreadable-duplicate}"), 3);
    assert_eq!(count("gymhook_refusals_total{platform=pg-next,reason=conflict}"), 3 * 2);
    assert_eq!(count("gymhook_refusals_total{platform=pg-next,reason=unknown-key}"), 3);
    assert_eq!(count("gymhook_refusals_total{platform=pg-next,reason=store}"), 3 * 6);
    assert_eq!(count("gymhook_refusals_total{platform=point,reason=unstorable}"), 3);
    assert_eq!(count("gymhook_refusals_total{platform=egym,reason=method-not-allowed}"), 3);

    let lines = ledger.lines();
    assert!(
        lines.iter().any(|line| line.starts_with("WARN") && line.contains("reason=\"conflict\"")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("ERROR") && line.contains("reason=\"store\"")));
    for line in lines.iter().chain(counts.keys()) {
        for canary in [SECRET, "canary", "workout.created\\0", "4b1d"] {
            assert!(!line.contains(canary), "{canary} is in {line}");
        }
    }
}

async fn accepted(server: &Server, engine: &Engine<Store>) {
    assert_eq!(send(server, "pg-next", "u-1", 1).await.status, 200);
    assert_eq!(send(server, "pg-next", "u-1", 1).await.status, 200, "a duplicate");
    assert_eq!(send(server, "pg-next", "u-1", 2).await.status, 409, "another body");
    assert_eq!(send(server, "lenient", "u-1", 1).await.status, 200);
    assert_eq!(send(server, "lenient", "u-1", 2).await.status, 202, "a conflict, as it was set");
    assert_eq!(send(server, "pg-next", "u-2", 2).await.status, 200);
    // Proved, and twice the same key: kept, for a person.
    let unreadable = br#"{"eventType":"canary-body","eventType":"canary-body"}"#;
    for _ in 0..2 {
        let headers = sign(Vendor::POINT, unreadable);
        assert_eq!(post(server.address, "/inbox/point", &headers, unreadable).await.status, 200);
    }
    let stats = engine.stats().await.unwrap();
    assert_eq!((stats.waiting, stats.unreadable), (3, 1));
    // The first of them is EGYM's: a route of its own.
    let body = br#"{"accountId":"4b1d9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1667921300000,"type":"GYM_CHECKIN"}"#;
    assert_eq!(post(server.address, "/alone", &sign(Vendor::EGYM, body), body).await.status, 200);
    assert_eq!(engine.stats().await.unwrap().waiting, 4);
}

async fn refused(server: &Server) {
    let body = check_in("u-3", 3);
    let guessed = sign_with(Vendor::PG_NEXT, "canary-guess", &body, UtcDateTime::now());
    let reply = post(server.address, "/inbox/pg-next", &guessed, &body).await;
    assert_eq!((reply.status, reply.headers.len(), reply.body.len()), (401, 0, 0));
    let never = br#"{"eventType":"workout.created\u0000","userId":"canary-body","userExternalId":"e","dataSource":"d","clientId":"c","payload":[{"id":1}]}"#;
    let reply = post(server.address, "/inbox/point", &sign(Vendor::POINT, never), never).await;
    assert_eq!(reply.status, 422, "no store keeps a NUL");
    for path in ["/inbox/nobody", "/inbox/", "/inbox/pg-next/more"] {
        let reply = post(server.address, path, &sign(Vendor::PG_NEXT, &body), &body).await;
        assert_eq!((reply.status, reply.body.len()), (404, 0), "{path}");
    }
    let get = b"GET /inbox/egym HTTP/1.1\r\nhost: gym\r\n\r\n".to_vec();
    let reply = exchange(server.address, vec![Step::Send(get)]).await.unwrap();
    assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")));
}

async fn failing(server: &Server, engine: &Engine<Store>) {
    let busy = StoreError::Busy { retry_after: Duration::from_millis(6_200) };
    let gone = || StoreError::Unavailable { problem: "the server is gone".to_owned() };
    for (error, after) in [
        (busy, "7"),
        (StoreError::Full, "60"),
        (StoreError::Closed, "60"),
        (gone(), "60"),
        (StoreError::ReadOnly { problem: "mounted so".to_owned() }, "60"),
    ] {
        engine.store().fail_next(Operation::Enqueue, When::Before, error);
        let reply = send(server, "pg-next", "u-4", 4).await;
        assert_eq!((reply.status, reply.header("retry-after")), (503, Some(after)));
    }
    // Nobody knows that it is on disk: the platform sends it again, and it is a duplicate.
    engine.store().fail_next(Operation::Enqueue, When::After, gone());
    assert_eq!(send(server, "pg-next", "u-4", 4).await.status, 503);
    assert_eq!(send(server, "pg-next", "u-4", 4).await.status, 200);
    assert_eq!(send(server, "pg-next", "u-5", 5).await.status, 200, "and it goes on");
}
