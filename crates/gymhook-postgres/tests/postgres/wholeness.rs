//! A commit is written whole or not at all, whatever statement of it fails.

use core::sync::atomic::{AtomicBool, Ordering};
use std::path::Path;
use std::sync::Arc;

use gymhook_delivery::{DeliveryRecord, EndpointId};
use gymhook_postgres::tokio_postgres::Config;
use gymhook_store::{AttemptOutcome, AttemptRow, Batch, Store, StoreError};
use gymhook_test_postgres::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

use crate::stage::{
    NOW, all_of, at, client, dump, endpoint, fresh_at, held, notification, request, subscribe,
};

fn attempt(record: &DeliveryRecord, send: u32) -> (EndpointId, AttemptRow) {
    let row = AttemptRow {
        delivery: record.id,
        sequence: record.sequence,
        send,
        round: record.round,
        number: 1,
        began: None,
        ended: NOW,
        outcome: AttemptOutcome::Response,
        status: Some(500),
        captured: None,
        detail: None,
    };
    (endpoint(1), row)
}

/// Passes connections on to a server, and has the beginning of each commit misspelled while it is told to.
fn misspell(socket: &Path, server: &Path, is_on: Arc<AtomicBool>) {
    let listener = UnixListener::bind(socket).unwrap();
    let server = server.to_owned();
    tokio::spawn(async move {
        while let Ok((here, _)) = listener.accept().await {
            let there = UnixStream::connect(&server).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (here.into_split(), there.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            let is_on = Arc::clone(&is_on);
            tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                    let said = &mut buffer[..read];
                    let begin = b"BEGIN; SET LOCAL";
                    if is_on.load(Ordering::Relaxed) {
                        let found = said.windows(begin.len()).position(|window| window == begin);
                        said[found.expect("it begins")] = b'X';
                    }
                    to_server.write_all(said).await.unwrap();
                }
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_beginning_fails_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let is_on = Arc::new(AtomicBool::new(false));
    let private = Server::start().unwrap();
    let (server, socket) = (private.config(), private.folder());
    misspell(&folder.path().join(".s.PGSQL.5432"), &socket.join(".s.PGSQL.5432"), Arc::clone(&is_on));
    let store = fresh_at(server.clone()).await;
    let looking = client(&server).await;
    subscribe(&store, &looking, 1..=1).await;
    store.enqueue((1..=3).map(|number| notification(number, 1)).collect(), NOW).await.unwrap();
    let mut through = Config::new();
    through.host_path(folder.path()).user(server.get_user().unwrap()).dbname(server.get_dbname().unwrap());
    let store = at(through, store.schema().clone()).await;
    let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
    let deliveries = store.fetch(vec![all_of(1)], NOW).await.unwrap().remove(0).deliveries;
    let batch = Batch {
        attempts: deliveries.iter().map(|record| attempt(record, 1)).collect(),
        release: vec![endpoint(1)],
        endpoints: vec![crate::stage::subscription(1).record],
        ..crate::stage::begin(lease, &deliveries)
    };
    // Its statements are prepared, so that a commit is one message.
    assert_eq!(store.commit(Batch { release: Vec::new(), ..batch.clone() }, NOW).await.unwrap().lost, []);
    let before = dump(&looking, &store).await;
    is_on.store(true, Ordering::Relaxed);
    let last = Batch {
        deliveries: deliveries.iter().map(|record| DeliveryRecord { sends: 7, ..*record }).collect(),
        attempts: deliveries.iter().map(|record| attempt(record, 2)).collect(),
        ..batch
    };
    let failed = store.commit(last.clone(), NOW).await.unwrap_err();
    assert!(matches!(&failed, StoreError::Invalid { problem } if problem.contains("42601")), "{failed:?}");
    // What was sent behind it has had its turn when the same worker's next commit has.
    is_on.store(false, Ordering::Relaxed);
    assert_eq!(store.commit(Batch { leases: vec![lease], ..Batch::default() }, NOW).await.unwrap().lost, []);
    assert_eq!(dump(&looking, &store).await, before);
    assert_eq!(store.commit(last, NOW).await.unwrap().lost, []);
}

/// Whether each delivery is in the state that its last attempt left it in, all at the same one.
const IS_WHOLE: &str = "SELECT (SELECT count(DISTINCT sends) = 1 FROM gymhook.deliveries)
    AND (SELECT coalesce(max(send), 0) FROM gymhook.attempts) = (SELECT max(sends) FROM gymhook.deliveries)
    AND NOT EXISTS (SELECT FROM gymhook.attempts GROUP BY send HAVING count(*) <> 30)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_written_whole_or_not_at_all_wherever_a_statement_of_it_is_cancelled() {
    let server = Server::start().unwrap();
    let store = fresh_at(server.config()).await;
    let looking = client(&server.config()).await;
    subscribe(&store, &looking, 1..=1).await;
    store.enqueue((1..=30).map(|number| notification(number, 1)).collect(), NOW).await.unwrap();
    let lease = held(&store.lease(request(1), NOW).await.unwrap()[0]);
    let deliveries = store.fetch(vec![all_of(1)], NOW).await.unwrap().remove(0).deliveries;
    let is_whole = IS_WHOLE.replace("gymhook.", &format!("{}.", store.schema()));

    let is_over = Arc::new(AtomicBool::new(false));
    let cancelling = tokio::spawn({
        let (cancelling, is_over) = (client(&server.config()).await, Arc::clone(&is_over));
        async move {
            let cancel =
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'gymhook'";
            while !is_over.load(Ordering::Relaxed) {
                cancelling.query(cancel, &[]).await.unwrap();
            }
        }
    });
    let mut cancelled = 0;
    let mut send = 0;
    while cancelled < 60 {
        send += 1;
        let written = deliveries.iter().map(|record| DeliveryRecord { sends: send, ..*record });
        let batch = Batch {
            leases: vec![lease],
            deliveries: written.collect(),
            attempts: deliveries.iter().map(|record| attempt(record, send)).collect(),
            ..Batch::default()
        };
        while let Err(problem) = store.commit(batch.clone(), NOW).await {
            assert!(matches!(problem, StoreError::Unavailable { .. }), "{problem:?}");
            cancelled += 1;
            let row = looking.query_one(&is_whole, &[]).await.unwrap();
            assert!(row.get::<_, bool>(0), "send {send} was written in part: {problem}");
        }
    }
    is_over.store(true, Ordering::Relaxed);
    cancelling.await.unwrap();
    assert!(looking.query_one(&is_whole, &[]).await.unwrap().get::<_, bool>(0));
    assert_eq!(crate::stage::record(&store, 1).await.sends, send);
}

/// All follow-ups of what is there, and nothing else.
const HAS_ALL_FOLLOW_UPS: &str = "SELECT 3 * (SELECT count(*) FROM gymhook.notifications WHERE endpoint = $1)
        = (SELECT count(*) FROM gymhook.notifications WHERE endpoint = $2)
    AND NOT EXISTS (SELECT FROM gymhook.deliveries WHERE (endpoint = $1) <> (state = 2))
    AND (SELECT count(*) FROM gymhook.notifications) = (SELECT count(*) FROM gymhook.deliveries)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_is_enqueued_whole_or_not_at_all_wherever_a_statement_of_it_is_cancelled() {
    let server = Server::start().unwrap();
    let store = fresh_at(server.config()).await;
    let looking = client(&server.config()).await;
    subscribe(&store, &looking, 1..=2).await;
    let has_all = HAS_ALL_FOLLOW_UPS.replace("gymhook.", &format!("{}.", store.schema()));
    let whole = async || {
        let (inbox, destination) = (*endpoint(1).as_uuid(), *endpoint(2).as_uuid());
        looking.query_one(&has_all, &[&inbox, &destination]).await.unwrap().get::<_, bool>(0)
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let cancelling = tokio::spawn({
        let (cancelling, is_over) = (client(&server.config()).await, Arc::clone(&is_over));
        async move {
            let cancel =
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'gymhook'";
            while !is_over.load(Ordering::Relaxed) {
                cancelling.query(cancel, &[]).await.unwrap();
            }
        }
    });
    let (mut cancelled, mut number) = (0, 0);
    // At least ten, so that there is something to compare however often the first one is cancelled.
    while cancelled < 60 || number < 100 {
        number += 10;
        let follow_ups = (1..=3).map(|position| notification(number + position, 2)).collect();
        let new = notification(number, 1).with_follow_ups(follow_ups);
        while let Err(problem) = store.enqueue(vec![new.clone()], NOW).await {
            assert!(matches!(problem, StoreError::Unavailable { .. }), "{problem:?}");
            cancelled += 1;
            assert!(whole().await, "number {number} was enqueued in part: {problem}");
        }
    }
    is_over.store(true, Ordering::Relaxed);
    cancelling.await.unwrap();
    assert!(whole().await);
}
