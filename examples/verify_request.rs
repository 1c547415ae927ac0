//! How do I verify one request, without a server and without async?
//!
//! `cargo run --example verify_request`

use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, Receiver};
use http::{HeaderMap, HeaderValue};
use time::macros::utc_datetime;

const SIGNATURE: &str = "t=1669056240352,v1=86ef67da2c076056a41e2819b209b1a2885288765ead387b07728c2991ec736a";
const BODY: &str = r#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // 1. Once, at start-up: the platform and your secret. In production it comes from `gymhook::secret_source`.
    let keyring = Keyring::single("main", Secret::new("point-signing-secret")?)?;
    let receiver = Receiver::new(&Provider::point(), keyring)?;

    // 2. For each request: the headers and the raw bytes of the body.
    let mut headers = HeaderMap::new();
    headers.insert("point-signature", HeaderValue::from_static(SIGNATURE));

    // 3. The clock is yours: `UtcDateTime::now()` in production, the request's own day here.
    let now = utc_datetime!(2022-11-21 18:45);
    let verified = receiver.receive(&headers, BODY, now)?;
    println!("accepted   {verified}");
    for event in verified.value().events() {
        println!("event      {} of {}", event.kind, event.subject);
    }

    // Another body is refused, and so is the same request an hour later, since Point signs the time.
    let changed = receiver.receive(&headers, format!("{BODY} "), now).err().ok_or("a changed body passed")?;
    println!("refused    {changed}; answered with {}", changed.status());
    let stale = receiver.receive(&headers, BODY, utc_datetime!(2022-11-21 19:45)).err().ok_or("it passed")?;
    println!("refused    {stale}; answered with {}", stale.status());
    Ok(())
}
