//! API keys of your own callers.

use uuid::Uuid;

use super::Harness;
use super::stage::{HOUR, MICRO, SECOND, Stage};
use crate::store::{ApiKeyRotation, ApiKeyRow, Store, StoreError, Unstorable};
use crate::{ApiKeyError, Engine, IssuedApiKey};

fn key<H: Harness>(stage: &Stage<'_, H>, number: u8) -> ApiKeyRow {
    ApiKeyRow {
        id: Uuid::from_u128(0xA000 + u128::from(number)),
        digest: [number; 32],
        label: format!("Zürich {number} '; --"),
        writes: number.is_multiple_of(2),
        issued_at: stage.now,
        revoked_at: None,
    }
}

/// A key is found by its digest, and by no other.
pub async fn a_key_is_found_by_its_digest<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let (one, two) = (key(&stage, 1), key(&stage, 2));
    assert_eq!(stage.store.put_api_key(one.clone()).await, Ok(()));
    assert_eq!(stage.store.put_api_key(two.clone()).await, Ok(()));
    assert_eq!(stage.store.api_key_by_digest([1; 32]).await, Ok(Some(one)));
    assert_eq!(stage.store.api_key_by_digest([2; 32]).await, Ok(Some(two)));
    assert_eq!(stage.store.api_key_by_digest([3; 32]).await, Ok(None));
    let mut almost = [1; 32];
    almost[31] = 2;
    assert_eq!(stage.store.api_key_by_digest(almost).await, Ok(None));
}

/// A key that is written again is changed; revoked, it can still be found, and is never prolonged.
pub async fn a_key_is_changed_and_revoked<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let old = key(&stage, 1);
    stage.store.put_api_key(old.clone()).await.unwrap();
    let revoked_at = Some(stage.now + MICRO);
    let new = ApiKeyRow { label: "new".to_owned(), writes: true, revoked_at, ..old.clone() };
    assert_eq!(stage.store.put_api_key(new.clone()).await, Ok(()));
    assert_eq!(stage.store.api_key_by_digest([1; 32]).await, Ok(Some(new.clone())));
    assert_eq!(stage.store.api_keys().await, Ok(vec![new.clone()]));

    let issued_at = stage.now + SECOND;
    let rotated = ApiKeyRow { digest: [9; 32], issued_at, revoked_at: None, ..new };
    assert_eq!(stage.store.put_api_key(rotated.clone()).await, Ok(()));
    assert_eq!(stage.store.api_key_by_digest([1; 32]).await, Ok(None), "its old digest is gone");
    let ended = |at| Ok(Some(ApiKeyRow { revoked_at: Some(at), ..rotated.clone() }));
    assert_eq!(stage.store.api_key_by_digest([9; 32]).await, ended(stage.now + MICRO));
    for (end, kept) in [(HOUR, MICRO), (core::time::Duration::ZERO, core::time::Duration::ZERO)] {
        let written = ApiKeyRow { revoked_at: Some(stage.now + end), ..rotated.clone() };
        assert_eq!(stage.store.put_api_key(written).await, Ok(()));
        assert_eq!(stage.store.api_key_by_digest([9; 32]).await, ended(stage.now + kept));
    }
}

/// Two keys cannot have the same digest; the second is not written, new or changed.
pub async fn a_digest_is_one_keys<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let (one, two) = (key(&stage, 1), key(&stage, 2));
    stage.store.put_api_key(one.clone()).await.unwrap();
    stage.store.put_api_key(two.clone()).await.unwrap();
    let same = |row: &ApiKeyRow| ApiKeyRow { digest: one.digest, ..row.clone() };
    for row in [same(&two), same(&key(&stage, 3))] {
        let answer = stage.store.put_api_key(row).await;
        assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
    }
    assert_eq!(stage.store.api_key_by_digest(one.digest).await, Ok(Some(one.clone())));
    assert_eq!(stage.store.api_key_by_digest(two.digest).await, Ok(Some(two.clone())));
    assert_eq!(stage.store.api_keys().await.unwrap().len(), 2);
}

/// The oldest key is listed first, whatever its name; revoked ones are listed, too.
pub async fn the_oldest_is_listed_first<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let at = |number, issued_at| ApiKeyRow { issued_at, ..key(&stage, number) };
    let revoked = ApiKeyRow { revoked_at: Some(stage.now), ..at(3, stage.now - HOUR) };
    let keys = [revoked, at(1, stage.now - SECOND), at(2, stage.now)];
    for key in [&keys[2], &keys[0], &keys[1]] {
        stage.store.put_api_key(key.clone()).await.unwrap();
    }
    assert_eq!(stage.store.api_keys().await, Ok(keys.to_vec()));
}

/// A revocation counts from the earlier one of two moments; a rotation to a digest that is taken changes nothing.
pub async fn the_earlier_end_counts<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let (one, two) = (key(&stage, 1), key(&stage, 2));
    stage.store.put_api_key(one.clone()).await.unwrap();
    stage.store.put_api_key(two.clone()).await.unwrap();
    let rotation = |digest| ApiKeyRotation {
        old: one.id,
        old_ends: stage.now + HOUR,
        id: Uuid::from_u128(0xB000),
        digest,
        issued_at: stage.now + SECOND,
    };
    for taken in [one.digest, two.digest] {
        let answer = stage.store.rotate_api_key(rotation(taken)).await;
        assert!(matches!(answer, Err(StoreError::Conflict { .. })), "{answer:?}");
        assert_eq!(stage.store.api_keys().await, Ok(vec![one.clone(), two.clone()]));
    }
    let next = rotation([7; 32]).successor(one.label.clone(), one.writes);
    assert_eq!(stage.store.rotate_api_key(rotation([7; 32])).await, Ok(Some(next.clone())));
    assert_eq!(stage.store.api_key_by_digest([7; 32]).await, Ok(Some(next)));
    let mut ends = stage.now + HOUR;
    for (at, expected) in [(2 * HOUR, HOUR), (SECOND, SECOND), (HOUR, SECOND), (MICRO, MICRO)] {
        assert_eq!(stage.store.api_key_by_digest(one.digest).await.unwrap().unwrap().revoked_at, Some(ends));
        assert_eq!(stage.store.revoke_api_key(one.id, stage.now + at).await, Ok(true));
        ends = stage.now + expected;
    }
    assert_eq!(stage.store.api_key_by_digest(one.digest).await.unwrap().unwrap().revoked_at, Some(ends));
    assert_eq!(stage.store.revoke_api_key(Uuid::from_u128(7), stage.now).await, Ok(false));
}

/// A label that tells nobody anything is refused.
pub async fn an_empty_label_is_refused<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    for label in ["", " ", "\t\n\u{a0}\u{2003}"] {
        let empty = ApiKeyRow { label: label.to_owned(), ..key(&stage, 1) };
        let expected = "the API key's label is empty";
        let invalid = Err(StoreError::Invalid { problem: expected.to_owned() });
        assert_eq!(stage.store.put_api_key(empty).await, invalid, "{label:?}");
        let refused = engine(&stage).issue_api_key(label, true).await.map(drop).unwrap_err();
        assert_eq!(refused, ApiKeyError::Label { problem: Unstorable::Empty });
        assert_eq!(refused.to_string(), expected);
    }
    assert_eq!(stage.store.api_keys().await, Ok(Vec::new()));
    assert!(engine(&stage).issue_api_key(" front desk ", true).await.is_ok());
}

/// A label that not every database can keep is refused by each.
pub async fn a_label_that_cannot_be_stored_is_refused<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let odd = ApiKeyRow { label: "a\0b".to_owned(), ..key(&stage, 1) };
    match stage.store.put_api_key(odd).await {
        Err(StoreError::Invalid { problem }) => assert!(problem.contains("label"), "{problem}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.store.api_keys().await, Ok(Vec::new()));
}

fn engine<H: Harness>(stage: &Stage<'_, H>) -> Engine<H::Store> {
    Engine::builder(stage.store.clone()).enqueue_only()
}

/// The names of the keys that count now.
async fn live<S: Store>(engine: &Engine<S>) -> Vec<Uuid> {
    let now = engine.now().await.unwrap();
    let keys = engine.api_keys().await.unwrap();
    keys.iter().filter(|key| key.revoked_at.is_none_or(|at| now < at)).map(|key| key.id).collect()
}

/// A key that was revoked is not rotated: no other one takes its place.
pub async fn a_revoked_key_is_not_rotated<H: Harness>(harness: &H) {
    let engine = engine(&Stage::open(harness).await);
    let old = engine.issue_api_key("front desk", true).await.unwrap();
    assert_eq!(engine.revoke_api_key(old.key.id).await, Ok(true));
    for overlap in [core::time::Duration::ZERO, HOUR] {
        assert!(engine.rotate_api_key(old.key.id, overlap).await.unwrap().is_none());
    }
    assert!(live(&engine).await.is_empty());
    assert_eq!(engine.api_keys().await.unwrap().len(), 1);
    assert!(engine.check_api_key(old.expose_key()).await.unwrap().is_none());
}

/// A key that was rotated is not rotated again while it still counts: each has one successor.
pub async fn a_key_has_one_successor<H: Harness>(harness: &H) {
    let engine = engine(&Stage::open(harness).await);
    let old = engine.issue_api_key("front desk", true).await.unwrap();
    let next = engine.rotate_api_key(old.key.id, HOUR).await.unwrap().unwrap();
    assert!(engine.check_api_key(old.expose_key()).await.unwrap().is_some(), "the overlap");
    assert!(engine.rotate_api_key(old.key.id, HOUR).await.unwrap().is_none());
    assert!(engine.rotate_api_key(next.key.id, HOUR).await.unwrap().is_some());
    assert_eq!(engine.api_keys().await.unwrap().len(), 3);
    assert!(engine.rotate_api_key(Uuid::from_u128(7), HOUR).await.unwrap().is_none(), "there is none");
}

/// Of several that rotate a key at once, one gets the new key.
pub async fn one_of_several_rotates<H: Harness>(harness: &H) {
    let engine = engine(&Stage::open(harness).await);
    for round in 1..=8 {
        let old = engine.issue_api_key("front desk", false).await.unwrap().key.id;
        let rotate = async || engine.rotate_api_key(old, core::time::Duration::ZERO).await.unwrap();
        let (one, two, three) = tokio::join!(rotate(), rotate(), rotate());
        let issued: Vec<IssuedApiKey> = [one, two, three].into_iter().flatten().collect();
        assert_eq!(issued.len(), 1, "round {round}");
        assert!(engine.check_api_key(issued[0].expose_key()).await.unwrap().is_some());
        assert_eq!(live(&engine).await.len(), round);
    }
}

/// Whoever rotates a key while somebody else revokes it does not prolong it, whichever comes first; nor does a rotation that came
/// too late issue another.
pub async fn a_rotation_undoes_no_revocation<H: Harness>(harness: &H) {
    let engine = engine(&Stage::open(harness).await);
    for round in 0..40 {
        let old = engine.issue_api_key("front desk", true).await.unwrap();
        let id = old.key.id;
        let rotating = tokio::spawn({
            let engine = engine.clone();
            async move { engine.rotate_api_key(id, HOUR).await.unwrap() }
        });
        let revoking = tokio::spawn({
            let engine = engine.clone();
            async move { engine.revoke_api_key(id).await.unwrap() }
        });
        let (next, revoked) = (rotating.await.unwrap(), revoking.await.unwrap());
        assert!(revoked, "there was such a key");
        assert!(engine.check_api_key(old.expose_key()).await.unwrap().is_none(), "round {round}");
        let expected: Vec<Uuid> = next.iter().map(|next| next.key.id).collect();
        assert_eq!(live(&engine).await, expected, "round {round}");
        for next in expected {
            assert_eq!(engine.revoke_api_key(next).await, Ok(true));
        }
        assert!(live(&engine).await.is_empty(), "round {round}");
    }
}
