//! Fetching: which deliveries are due, in which order, and in pages; test events and commands come with them.

use core::time::Duration;

use gymhook_delivery::{DeliveryId, DeliveryRecord, End, Undeliverable};

use super::Harness;
use super::stage::{
    HOUR, MICRO, SECOND, Stage, begun, delivery, ended, endpoint, held, ids, notification, waiting,
};
use crate::{Batch, Command, Cursor, Fetch, NewNotification, Store};

/// Puts deliveries on the stage that are due these numbers of seconds from now, all to endpoint 1: the first one is number 1.
async fn with_dues<'h, H: Harness>(harness: &'h H, dues: &[i64]) -> Stage<'h, H> {
    let stage = Stage::with(harness, [1, 2]).await;
    stage.enqueue((1..).zip(dues).map(|(number, _)| notification(number, 1))).await;
    let mut records = Vec::new();
    for (number, due) in (1..).zip(dues) {
        let seconds = Duration::from_secs(due.unsigned_abs());
        let due = if *due < 0 { stage.now - seconds } else { stage.now + seconds };
        records.push(waiting(stage.record(number).await, due));
    }
    stage.write(1, records).await;
    stage
}

/// All pages of this size, none larger.
async fn all_pages<H: Harness>(stage: &Stage<'_, H>, ordered: bool, limit: u32) -> Vec<DeliveryRecord> {
    let mut found = Vec::new();
    let mut after = None;
    for _ in 0..100 {
        let fetched = stage.fetch_with(Fetch { endpoint: endpoint(1), ordered, after, limit }).await;
        assert!(fetched.deliveries.len() <= limit as usize);
        found.extend(fetched.deliveries);
        after = fetched.more;
        if after.is_none() {
            return found;
        }
    }
    panic!("it never ends");
}

fn numbered(numbers: impl IntoIterator<Item = u128>) -> Vec<DeliveryId> {
    numbers.into_iter().map(delivery).collect()
}

/// What is due longest comes first; of what is due at the same time, what was enqueued first.
pub async fn what_is_due_comes_by_due_time_and_then_by_sequence<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[-10, -30, -10, 0, -20, -30]).await;
    let fetched = stage.fetch(endpoint(1), 100).await;
    assert_eq!(ids(&fetched.deliveries), numbered([2, 6, 5, 1, 3, 4]));
    assert_eq!((fetched.more, fetched.quarantined), (None, 0));
    assert_eq!(fetched.deliveries[0], stage.record(2).await, "with its whole record");
}

/// What is not due is not fetched, by a microsecond, and told as the next.
pub async fn what_is_not_due_is_not_fetched<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[0, 1, 3_600]).await;
    let almost = stage.now + MICRO;
    let record = waiting(stage.record(2).await, almost);
    stage.write(1, vec![record]).await;
    let fetched = stage.fetch(endpoint(1), 100).await;
    assert_eq!((ids(&fetched.deliveries), fetched.next_due), (numbered([1]), Some(almost)));
    let fetch = Fetch { endpoint: endpoint(1), ordered: false, after: None, limit: 100 };
    let fetched = stage.store.fetch(vec![fetch], almost).await.unwrap().remove(0);
    assert_eq!(ids(&fetched.deliveries), numbered([1, 2]));
    assert_eq!(fetched.next_due, Some(stage.now + HOUR));
}

/// With nothing to come, no next time is told.
pub async fn nothing_to_come_has_no_time<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[-1, 0]).await;
    assert_eq!(stage.fetch(endpoint(1), 1).await.next_due, None);
    assert_eq!(stage.fetch(endpoint(2), 1).await.next_due, None);
}

/// The next time is that of a delivery that waits, not of one under way.
pub async fn the_next_time_is_that_of_what_waits<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[60, 120, 0, 30]).await;
    let under_way = begun(stage.record(1).await, stage.now + SECOND);
    let over = ended(stage.record(4).await, stage.now + SECOND, End::Delivered);
    stage.write(1, vec![under_way, over]).await;
    let fetched = stage.fetch(endpoint(1), 100).await;
    assert_eq!(fetched.next_due, Some(stage.now + 120 * SECOND));
}

/// Only what waits is fetched: nothing that is under way, nothing that has ended.
pub async fn only_what_waits_is_fetched<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[0; 6]).await;
    let mut records = Vec::new();
    for number in 1..=5 {
        records.push(stage.record(number).await);
    }
    let records = vec![
        begun(records[0], stage.now),
        ended(records[1], stage.now, End::Delivered),
        ended(records[2], stage.now, End::Undeliverable(Undeliverable::Exhausted)),
        ended(records[3], stage.now, End::Cancelled),
        ended(records[4], stage.now, End::Superseded),
    ];
    stage.write(1, records).await;
    for ordered in [false, true] {
        assert_eq!(ids(&all_pages(&stage, ordered, 10).await), numbered([6]));
    }
}

/// Pages leave nothing out and repeat nothing, though many are due at the same time.
pub async fn pages_have_no_gaps<H: Harness>(harness: &H) {
    let dues = [-5, -9, -5, -5, -1, -5, -9, -5, 0, -5, -5, 7];
    let stage = with_dues(harness, &dues).await;
    let mut expected: Vec<(i64, u128)> = dues.into_iter().zip(1..).filter(|(due, _)| *due <= 0).collect();
    expected.sort_unstable();
    let expected = numbered(expected.into_iter().map(|(_, number)| number));
    for limit in 1..=12 {
        assert_eq!(ids(&all_pages(&stage, false, limit).await), expected, "in pages of {limit}");
    }
}

/// A page goes on after its cursor, even if the cursor's row is due no more.
pub async fn a_page_goes_on_after_its_cursor<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[-3, -3, -2, -1]).await;
    let first = stage.fetch(endpoint(1), 2).await;
    assert_eq!(ids(&first.deliveries), numbered([1, 2]));
    let cursor = first.more.expect("there is more");
    assert_eq!(cursor, Cursor { due: stage.now - 3 * SECOND, sequence: first.deliveries[1].sequence });

    stage.write(1, first.deliveries.iter().map(|record| begun(*record, stage.now + HOUR)).collect()).await;
    let fetch = Fetch { endpoint: endpoint(1), ordered: false, after: Some(cursor), limit: 2 };
    assert_eq!(ids(&stage.fetch_with(fetch).await.deliveries), numbered([3, 4]));
}

/// An ordered endpoint's oldest deliveries come by sequence number, due or not.
pub async fn an_ordered_endpoint_goes_by_sequence<H: Harness>(harness: &H) {
    let dues = [3_600, -5, 0, -9, 60];
    let stage = with_dues(harness, &dues).await;
    for limit in 1..=6 {
        let found = all_pages(&stage, true, limit).await;
        assert_eq!(ids(&found), numbered([1, 2, 3, 4, 5]), "in pages of {limit}");
    }
    let fetch = Fetch { endpoint: endpoint(1), ordered: true, after: None, limit: 9 };
    assert_eq!(stage.fetch_with(fetch).await.next_due, None, "it is not known");
}

/// An ordered endpoint's cursor uses the sequence only.
pub async fn an_ordered_cursor_goes_by_sequence_alone<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[0, -5, 5, -9]).await;
    let sequence = stage.record(2).await.sequence;
    for due in [stage.now - HOUR, stage.now + HOUR] {
        let after = Some(Cursor { due, sequence });
        let fetch = Fetch { endpoint: endpoint(1), ordered: true, after, limit: 9 };
        assert_eq!(ids(&stage.fetch_with(fetch).await.deliveries), numbered([3, 4]));
    }
}

/// With a limit of zero only commands and the next time come.
pub async fn a_limit_of_zero_brings_no_deliveries<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[0, 60]).await;
    stage.store.command(vec![(endpoint(1), Command::Enable)], stage.now).await.unwrap();
    let fetched = stage.fetch(endpoint(1), 0).await;
    assert_eq!(fetched.deliveries, []);
    assert_eq!(fetched.next_due, Some(stage.now + 60 * SECOND));
    assert_eq!(fetched.commands.len(), 1);
}

/// Several endpoints are read at once, each on its own; one with nothing to do has nothing.
pub async fn several_endpoints_are_read_at_once<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[0, 0]).await;
    stage.enqueue([notification(3, 2)]).await;
    let fetch = |number| Fetch { endpoint: endpoint(number), ordered: false, after: None, limit: 1 };
    let fetches = vec![fetch(2), fetch(1), fetch(9)];
    let fetched = stage.store.fetch(fetches, stage.now).await.unwrap();
    let found: Vec<_> = fetched.iter().map(|one| (one.endpoint, ids(&one.deliveries))).collect();
    let expected = [(2, vec![3]), (1, vec![1]), (9, Vec::new())];
    assert_eq!(found, expected.map(|(number, found)| (endpoint(number), numbered(found))));
    assert_eq!(stage.store.fetch(Vec::new(), stage.now).await.unwrap().len(), 0);
}

/// What was just committed is what is read.
pub async fn a_fetch_sees_the_last_commit<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[0, 0]).await;
    let lease = held(&stage.lease(1, 1).await);
    let mut record = stage.record(1).await;
    for round in 1..4 {
        record = waiting(DeliveryRecord { sends: round, ..record }, stage.now);
        stage.commit(Batch { leases: vec![lease], deliveries: vec![record], ..Batch::default() }).await;
        assert_eq!(stage.fetch(endpoint(1), 1).await.deliveries, [record]);
    }
    let over = ended(record, stage.now, End::Delivered);
    stage.commit(Batch { leases: vec![lease], deliveries: vec![over], ..Batch::default() }).await;
    assert_eq!(ids(&stage.fetch(endpoint(1), 1).await.deliveries), numbered([2]));
}

/// What is enqueued while somebody holds the lease is found by the next fetch.
pub async fn a_fetch_sees_what_was_enqueued_meanwhile<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[0]).await;
    stage.lease(1, 1).await;
    stage.enqueue([notification(2, 1), NewNotification { test: true, ..notification(3, 1) }]).await;
    let fetched = stage.fetch(endpoint(1), 9).await;
    assert_eq!(ids(&fetched.deliveries), numbered([1, 2, 3]));
}

/// Due commands are returned, the oldest first, with the current state of their delivery.
pub async fn commands_come_with_their_delivery<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[0, 0]).await;
    let over = ended(stage.record(1).await, stage.now, End::Undeliverable(Undeliverable::Rejected));
    let under_way = begun(stage.record(2).await, stage.now + HOUR);
    stage.write(1, vec![over, under_way]).await;
    let commands = [
        Command::Redeliver(delivery(1)),
        Command::Disable,
        Command::Cancel(delivery(2)),
        Command::Enable,
        Command::Redeliver(delivery(99)),
        Command::Reload,
    ];
    stage.store.command(commands.map(|command| (endpoint(1), command)).to_vec(), stage.now).await.unwrap();
    let pending = stage.fetch(endpoint(1), 0).await.commands;
    assert!(pending.is_sorted_by(|earlier, later| earlier.number < later.number));
    let found = pending.iter().map(|command| (command.command, command.delivery));
    let deliveries = [Some(over), None, Some(under_way), None, None, None];
    let expected: Vec<_> = commands.into_iter().zip(deliveries).collect();
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

/// A test event is found though more waits before it than is asked for, at an ordered endpoint too; one that is not due, or over,
/// is not.
pub async fn a_test_event_is_fetched_whatever_waits_before_it<H: Harness>(harness: &H) {
    let stage = with_dues(harness, &[-50, -40, -30, -20]).await;
    let later = Some(stage.now + SECOND);
    let tests = [
        NewNotification { test: true, ..notification(5, 1) },
        NewNotification { test: true, not_before: later, ..notification(6, 1) },
        NewNotification { test: true, ..notification(7, 1) },
        NewNotification { test: true, ..notification(8, 2) },
        NewNotification { test: true, ..notification(9, 1) },
    ];
    stage.enqueue(tests).await;
    let over = ended(stage.record(9).await, stage.now, End::Delivered);
    stage.write(1, vec![over]).await;
    for ordered in [false, true] {
        for limit in [0, 2] {
            let fetch = Fetch { endpoint: endpoint(1), ordered, after: None, limit };
            let fetched = stage.fetch_with(fetch).await;
            assert_eq!(ids(&fetched.tests), numbered([5, 7]), "ordered: {ordered}");
            assert_eq!(fetched.tests[0], stage.record(5).await, "with its whole record");
            assert_eq!(fetched.deliveries.len(), limit as usize);
        }
    }
}
