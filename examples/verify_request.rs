//! How do I verify one request, without a server and without async?
//!
//! `cargo run --example verify_request`

use std::error::Error;

use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use gymhook_examples::or_dash;
use http::{HeaderMap, HeaderValue};
use time::macros::utc_datetime;

fn main() -> Result<(), Box<dyn Error>> {
    // 1. Once, at start-up: the platform and your secret. In production the secret comes from the environment or a file.
    let keyring = Keyring::single("main", Secret::new("point-signing-secret")?)?;
    let receiver = Receiver::new(&Provider::point(), keyring)?;

    // 2. For each request: the headers and the raw bytes of the body, as your server or your queue hands them to you.
    let body = br#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#;
    let mut headers = HeaderMap::new();
    headers.insert(
        "point-signature",
        HeaderValue::from_static(
            "t=1669056240352,v1=86ef67da2c076056a41e2819b209b1a2885288765ead387b07728c2991ec736a",
        ),
    );

    // 3. The clock is yours: `UtcDateTime::now()` in production, the request's own day here.
    let now = utc_datetime!(2022-11-21 18:45);
    let verified = receiver.receive(&headers, &body[..], now)?;
    println!("accepted   {verified}");
    for event in verified.value().events() {
        println!("event      {} of {} {}", event.kind, event.subject.kind, or_dash(event.subject.id));
    }

    // The same request with another amount of anything in it is not the request that was signed.
    let mut changed = body.to_vec();
    changed.extend_from_slice(b" ");
    let refusal = receiver.receive(&headers, changed, now).err().ok_or("a changed body was accepted")?;
    println!("refused    {refusal}");
    println!("answer     {} (the peer learns no more than that)", refusal.status());

    // Nor is it, an hour later: Point signs the time, so a captured request grows old.
    let refusal = receiver.receive(&headers, &body[..], utc_datetime!(2022-11-21 19:45)).err();
    println!("refused    {}", refusal.ok_or("a stale request was accepted")?);
    Ok(())
}
