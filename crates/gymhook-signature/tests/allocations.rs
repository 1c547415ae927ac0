//! The accepting path allocates nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use gymhook_signature::{ApiKey, Key, Keyring, Secret, Verifier};
use support::{both_sides, schemes};
use time::macros::utc_datetime;

#[test]
fn an_accepted_request_costs_no_allocation_in_any_scheme() {
    let now = utc_datetime!(2026-01-01 00:00);
    for scheme in schemes() {
        for size in [0, 300, 1 << 20] {
            let body = vec![b'x'; size];
            let (signer, verifier) = both_sides(&scheme, "a secret of some length");
            let headers = signer.sign("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", &body, now).unwrap();
            let counted =
                allocation_counter::measure(|| assert!(verifier.verify(&headers, &body, now).is_ok()));
            assert_eq!(counted.count_total, 0, "{scheme:?} with {size} bytes");
        }
    }
}

#[test]
fn nor_does_one_key_out_of_ten_thousand() {
    let now = utc_datetime!(2026-01-01 00:00);
    let keys =
        (0..10_000).map(|n| Key::new(format!("{n}"), Secret::new(format!("api-key-of-studio-{n}")).unwrap()));
    let verifier = Verifier::new(ApiKey::new(), Keyring::new(keys).unwrap()).unwrap();
    let mut headers = http::HeaderMap::new();
    headers.insert("x-api-key", http::HeaderValue::from_static("api-key-of-studio-7777"));
    let counted = allocation_counter::measure(|| {
        assert_eq!(verifier.verify(&headers, b"{}", now).unwrap().key(), &"7777");
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn the_counter_counts() {
    assert!(allocation_counter::measure(|| drop(core::hint::black_box(vec![1_u8]))).count_total > 0);
}
