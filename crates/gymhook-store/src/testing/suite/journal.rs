//! Journals: entries in order, up to a number for each journal, and found by gym and subject.

use core::time::Duration;

use time::UtcDateTime;

use super::Harness;
use super::stage::{HOUR, SECOND, Stage, skip};
use crate::{Journal, JournalQuery, JournalRow, NewJournalEntry, NewNotification, Store, StoreError};

const ALL: u64 = 1_000;

fn entry(number: u32, at: UtcDateTime) -> NewJournalEntry {
    NewJournalEntry {
        at: at + SECOND * number,
        gym: (!number.is_multiple_of(3)).then(|| format!("gym {}'; --", number % 3)),
        subject: format!("subject {}", number % 2),
        text: format!("{{\"number\":{number},\"said\":\"\u{1F3CB} \\\"'\\\\ \"}}"),
    }
}

fn entries(numbers: impl IntoIterator<Item = u32>, at: UtcDateTime) -> Vec<NewJournalEntry> {
    numbers.into_iter().map(|number| entry(number, at)).collect()
}

/// What is found, in one page and in pages of every length.
async fn found<H: Harness>(stage: &Stage<'_, H>, query: JournalQuery) -> Vec<JournalRow> {
    let whole = stage.store.journal(query.clone()).await.unwrap();
    assert_eq!(whole.next, None, "it is the last page");
    for limit in 1..=whole.items.len() + 1 {
        let (mut found, mut before) = (Vec::new(), query.before);
        loop {
            let page = JournalQuery { before, limit: u32::try_from(limit).unwrap(), ..query.clone() };
            let page = stage.store.journal(page).await.unwrap();
            assert!(page.next.is_none() || page.items.len() == limit, "a page is full unless it is the last");
            found.extend(page.items);
            before = page.next;
            if before.is_none() {
                break;
            }
            assert!(found.len() < whole.items.len(), "a page said that there was more");
        }
        assert_eq!(found, whole.items, "{query:?} in pages of {limit}");
    }
    whole.items
}

/// The entries of a journal, the first one first.
async fn written<H: Harness>(stage: &Stage<'_, H>, journal: Journal) -> Vec<NewJournalEntry> {
    let rows = stage.store.journal(JournalQuery::new(journal, 1_000)).await.unwrap().items;
    assert!(rows.is_sorted_by(|one, next| one.number > next.number), "the latest has the highest number");
    assert!(rows.iter().all(|row| row.journal == journal));
    let entry =
        |row: JournalRow| NewJournalEntry { at: row.at, gym: row.gym, subject: row.subject, text: row.text };
    rows.into_iter().rev().map(entry).collect()
}

async fn append<H: Harness>(stage: &Stage<'_, H>, numbers: impl IntoIterator<Item = u32>, keep: u64) {
    let new = entries(numbers, stage.now);
    assert_eq!(stage.store.append_to_journal(Journal::Audit, new, keep).await, Ok(()));
}

/// What was appended is there as it was written, the latest first, whatever its time.
pub async fn the_latest_entry_comes_first<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    assert_eq!(stage.store.journal(JournalQuery::new(Journal::Audit, 9)).await.unwrap().items, []);
    append(&stage, [5, 1], ALL).await;
    append(&stage, [], ALL).await;
    append(&stage, [3], ALL).await;
    assert_eq!(written(&stage, Journal::Audit).await, entries([5, 1, 3], stage.now));
    let finer = NewJournalEntry { at: stage.now + Duration::from_nanos(1_999), ..entry(7, stage.now) };
    stage.store.append_to_journal(Journal::Audit, vec![finer], ALL).await.unwrap();
    let at = stage.now + Duration::from_micros(1);
    assert_eq!(written(&stage, Journal::Audit).await.pop().unwrap().at, at, "finer times are truncated");
}

/// The newest entries are kept, as many as was said last; a number is never used again.
pub async fn only_the_newest_entries_are_kept<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    append(&stage, 1..=3, 3).await;
    assert_eq!(written(&stage, Journal::Audit).await, entries(1..=3, stage.now));
    append(&stage, [4], 3).await;
    assert_eq!(written(&stage, Journal::Audit).await, entries(2..=4, stage.now));
    append(&stage, 5..=9, 3).await;
    assert_eq!(written(&stage, Journal::Audit).await, entries(7..=9, stage.now), "of more than fit the last");
    append(&stage, 10..=11, 5).await;
    assert_eq!(written(&stage, Journal::Audit).await, entries(7..=11, stage.now));
    append(&stage, [], 2).await;
    assert_eq!(written(&stage, Journal::Audit).await, entries(10..=11, stage.now));
    let rows = found(&stage, JournalQuery::new(Journal::Audit, 9)).await;
    append(&stage, [12], 0).await;
    assert_eq!(written(&stage, Journal::Audit).await, []);
    append(&stage, [13], u64::MAX).await;
    let later = found(&stage, JournalQuery::new(Journal::Audit, 9)).await;
    assert!(later[0].number > rows[0].number + 1, "{later:?} after {rows:?}");
}

/// The bound of one journal is not that of another, nor are its entries.
pub async fn journals_do_not_mix<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    append(&stage, 1..=3, ALL).await;
    let refused = entries(11..=15, stage.now);
    assert_eq!(stage.store.append_to_journal(Journal::Refusals, refused, 2).await, Ok(()));
    assert_eq!(written(&stage, Journal::Audit).await, entries(1..=3, stage.now));
    assert_eq!(written(&stage, Journal::Refusals).await, entries(14..=15, stage.now));
    append(&stage, [4], 1).await;
    assert_eq!(written(&stage, Journal::Audit).await, entries([4], stage.now));
    assert_eq!(written(&stage, Journal::Refusals).await, entries(14..=15, stage.now));
}

/// A gym's entries, a subject's, and both at once, page by page.
pub async fn entries_are_found_by_gym_and_subject<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    append(&stage, 1..=12, ALL).await;
    let query = |gym: Option<&str>, subject: Option<&str>| JournalQuery {
        gym: gym.map(str::to_owned),
        subject: subject.map(str::to_owned),
        ..JournalQuery::new(Journal::Audit, 100)
    };
    let texts = async |query: JournalQuery| {
        found(&stage, query).await.into_iter().map(|row| row.text).collect::<Vec<_>>()
    };
    let of =
        |numbers: &[u32]| numbers.iter().map(|number| entry(*number, stage.now).text).collect::<Vec<_>>();
    let (gym, subject) = (Some("gym 1'; --"), Some("subject 0"));
    assert_eq!(texts(query(None, None)).await, of(&[12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]));
    assert_eq!(texts(query(gym, None)).await, of(&[10, 7, 4, 1]));
    assert_eq!(texts(query(None, subject)).await, of(&[12, 10, 8, 6, 4, 2]));
    assert_eq!(texts(query(gym, subject)).await, of(&[10, 4]));
    for other in ["Gym 1'; --", "gym", "", "a\0b"] {
        assert_eq!(texts(query(Some(other), None)).await, of(&[]), "{other:?}");
        assert_eq!(texts(query(None, Some(other))).await, of(&[]), "{other:?}");
    }
    let four = found(&stage, query(gym, subject)).await.pop().unwrap().number;
    for (before, expected) in
        [(Some(four), &[][..]), (Some(four + 1), &[4][..]), (Some(u64::MAX), &[10, 4][..])]
    {
        assert_eq!(texts(JournalQuery { before, ..query(gym, subject) }).await, of(expected), "{before:?}");
    }
    let none = stage.store.journal(JournalQuery { limit: 0, ..query(None, None) }).await.unwrap();
    assert_eq!(none.items, []);
}

/// What several append at once is there once and together; and never more than is kept, once all have appended.
pub async fn entries_appended_at_once_are_all_there<H: Harness>(harness: &H) {
    const TASKS: u32 = 4;
    const ROUNDS: u32 = 12;
    const KEPT: usize = 20;
    let stage = Stage::open(harness).await;
    let now = stage.now;
    for keep in [ALL, KEPT as u64] {
        for round in 0..ROUNDS {
            let append = |task| {
                let store = stage.store.clone();
                let first = (task * ROUNDS + round) * 10 + 1;
                let new = entries([first, first + 1], now);
                tokio::spawn(
                    async move { store.append_to_journal(Journal::Refusals, new, keep).await.unwrap() },
                )
            };
            let appending: Vec<_> = (0..TASKS).map(append).collect();
            for appending in appending {
                appending.await.unwrap();
            }
            let rows = written(&stage, Journal::Refusals).await;
            for pair in rows.chunks(2) {
                assert_eq!(pair[1].at, pair[0].at + SECOND, "what is appended together stays together");
            }
            if keep == ALL {
                let mut times: Vec<UtcDateTime> = rows.iter().map(|row| row.at).collect();
                times.sort_unstable();
                times.dedup();
                assert_eq!(times.len(), (TASKS * (round + 1) * 2) as usize, "each is there once");
            } else {
                assert_eq!(rows.len(), KEPT, "round {round}");
            }
        }
    }
}

/// What no store keeps is refused, with all that would be appended together with it.
pub async fn an_entry_that_cannot_be_stored_is_refused<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let good = || entry(1, stage.now);
    let long = |bytes: usize| "x".repeat(bytes);
    let (most, most_text) = (NewNotification::MAX_TEXT_BYTES, NewJournalEntry::MAX_TEXT_BYTES);
    let bad = [
        ("gym", NewJournalEntry { gym: Some("a\0b".to_owned()), ..good() }),
        ("gym", NewJournalEntry { gym: Some(long(most + 1)), ..good() }),
        ("subject", NewJournalEntry { subject: "a\0b".to_owned(), ..good() }),
        ("subject", NewJournalEntry { subject: long(most + 1), ..good() }),
        ("text", NewJournalEntry { text: "\"a\0b\"".to_owned(), ..good() }),
        ("text", NewJournalEntry { text: long(most_text + 1), ..good() }),
    ];
    for (field, bad) in bad {
        match stage.store.append_to_journal(Journal::Audit, vec![good(), bad], ALL).await {
            Err(StoreError::Invalid { problem }) => assert!(problem.contains(field), "{problem}"),
            other => panic!("{field}: {other:?}"),
        }
    }
    assert_eq!(written(&stage, Journal::Audit).await, []);
    let longest =
        NewJournalEntry { gym: Some(long(most)), subject: long(most), text: long(most_text), ..good() };
    assert_eq!(stage.store.append_to_journal(Journal::Audit, vec![longest.clone()], ALL).await, Ok(()));
    assert_eq!(written(&stage, Journal::Audit).await, [longest]);
}

/// An entry that cannot be read hides no other, and ends no page.
pub async fn a_damaged_entry_is_skipped<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    append(&stage, 1..=4, ALL).await;
    let rows = found(&stage, JournalQuery::new(Journal::Audit, 9)).await;
    if !harness.damage_journal(&stage.store, Journal::Audit, rows[1].number).await {
        return skip("rows cannot be damaged here");
    }
    let whole = [rows[0].clone(), rows[2].clone(), rows[3].clone()];
    assert_eq!(found(&stage, JournalQuery::new(Journal::Audit, 9)).await, whole);
}

/// A purge is about deliveries: a journal has its own bound.
pub async fn a_purge_leaves_journals_alone<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    append(&stage, 1..=3, ALL).await;
    assert_eq!(stage.store.purge(stage.now + HOUR, 100).await, Ok(0));
    assert_eq!(written(&stage, Journal::Audit).await, entries(1..=3, stage.now));
}

/// Entries, and the numbers that were used, are there after a restart.
pub async fn a_journal_survives<H: Harness>(harness: &H) {
    let Stage { store, now, .. } = Stage::open(harness).await;
    store.append_to_journal(Journal::Audit, entries(1..=3, now), 2).await.unwrap();
    let before = store.journal(JournalQuery::new(Journal::Audit, 9)).await.unwrap();
    let Some(store) = harness.reopen(store).await else {
        return skip("this store is not durable");
    };
    let stage = Stage { harness, store, now };
    assert_eq!(stage.store.journal(JournalQuery::new(Journal::Audit, 9)).await, Ok(before));
    append(&stage, [4], 2).await;
    assert_eq!(written(&stage, Journal::Audit).await, entries(3..=4, now));
}
