//! How do I receive a webhook in a function (a Lambda, a worker), without a server?
//!
//! The runtime of a function reads the whole request and passes it as one value, so there is no reading to bound here: the
//! runtime's own limit for bodies (6 MB in AWS Lambda, for example) bounds your memory, before this code runs.
//! `Receiver::max_body` (256 KiB) only saves hashing and parsing what no fitness platform sends. Check two things in the function's
//! settings: the body must arrive as the bytes that were sent, not decoded, re-encoded or decompressed, and methods other than POST
//! must not reach it.
//!
//! `cargo run --example receive_in_a_function`

use gymhook::event::{Kind, pg_next};
use gymhook::signature::{Keyring, Secret};
use gymhook::{Provider, ReceiveError, Receiver};
use http::{Request, Response, StatusCode};
use time::UtcDateTime;

/// The function. Make the receiver once, outside of it.
fn handle(
    receiver: &Receiver<pg_next::Notification>,
    request: &Request<Vec<u8>>,
    now: UtcDateTime,
) -> Response<String> {
    let mut response = Response::new(String::new());
    *response.status_mut() = match receiver.receive_request(request, now) {
        Ok(verified) => {
            for event in verified.value().events().filter(|event| event.kind == Kind::CheckIn) {
                // Before the answer: what a function leaves running is frozen with it.
                println!("studio {}: greet {:?}", verified.proof().key(), event.subject);
            }
            StatusCode::OK
        }
        Err(refusal) => {
            // For the operator, never for the peer.
            eprintln!("refused: {refusal}");
            refusal.status()
        }
    };
    response
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keyring = || -> Result<_, Box<dyn std::error::Error>> {
        Ok(Keyring::single("berlin", Secret::new("3f9c2a7e51d84b06-berlin")?)?)
    };
    let receiver = Receiver::new(&Provider::pg_next(), keyring()?)?;

    let body = br#"{"entityId":7893459,"uuid":"095be615","payload":[{"timestamp":1767268800000,"type":"CUSTOMER_CHECKIN"}]}"#;
    let request = |key: &str| Request::post("/pg-next").header("x-api-key", key).body(body.to_vec());
    let now = UtcDateTime::now();
    assert_eq!(handle(&receiver, &request("3f9c2a7e51d84b06-berlin")?, now).status(), StatusCode::OK);
    assert_eq!(handle(&receiver, &request("a guess")?, now).status(), StatusCode::UNAUTHORIZED);

    let long = Request::post("/pg-next").body(vec![b' '; receiver.max_body() + 1])?;
    let refusal = receiver.receive_request(&long, now).err().ok_or("it is too long")?;
    assert!(matches!(refusal, ReceiveError::NotAdmitted(_)));
    println!("{refusal}; answered with {}", refusal.status());
    Ok(())
}
