//! The table from outcome to verdict, status by status.

use gymhook_retry::{Classify, Fault, Outcome, OwnFault, RetryAfter, RetryPolicy, Verdict};
use http::StatusCode;
use time::UtcDateTime;
use time::macros::utc_datetime;

const WISH: UtcDateTime = utc_datetime!(2026-01-01 12:00);

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

fn verdicts(classify: &Classify, asked_to_wait: bool) -> Vec<(u16, Verdict)> {
    let retry_after = asked_to_wait.then(|| RetryAfter::from(WISH));
    (100..=999)
        .map(|code| (code, classify.verdict(&Outcome::Response { status: status(code), retry_after })))
        .collect()
}

#[test]
fn by_default_every_status_but_2xx_is_retried_410_included() {
    for (code, verdict) in verdicts(&Classify::new(), false) {
        let wanted = if (200..=299).contains(&code) { Verdict::Accept } else { Verdict::Retry };
        assert_eq!(verdict, wanted, "{code}");
    }
}

#[test]
fn gone_is_a_choice_and_changes_410_only() {
    let plain = verdicts(&Classify::new(), true);
    let gone = verdicts(&Classify::new().disabling_on_gone(), true);
    for ((code, verdict), (_, without)) in gone.into_iter().zip(plain) {
        assert_eq!(verdict, if code == 410 { Verdict::Gone } else { without }, "{code}");
    }
    let rejecting = Classify::new().rejecting_client_errors().disabling_on_gone();
    assert!(verdicts(&rejecting, false).contains(&(410, Verdict::Gone)));
}

/// GymPoint: "a non-2xx status code"; PG Next: "in case of any error"; Point: "3xx, 4xx, or 5xx". Standard Webhooks: 410
/// disables the endpoint.
#[test]
fn the_platforms_retry_every_status_but_2xx_and_standard_webhooks_takes_410_for_the_end() {
    for platform in [
        RetryPolicy::gympoint(),
        RetryPolicy::egym(),
        RetryPolicy::perfectgym(),
        RetryPolicy::pg_next(),
        RetryPolicy::pg_next_no_retry(),
        RetryPolicy::point(),
    ] {
        for (code, verdict) in verdicts(platform.classify(), false) {
            assert_eq!(verdict == Verdict::Accept, (200..=299).contains(&code), "{code}");
            assert!(matches!(verdict, Verdict::Accept | Verdict::Retry), "{code}");
        }
    }
    let gone: Vec<_> = verdicts(RetryPolicy::standard_webhooks().classify(), false)
        .into_iter()
        .filter(|(_, verdict)| *verdict == Verdict::Gone)
        .collect();
    assert_eq!(gone, [(410, Verdict::Gone)]);
}

#[test]
fn a_retry_after_slows_the_endpoint_on_429_and_503_only() {
    let plain = verdicts(&Classify::new(), false);
    for ((code, verdict), (_, without)) in verdicts(&Classify::new(), true).into_iter().zip(plain) {
        let wanted = if matches!(code, 429 | 503) { Verdict::Throttle } else { without };
        assert_eq!(verdict, wanted, "{code}");
    }
}

#[test]
fn redirects_can_be_rejected() {
    for (code, verdict) in verdicts(&Classify::new().rejecting_redirects(), false) {
        assert_eq!(verdict == Verdict::Reject, (300..=399).contains(&code), "{code}");
    }
}

#[test]
fn client_errors_can_be_rejected_but_for_those_that_mean_later() {
    for (code, verdict) in verdicts(&Classify::new().rejecting_client_errors(), false) {
        let rejected = (400..=499).contains(&code) && !matches!(code, 408 | 425 | 429);
        assert_eq!(verdict == Verdict::Reject, rejected, "{code}");
    }
    let asked = verdicts(&Classify::new().rejecting_client_errors(), true);
    assert!(asked.contains(&(429, Verdict::Throttle)));
}

#[test]
fn an_exception_comes_before_the_table() {
    let classify = Classify::new()
        .disabling_on_gone()
        .with(StatusCode::GONE, Verdict::Retry)
        .with(StatusCode::OK, Verdict::Reject)
        .with(StatusCode::CONFLICT, Verdict::Accept);
    for (code, verdict) in verdicts(&classify, false) {
        let wanted = match code {
            200 => Verdict::Reject,
            201..=299 | 409 => Verdict::Accept,
            _ => Verdict::Retry,
        };
        assert_eq!(verdict, wanted, "{code}");
    }
}

#[test]
fn faults_are_told_apart_by_who_is_to_blame() {
    let classify = Classify::new().rejecting_client_errors().rejecting_redirects();
    for fault in Fault::ALL {
        let outcome = Outcome::Failure(fault);
        assert_eq!(classify.verdict(&outcome), Verdict::Retry, "{fault}");
        assert!(outcome.blames_endpoint(), "{fault}");
    }
    for fault in
        [OwnFault::Shutdown, OwnFault::Storage, OwnFault::Signing, OwnFault::Resources, OwnFault::Network]
    {
        let outcome = Outcome::Internal(fault);
        assert_eq!(classify.verdict(&outcome), Verdict::OurFault, "{fault:?}");
        assert!(!outcome.blames_endpoint(), "{fault:?}");
    }
    assert_eq!(classify.verdict(&Outcome::Crashed), Verdict::Retry);
    assert!(!Outcome::Crashed.blames_endpoint());
    assert_eq!(classify.verdict(&Outcome::Panicked), Verdict::Retry);
    assert!(!Outcome::Panicked.blames_endpoint());
    assert!(!Outcome::response(StatusCode::NO_CONTENT).blames_endpoint());
    assert!(Outcome::response(StatusCode::FOUND).blames_endpoint());
}

#[test]
fn a_fault_has_one_name() {
    let names = ["timeout", "connect", "dns", "tls", "reset", "protocol", "forbidden"];
    assert_eq!(Fault::ALL.map(Fault::as_str), names);
    for fault in Fault::ALL {
        assert_eq!(fault.to_string().parse(), Ok(fault));
        assert_eq!(serde_json::to_value(fault).unwrap(), fault.as_str());
    }
    assert!("Timeout".parse::<Fault>().is_err());
}
