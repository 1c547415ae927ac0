//! Notifications of platforms that give no id, under a key that was derived.

use crate::{fresh, scenario};

#[tokio::test]
async fn another_body_is_another_notification() {
    scenario::another_body_is_another_notification(fresh().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_at_once_one_is_new() {
    scenario::of_several_at_once_one_is_new(fresh().await).await;
}

#[tokio::test]
async fn each_is_remembered_until_it_is_purged_itself() {
    scenario::each_is_remembered_until_it_is_purged_itself(fresh().await).await;
}
