//! API keys: written, found by id and digest, listed in pages, rotated and revoked.

use time::UtcDateTime;
use uuid::Uuid;

use super::Harness;
use super::stage::{HOUR, MICRO, SECOND, Stage};
use crate::{ApiKeyOwner, ApiKeyQuery, ApiKeyRights, ApiKeyRotation, ApiKeyRow, Store, StoreError};

fn key<H: Harness>(stage: &Stage<'_, H>, number: u8) -> ApiKeyRow {
    key_at(number, stage.now)
}

fn key_at(number: u8, issued_at: UtcDateTime) -> ApiKeyRow {
    ApiKeyRow {
        id: Uuid::from_u128(0xA000 + u128::from(number)),
        digest: [number; 32],
        owner: ApiKeyOwner::from_gym(number.is_multiple_of(3).then(|| "Zürich'; --".to_owned())),
        label: format!("Zürich {number} '; --"),
        rights: ApiKeyRights::ALL[usize::from(number % 3)],
        issued_at,
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

/// A key is found by its id, revoked or not, and by no other.
pub async fn a_key_is_found_by_its_id<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let (one, two) = (key(&stage, 1), key(&stage, 3));
    assert_eq!(stage.store.api_key(one.id).await, Ok(None));
    assert_eq!(stage.store.put_api_key(one.clone()).await, Ok(()));
    assert_eq!(stage.store.put_api_key(two.clone()).await, Ok(()));
    assert_eq!(stage.store.api_key(one.id).await, Ok(Some(one.clone())));
    assert_eq!(stage.store.api_key(two.id).await, Ok(Some(two)));
    assert_eq!(stage.store.api_key(Uuid::nil()).await, Ok(None));
    assert_eq!(stage.store.revoke_api_key(one.id, stage.now).await, Ok(true));
    let revoked = ApiKeyRow { revoked_at: Some(stage.now), ..one };
    assert_eq!(stage.store.api_key(revoked.id).await, Ok(Some(revoked)));
}

/// A key that is written again is changed; revoked, it can still be found, and is never prolonged.
pub async fn a_key_is_changed_and_revoked<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let old = key(&stage, 1);
    stage.store.put_api_key(old.clone()).await.unwrap();
    let revoked_at = Some(stage.now + MICRO);
    let new = ApiKeyRow { label: "new".to_owned(), rights: ApiKeyRights::Write, revoked_at, ..old.clone() };
    assert_eq!(stage.store.put_api_key(new.clone()).await, Ok(()));
    assert_eq!(stage.store.api_key_by_digest([1; 32]).await, Ok(Some(new.clone())));
    assert_eq!(stage.api_keys().await, Ok(vec![new.clone()]));

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
    assert_eq!(stage.api_keys().await.unwrap().len(), 2);
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
    assert_eq!(stage.api_keys().await, Ok(keys.to_vec()));
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
        assert_eq!(stage.api_keys().await, Ok(vec![one.clone(), two.clone()]));
    }
    let next = rotation([7; 32]).successor(one.owner.clone(), one.label.clone(), one.rights);
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
    }
    assert_eq!(stage.api_keys().await, Ok(Vec::new()));
    let padded = ApiKeyRow { label: " front desk ".to_owned(), ..key(&stage, 1) };
    assert_eq!(stage.store.put_api_key(padded).await, Ok(()));
}

/// A label that not every database can keep is refused by each.
pub async fn a_label_that_cannot_be_stored_is_refused<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let odd = ApiKeyRow { label: "a\0b".to_owned(), ..key(&stage, 1) };
    match stage.store.put_api_key(odd).await {
        Err(StoreError::Invalid { problem }) => assert!(problem.contains("label"), "{problem}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.api_keys().await, Ok(Vec::new()));
}

/// An id and a digest for a successor, that nothing else has.
fn rotation(old: &ApiKeyRow, number: u8, old_ends: UtcDateTime, issued_at: UtcDateTime) -> ApiKeyRotation {
    ApiKeyRotation {
        old: old.id,
        old_ends,
        id: Uuid::from_u128(0xB000 + u128::from(number)),
        digest: [number; 32],
        issued_at,
    }
}

/// The ids of the keys that count at this moment.
async fn live<S: Store>(store: &S, now: UtcDateTime) -> Vec<Uuid> {
    let keys = store.api_keys(ApiKeyQuery::new(100)).await.unwrap();
    keys.items.iter().filter(|key| key.revoked_at.is_none_or(|at| now < at)).map(|key| key.id).collect()
}

/// A key that was revoked is not rotated: no other one takes its place.
pub async fn a_revoked_key_is_not_rotated<H: Harness>(harness: &H) {
    let Stage { store, now, .. } = &Stage::open(harness).await;
    let old = key_at(1, *now);
    store.put_api_key(old.clone()).await.unwrap();
    assert_eq!(store.revoke_api_key(old.id, *now).await, Ok(true));
    for ends in [*now, *now + HOUR] {
        assert_eq!(store.rotate_api_key(rotation(&old, 7, ends, *now)).await, Ok(None));
    }
    assert!(live(store, *now).await.is_empty());
    assert_eq!(store.api_keys(ApiKeyQuery::new(100)).await.unwrap().items.len(), 1);
    assert_eq!(store.api_key_by_digest([7; 32]).await, Ok(None));
}

/// A key that was rotated is not rotated again while it still counts: each has one successor.
pub async fn a_key_has_one_successor<H: Harness>(harness: &H) {
    let Stage { store, now, .. } = &Stage::open(harness).await;
    let old = key_at(1, *now);
    store.put_api_key(old.clone()).await.unwrap();
    let next = store.rotate_api_key(rotation(&old, 7, *now + HOUR, *now)).await.unwrap().unwrap();
    assert_eq!(live(store, *now).await.len(), 2, "the overlap");
    assert_eq!(store.rotate_api_key(rotation(&old, 8, *now + HOUR, *now)).await, Ok(None));
    assert!(store.rotate_api_key(rotation(&next, 9, *now + HOUR, *now)).await.unwrap().is_some());
    assert_eq!(store.api_keys(ApiKeyQuery::new(100)).await.unwrap().items.len(), 3);
    let unknown = ApiKeyRow { id: Uuid::from_u128(7), ..old };
    assert_eq!(
        store.rotate_api_key(rotation(&unknown, 10, *now + HOUR, *now)).await,
        Ok(None),
        "there is none"
    );
}

/// Of several that rotate a key at once, one gets the new key.
pub async fn one_of_several_rotates<H: Harness>(harness: &H) {
    let Stage { store, now, .. } = &Stage::open(harness).await;
    for round in 1..=8_u8 {
        let old = key_at(round, *now);
        store.put_api_key(old.clone()).await.unwrap();
        let rotate = async |nth: u8| {
            store.rotate_api_key(rotation(&old, 100 + 3 * round + nth, *now, *now)).await.unwrap()
        };
        let (one, two, three) = tokio::join!(rotate(0), rotate(1), rotate(2));
        let issued: Vec<ApiKeyRow> = [one, two, three].into_iter().flatten().collect();
        assert_eq!(issued.len(), 1, "round {round}");
        assert_eq!(store.api_key_by_digest(issued[0].digest).await, Ok(Some(issued[0].clone())));
        assert_eq!(live(store, *now).await.len(), usize::from(round));
    }
}

/// Whoever rotates a key while somebody else revokes it does not prolong it, whichever comes first; nor does a rotation
/// that came too late issue another.
pub async fn a_rotation_undoes_no_revocation<H: Harness>(harness: &H) {
    let Stage { store, now, .. } = &Stage::open(harness).await;
    let now = *now;
    for round in 0..40_u8 {
        let old = key_at(round, now);
        store.put_api_key(old.clone()).await.unwrap();
        let rotating = tokio::spawn({
            let (store, rotation) = (store.clone(), rotation(&old, 100 + round, now + HOUR, now));
            async move { store.rotate_api_key(rotation).await.unwrap() }
        });
        let revoking = tokio::spawn({
            let (store, id) = (store.clone(), old.id);
            async move { store.revoke_api_key(id, now).await.unwrap() }
        });
        let (next, revoked) = (rotating.await.unwrap(), revoking.await.unwrap());
        assert!(revoked, "there was such a key");
        let held = store.api_key_by_digest(old.digest).await.unwrap().unwrap();
        assert_eq!(held.revoked_at, Some(now), "round {round}");
        let expected: Vec<Uuid> = next.iter().map(|next| next.id).collect();
        assert_eq!(live(store, now).await, expected, "round {round}");
        for next in expected {
            assert_eq!(store.revoke_api_key(next, now).await, Ok(true));
        }
        assert!(live(store, now).await.is_empty(), "round {round}");
    }
}

/// A key is one gym's or all gyms', is found and listed with its owner, and keeps it when it is rotated; written again it may have
/// another.
pub async fn a_key_has_an_owner<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let owned = |number, owner| ApiKeyRow { owner, ..key(&stage, number) };
    let gym = |name: &str| ApiKeyOwner::Gym(name.to_owned());
    let keys = [owned(1, ApiKeyOwner::All), owned(2, gym("wien")), owned(4, gym("Wien"))];
    for key in &keys {
        assert_eq!(stage.store.put_api_key(key.clone()).await, Ok(()));
        assert_eq!(stage.store.api_key_by_digest(key.digest).await, Ok(Some(key.clone())));
    }
    assert_eq!(stage.api_keys().await, Ok(keys.to_vec()));
    for (old, digest) in keys.iter().zip([7, 8, 9]) {
        let rotation = rotation(old, digest, stage.now, stage.now + SECOND);
        let next = stage.store.rotate_api_key(rotation).await.unwrap().unwrap();
        assert_eq!(next.owner, old.owner);
        assert_eq!(stage.store.api_key_by_digest([digest; 32]).await, Ok(Some(next)));
    }
    let moved = owned(1, gym("berlin"));
    assert_eq!(stage.store.put_api_key(moved.clone()).await, Ok(()));
    assert_eq!(stage.store.api_key_by_digest(moved.digest).await.unwrap().unwrap().owner, moved.owner);
}

/// A gym that not every database can keep, or that has no name, owns no key.
pub async fn an_owner_that_cannot_be_stored_is_refused<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    for gym in ["", "a\0b", &"g".repeat((1 << 10) + 1)] {
        let odd = ApiKeyRow { owner: ApiKeyOwner::Gym(gym.to_owned()), ..key(&stage, 1) };
        match stage.store.put_api_key(odd).await {
            Err(StoreError::Invalid { problem }) => assert!(problem.contains("gym"), "{problem}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(stage.api_keys().await, Ok(Vec::new()));
}

/// Keys are listed page by page, all or one gym's: nothing is left out or repeated, whatever the ids, and the last page is marked as the last.
pub async fn keys_have_pages<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let mut keys = Vec::new();
    for number in 1..=8 {
        // Three at one moment each; ids fall while time goes on.
        let issued_at = stage.now + SECOND * u32::from(number / 3);
        let id = Uuid::from_u128(0xA100 - u128::from(number));
        let owner = ApiKeyOwner::from_gym((number % 2 == 0).then(|| "wien".to_owned()));
        let row = ApiKeyRow { id, issued_at, owner, ..key(&stage, number) };
        stage.store.put_api_key(row.clone()).await.unwrap();
        keys.push(row);
    }
    keys.sort_by_key(|key| (key.issued_at, key.id));
    for gym in [None, Some("wien".to_owned())] {
        let is_meant = |key: &&ApiKeyRow| gym.is_none() || key.owner.gym() == gym.as_deref();
        let expected: Vec<ApiKeyRow> = keys.iter().filter(is_meant).cloned().collect();
        for limit in 1..=9 {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let query = ApiKeyQuery { gym: gym.clone(), after, limit };
                let page = stage.store.api_keys(query).await.unwrap();
                assert!(page.next.is_none() || page.items.len() == limit as usize);
                found.extend(page.items);
                after = page.next;
                if after.is_none() {
                    break;
                }
                assert!(found.len() < expected.len(), "a page said that there was more");
            }
            assert_eq!(found, expected, "{gym:?} in pages of {limit}");
        }
    }
    for gym in ["Wien", "", "a\0b"] {
        let query = ApiKeyQuery { gym: Some(gym.to_owned()), ..ApiKeyQuery::new(9) };
        assert_eq!(stage.store.api_keys(query).await.unwrap().items, []);
    }
    let after_nobody = ApiKeyQuery { after: Some(Uuid::nil()), ..ApiKeyQuery::new(9) };
    assert_eq!(stage.store.api_keys(after_nobody).await.unwrap().items, []);
    assert_eq!(stage.store.api_keys(ApiKeyQuery::new(0)).await.unwrap().items, []);
    let whole = stage.store.api_keys(ApiKeyQuery::new(u32::MAX)).await.unwrap();
    assert_eq!((whole.items.len(), whole.next), (8, None));
}

/// A cursor of another gym's key is that of a key that is not there: nobody learns that there is one.
pub async fn a_cursor_is_of_the_gym_that_is_asked_for<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let owned = |number, gym: Option<&str>| {
        let owner = ApiKeyOwner::from_gym(gym.map(str::to_owned));
        ApiKeyRow { owner, issued_at: stage.now + SECOND * u32::from(number), ..key(&stage, number) }
    };
    let (all, other) = (owned(1, None), owned(2, Some("berlin")));
    let (first, last) = (owned(3, Some("wien")), owned(4, Some("wien")));
    for key in [&all, &other, &first, &last] {
        stage.store.put_api_key(key.clone()).await.unwrap();
    }
    let after = async |key: &ApiKeyRow, gym: Option<&str>| {
        let query = ApiKeyQuery { gym: gym.map(str::to_owned), after: Some(key.id), limit: 9 };
        stage.store.api_keys(query).await.unwrap().items
    };
    assert_eq!(after(&first, Some("wien")).await, core::slice::from_ref(&last));
    for key in [&all, &other] {
        assert_eq!(after(key, Some("wien")).await, [], "a key of {:?}", key.owner);
    }
    assert_eq!(after(&all, None).await, [other, first, last]);
}

/// A successor takes no other key's id, nor that of the key that ends.
pub async fn a_rotation_to_a_taken_id_is_a_conflict<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let keys = [key(&stage, 1), key(&stage, 2)];
    for key in &keys {
        stage.store.put_api_key(key.clone()).await.unwrap();
    }
    for taken in &keys {
        let rotation = rotation(&keys[0], 7, stage.now + HOUR, stage.now);
        let rotation = ApiKeyRotation { id: taken.id, ..rotation };
        let answer = stage.store.rotate_api_key(rotation).await;
        assert_eq!(answer, Err(StoreError::Conflict { what: "an API key with this id" }));
        assert_eq!(stage.api_keys().await, Ok(keys.to_vec()), "nothing is written");
    }
}
