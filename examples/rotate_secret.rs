//! How do I change a secret without losing a request?
//!
//! Both secrets are valid while the platform switches over. The proof says which one was used, so you can see when the old one is
//! no longer needed; after its window it is refused.
//!
//! `cargo run --example rotate_secret`

use std::error::Error;

use gymhook::signature::{Key, Keyring, Secret, Signer, vendor};
use gymhook::{Provider, Receiver};
use gymhook_examples::wrapped_table;
use time::UtcDateTime;
use time::macros::utc_datetime;

const OLD: &str = "the secret of the spring, 2026-05";
const NEW: &str = "the secret of the summer, 2026-06";
const OLD_ENDS: UtcDateTime = utc_datetime!(2026-06-08 00:00);

fn main() -> Result<(), Box<dyn Error>> {
    let receiver = Receiver::new(
        &Provider::gympoint(),
        Keyring::new([
            Key::new("2026-06", Secret::new(NEW)?),
            Key::new("2026-05", Secret::new(OLD)?).valid_until(OLD_ENDS),
        ])?,
    )?;

    let body = r#"{"event":"checkin.created","data":{"member":"m-1"}}"#;
    let days = [
        (utc_datetime!(2026-05-30 09:00), OLD, "before the switch"),
        (utc_datetime!(2026-06-02 09:00), OLD, "the platform still uses the old secret"),
        (utc_datetime!(2026-06-02 10:00), NEW, "somebody saved the new one in the platform"),
        (utc_datetime!(2026-06-09 09:00), NEW, "the old window is over"),
        (utc_datetime!(2026-06-09 10:00), OLD, "somebody kept the old secret"),
    ];

    let mut rows = wrapped_table(&["time", "what happens", "verdict"]);
    let mut refused = 0;
    for (now, secret, what) in days {
        // What the platform does with the secret that is saved there.
        let platform = Signer::new(vendor::gympoint(), Keyring::single("platform", Secret::new(secret)?)?)?;
        let headers = platform.sign("", body.as_bytes(), now)?;
        let verdict = match receiver.receive(&headers, body, now) {
            Ok(verified) => format!("accepted: {}", verified.proof().key()),
            Err(refusal) => {
                refused += 1;
                format!("refused: {refusal}")
            }
        };
        rows.add_row([now.date().to_string(), what.to_owned(), verdict]);
    }
    println!("{rows}");
    if refused != 1 {
        return Err(format!("{refused} requests were refused, only the last one should be").into());
    }
    Ok(())
}
