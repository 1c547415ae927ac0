//! Values that drivers keep: written, read back the same, and checked on the way in.

use core::time::Duration;

use gymhook_retry::{
    Anchor, AttemptNumber, Classify, Jitter, RetryBudget, RetryPolicy, RetrySchedule, Verdict,
};
use http::StatusCode;
use time::macros::utc_datetime;

use crate::seconds;

#[test]
fn every_preset_comes_back_the_same() {
    for policy in [
        RetryPolicy::gympoint(),
        RetryPolicy::egym(),
        RetryPolicy::perfectgym(),
        RetryPolicy::pg_next(),
        RetryPolicy::pg_next_no_retry(),
        RetryPolicy::point(),
        RetryPolicy::standard_webhooks(),
    ] {
        let written = serde_json::to_string(&policy).unwrap();
        assert_eq!(serde_json::from_str::<RetryPolicy>(&written).unwrap(), policy, "{written}");
    }
}

#[test]
fn every_setting_comes_back_the_same() {
    let policy = RetryPolicy::new(RetrySchedule::never())
        .with_schedule(RetrySchedule::fixed(vec![Duration::new(1, 1), Duration::MAX]))
        .with_anchor(Anchor::FirstFailure)
        .with_jitter(Jitter::Proportional { percent: 7 })
        .with_classify(
            Classify::new()
                .rejecting_redirects()
                .disabling_on_gone()
                .with(StatusCode::CONFLICT, Verdict::Accept),
        )
        .with_retry_after_max(seconds(1))
        .with_attempt_timeout(seconds(2))
        .with_own_fault_delay(seconds(3))
        .with_lost_delay(seconds(4));
    let written = serde_json::to_string(&policy).unwrap();
    let read: RetryPolicy = serde_json::from_str(&written).unwrap();
    assert_eq!(read, policy);
    assert_eq!(read.anchor(), Anchor::FirstFailure);
    assert_eq!(read.jitter(), Jitter::Proportional { percent: 7 });
    assert_eq!(read.schedule().retries(), 2);
    assert_eq!(read.classify(), policy.classify());
    assert_eq!(read.retry_after_max(), seconds(1));
    assert_eq!(read.attempt_timeout(), seconds(2));
    assert_eq!(read.own_fault_delay(), seconds(3));
    assert_eq!(read.lost_delay(), seconds(4));
    // As an earlier version wrote it.
    let earlier = written.replace(r#","lost_delay":{"secs":4,"nanos":0}"#, "");
    assert_ne!(earlier, written);
    let read: RetryPolicy = serde_json::from_str(&earlier).unwrap();
    assert_eq!(read.lost_delay(), RetryPolicy::DEFAULT_LOST_DELAY);
}

#[test]
fn a_table_written_before_410_was_a_choice_means_what_it_meant() {
    let written = r#"{"reject_redirects":false,"reject_client_errors":true,"exceptions":{}}"#;
    let read: Classify = serde_json::from_str(written).unwrap();
    assert_eq!(read, Classify::new().rejecting_client_errors().disabling_on_gone());
}

#[test]
fn what_a_constructor_refuses_is_refused_when_read() {
    let schedule = |text: &str| serde_json::from_str::<RetrySchedule>(text);
    let second = r#"{"secs":1,"nanos":0}"#;
    let exponential = |factor| {
        format!(r#"{{"exponential":{{"initial":{second},"factor":{factor},"max":{second},"retries":3}}}}"#)
    };
    assert!(schedule(&exponential(2)).is_ok());
    assert!(schedule(&exponential(0)).unwrap_err().to_string().contains("factor"));
    assert!(serde_json::from_str::<AttemptNumber>("0").is_err());
    assert_eq!(serde_json::from_str::<AttemptNumber>("3").unwrap().get(), 3);

    let budget = |percent: u32, burst: u32, balance: u64| {
        serde_json::from_str::<RetryBudget>(&format!(
            r#"{{"percent":{percent},"reserve_per_minute":0,"burst":{burst},"balance":{balance},"refilled_at_ms":0}}"#
        ))
    };
    assert!(budget(101, 1, 0).is_err());
    assert!(budget(20, 0, 0).is_err());
    assert_eq!(budget(20, 5, u64::MAX).unwrap().available(), 5, "no more than can be saved up");
}

#[test]
fn a_budget_goes_on_where_it_was_written() {
    let now = utc_datetime!(2026-01-01 12:00);
    let mut budget = RetryBudget::new(20, 60, 9, now).unwrap();
    budget.try_retry(now).unwrap();
    let mut read: RetryBudget = serde_json::from_str(&serde_json::to_string(&budget).unwrap()).unwrap();
    assert_eq!(read, budget);
    let later = utc_datetime!(2026-01-01 12:00:01);
    assert_eq!(read.try_retry(later), budget.try_retry(later));
    assert_eq!(read, budget);
}
