//! Announcements: what a worker announces reaches the other workers of its direction, through `announce` and
//! `other_workers`.

use time::UtcDateTime;

use super::Harness;
use super::stage::{HOUR, MICRO, SHORT, Stage, worker};
use crate::{Announcement, Direction, Store};

/// Of a worker that sends.
fn announcement(by: u128, endpoints: u32, now: UtcDateTime) -> Announcement {
    Announcement {
        worker: worker(by),
        direction: Direction::Outgoing,
        endpoints,
        wants_more: false,
        looked_at: now,
        counts_until: now + HOUR,
    }
}

async fn announce<H: Harness>(stage: &Stage<'_, H>, announcement: Announcement) {
    stage.store.announce(announcement, stage.now).await.expect("it is announced");
}

/// What the others of a direction have announced, by worker.
async fn heard<H: Harness>(stage: &Stage<'_, H>, by: u128, direction: Direction) -> Vec<Announcement> {
    let others = stage.store.other_workers(worker(by), direction, stage.now).await.expect("it is read");
    others.announcements
}

/// The others hear of it, whole, and who said it does not.
pub async fn the_others_hear_it_whole<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    assert_eq!(heard(&stage, 1, Direction::Outgoing).await, []);
    let looked_at = stage.now - HOUR;
    let one = Announcement { wants_more: true, looked_at, ..announcement(1, u32::MAX, stage.now) };
    let two = announcement(2, 0, stage.now);
    announce(&stage, two).await;
    announce(&stage, one).await;
    assert_eq!(heard(&stage, 1, Direction::Outgoing).await, [two]);
    assert_eq!(heard(&stage, 2, Direction::Outgoing).await, [one]);
    assert_eq!(heard(&stage, 3, Direction::Outgoing).await, [one, two]);
}

/// Who sends does not hear of those that handle, nor they of it.
pub async fn directions_do_not_hear_each_other<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let sends = announcement(1, 5, stage.now);
    let handles = Announcement { direction: Direction::Incoming, ..announcement(2, 7, stage.now) };
    announce(&stage, sends).await;
    announce(&stage, handles).await;
    assert_eq!(heard(&stage, 3, Direction::Outgoing).await, [sends]);
    assert_eq!(heard(&stage, 3, Direction::Incoming).await, [handles]);
}

/// The latest announcement of a worker replaces the one before it.
pub async fn the_latest_counts<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    announce(&stage, announcement(1, 5, stage.now)).await;
    let later = Announcement { wants_more: true, ..announcement(1, 3, stage.now + MICRO) };
    announce(&stage, later).await;
    assert_eq!(heard(&stage, 2, Direction::Outgoing).await, [later]);
}

/// It counts until its time, to the microsecond, and then it is gone; another worker's stays.
pub async fn it_counts_until_its_time<H: Harness>(harness: &H) {
    let mut stage = Stage::open(harness).await;
    let end = stage.now + SHORT;
    let short = Announcement { counts_until: end, ..announcement(1, 5, stage.now) };
    announce(&stage, short).await;
    let long = announcement(2, 7, stage.now);
    announce(&stage, long).await;
    if harness.set_now(&stage.store, end - MICRO).await {
        stage.now = end - MICRO;
        assert_eq!(heard(&stage, 3, Direction::Outgoing).await, [short, long]);
    }
    stage.wait_until(end).await;
    assert_eq!(heard(&stage, 3, Direction::Outgoing).await, [long]);
    // What no longer counted was removed when another worker said something: not even an earlier time brings it back.
    announce(&stage, long).await;
    stage.now = end - MICRO;
    assert_eq!(heard(&stage, 3, Direction::Outgoing).await, [long]);
}

/// What does not count any more when it is announced is withdrawn.
pub async fn it_is_withdrawn<H: Harness>(harness: &H) {
    let stage = Stage::open(harness).await;
    let stays = announcement(2, 7, stage.now);
    announce(&stage, announcement(1, 5, stage.now)).await;
    announce(&stage, stays).await;
    announce(&stage, Announcement { counts_until: stage.now, ..announcement(1, 5, stage.now) }).await;
    assert_eq!(heard(&stage, 3, Direction::Outgoing).await, [stays]);
    announce(&stage, Announcement { counts_until: stage.now - HOUR, ..announcement(9, 5, stage.now) }).await;
    assert_eq!(heard(&stage, 3, Direction::Outgoing).await, [stays], "one that never announced anything");
}
