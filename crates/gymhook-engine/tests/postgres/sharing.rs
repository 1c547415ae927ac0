//! Workers that share the endpoints.

use crate::{fresh, sharing_scenario};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_gets_its_share_and_who_leaves_leaves_it() {
    sharing_scenario::who_joins_gets_its_share_and_who_leaves_leaves_it(fresh().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_and_is_gone_takes_nothing_away() {
    sharing_scenario::who_asks_and_is_gone_takes_nothing_away(fresh().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_costs_no_attempt() {
    sharing_scenario::a_store_that_fails_costs_no_attempt(fresh().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_read_subscriptions_asks_no_more() {
    sharing_scenario::who_cannot_read_subscriptions_asks_no_more(fresh().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leases_little_at_a_time_gets_its_share_as_well() {
    sharing_scenario::who_leases_little_at_a_time_gets_its_share_as_well(fresh().await).await;
}
