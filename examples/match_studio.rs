//! Many studios, one URL: which of them sent this request?
//!
//! EGYM and PG Next put no studio into the body. The key in `x-api-key` is all that tells them apart, so a keyring with a key
//! for each studio both verifies the request and answers the question.
//!
//! `cargo run --example match_studio`

use std::error::Error;

use gymhook::signature::{Key, Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_examples::{or_dash, table};
use http::{HeaderMap, HeaderValue};
use time::macros::utc_datetime;

const STUDIOS: [(&str, &str); 3] =
    [("berlin", "3f9c2a7e51d84b06-b"), ("poznan", "a81e6d0475c2f39b-p"), ("lisbon", "5b7d90e3f1a26c48-l")];

fn main() -> Result<(), Box<dyn Error>> {
    let now = utc_datetime!(2026-01-01 12:00);
    let pg_next = Receiver::new(&Provider::pg_next(), keyring()?)?;
    let egym = Receiver::new(&Provider::egym(), keyring()?)?;

    let check_in_pg_next = r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f","payload":[{"timestamp":1767268800000,"type":"CUSTOMER_CHECKIN"}]}"#;
    let check_in_egym = r#"{"accountId":"0f8fad5b-d9cb-469f-a165-70867728950e","timestamp":1767268800000,"type":"GYM_CHECKIN"}"#;

    let mut rows = table(&["platform", "key sent", "studio", "event", "who", "dedupe key"]);
    for (studio, key) in STUDIOS {
        let mut headers = HeaderMap::new();
        headers.insert("x-api-key", HeaderValue::from_static(key));

        let verified = pg_next.receive(&headers, check_in_pg_next, now)?;
        assert_eq!(verified.proof().key(), &studio);
        for event in verified.value().events() {
            let duplicate = or_dash(verified.value().dedupe_key());
            rows.add_row(["PG Next", key, studio, event.event_type, &or_dash(event.subject.id), &duplicate]);
        }
        let verified = egym.receive(&headers, check_in_egym, now)?;
        assert_eq!(verified.proof().key(), &studio);
        for event in verified.value().events() {
            let duplicate = or_dash(verified.value().dedupe_key());
            rows.add_row(["EGYM", key, studio, event.event_type, &or_dash(event.subject.id), &duplicate]);
        }
    }
    println!("{rows}");

    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", HeaderValue::from_static("a-key-of-nobody"));
    let refusal = pg_next.receive(&headers, check_in_pg_next, now).err().ok_or("a stranger was accepted")?;
    println!("a stranger's key: {refusal}; answered with {}", refusal.status());
    Ok(())
}

fn keyring() -> Result<Keyring, Box<dyn Error>> {
    let mut keys = Vec::new();
    for (studio, key) in STUDIOS {
        keys.push(Key::new(studio, Secret::new(key)?));
    }
    Ok(Keyring::new(keys)?)
}
