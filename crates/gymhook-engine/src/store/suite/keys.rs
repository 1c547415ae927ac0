//! API keys of one's own callers.

use uuid::Uuid;

use super::Harness;
use super::stage::{HOUR, MICRO, SECOND, Stage};
use crate::store::{ApiKeyRow, Store, StoreError};

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

/// A key that is written again is changed; revoked, it can still be found.
pub async fn a_key_is_changed_and_revoked<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let old = key(&stage, 1);
    stage.store.put_api_key(old.clone()).await.unwrap();
    let revoked_at = Some(stage.now + MICRO);
    let new = ApiKeyRow { label: "new".to_owned(), writes: true, revoked_at, ..old.clone() };
    assert_eq!(stage.store.put_api_key(new.clone()).await, Ok(()));
    assert_eq!(stage.store.api_key_by_digest([1; 32]).await, Ok(Some(new.clone())));
    assert_eq!(stage.store.api_keys().await, Ok(vec![new.clone()]));

    let rotated = ApiKeyRow { digest: [9; 32], revoked_at: None, ..new };
    assert_eq!(stage.store.put_api_key(rotated.clone()).await, Ok(()));
    assert_eq!(stage.store.api_key_by_digest([1; 32]).await, Ok(None), "its old digest is gone");
    assert_eq!(stage.store.api_key_by_digest([9; 32]).await, Ok(Some(rotated)));
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
