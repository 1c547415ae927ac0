//! `Shown`: the request that the next attempt will send, with its secrets masked, and as a `curl` command.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use gymhook::text::alters_display;
use gymhook_engine::store::DeliveryRow;
use gymhook_engine::{DeliveryHeaders, HttpTransport, Subscription};
use http::{HeaderName, HeaderValue, header};
use time::UtcDateTime;

/// Shown instead of a secret.
const MASK: &str = "••••••••";
/// The same in a command.
const COMMAND_MASK: &str = "MASKED";

/// A request that can be looked at.
pub(super) struct Shown {
    /// Without its query, which may have a token in it.
    pub(super) url: String,
    pub(super) headers: Vec<Header>,
    pub(super) curl: String,
}

pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_masked: bool,
}

impl Shown {
    /// As the transport would send it now; otherwise why it would not.
    pub(super) fn of(
        transport: &HttpTransport,
        subscription: &Subscription,
        delivery: &DeliveryRow,
        body: &Bytes,
        now: UtcDateTime,
    ) -> Result<Self, String> {
        let request = transport
            .preview(subscription, delivery, body.clone(), now)
            .map_err(|answer| answer.detail.unwrap_or_default())?;
        let target = subscription.http();
        let url = target.map(|target| target.url_for(&delivery.event_type).to_string()).unwrap_or_default();
        let of_delivery = delivery.origin.as_deref().and_then(|text| DeliveryHeaders::from_text(text).ok());
        let id = delivery.id.to_string();
        let is_masked = |name: &HeaderName, value: &HeaderValue| {
            let of_subscription = target.is_some_and(|target| target.headers().contains_key(name));
            let is_open = value == &id
                || name.as_str().ends_with("-timestamp")
                || of_delivery.as_ref().is_some_and(|headers| headers.as_map().contains_key(name));
            of_subscription || (value.is_sensitive() && !is_open)
        };
        let shown = |(name, value): (&HeaderName, &HeaderValue)| {
            let is_masked = is_masked(name, value);
            let open = || String::from_utf8_lossy(value.as_bytes()).into_owned();
            let value = if is_masked { MASK.to_owned() } else { open() };
            Header { name: name.to_string(), value, is_masked }
        };
        let headers: Vec<_> = request.headers().iter().map(shown).collect();
        let curl = curl(&url, &headers, body);
        Ok(Self { url, headers, curl })
    }
}

/// A command for a shell that sends the same body.
fn curl(url: &str, headers: &[Header], body: &[u8]) -> String {
    let mut command = format!("curl --request POST {}", quoted(url));
    for Header { name, value, is_masked } in
        headers.iter().filter(|shown| shown.name != header::CONTENT_LENGTH.as_str())
    {
        let value = if *is_masked { COMMAND_MASK } else { value };
        command.push_str(" \\\n  --header ");
        command.push_str(&quoted(&format!("{name}: {value}")));
    }
    // Not --data-binary, which would read a file for a body that begins with @.
    match core::str::from_utf8(body).ok().filter(|body| is_plain(body)) {
        Some(body) => command + " \\\n  --data-raw " + &quoted(body),
        None => {
            let body = STANDARD.encode(body);
            format!("printf %s {body} | base64 --decode | {command} \\\n  --data-binary @-")
        }
    }
}

/// Whether a terminal shows the text as it is, and takes nothing in it for a key that is pressed.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| alters_display(c) && c != '\n')
}

/// For a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_every_text_as_one_word() {
        assert_eq!(quoted("it's $HOME `x` \"y\" \\"), r#"'it'\''s $HOME `x` "y" \'"#);
        let header =
            Header { name: "x-one".to_owned(), value: "a'; rm -rf / #".to_owned(), is_masked: false };
        let masked = Header { name: "webhook-signature".to_owned(), value: MASK.to_owned(), is_masked: true };
        let command = curl("https://receiver.example/hooks", &[header, masked], b"{\"a\":1}");
        assert_eq!(
            command,
            "curl --request POST 'https://receiver.example/hooks' \\\n  --header 'x-one: a'\\''; rm -rf / #' \\\n  \
             --header 'webhook-signature: MASKED' \\\n  --data-raw '{\"a\":1}'"
        );
        assert!(
            curl("https://receiver.example/", &[], b"@/etc/passwd").ends_with("--data-raw '@/etc/passwd'")
        );
    }

    #[test]
    fn what_a_terminal_would_obey_is_encoded() {
        // ESC [ 2 J, a bell, a direction that is reversed, and what is no text.
        for (body, encoded) in [
            (&b"\x1b[2J"[..], "G1sySg=="),
            (b"\x07", "Bw=="),
            ("\u{202e}".as_bytes(), "4oCu"),
            (b"\xff", "/w=="),
        ] {
            assert_eq!(
                curl("https://receiver.example/", &[], body),
                format!(
                    "printf %s {encoded} | base64 --decode | curl --request POST 'https://receiver.example/' \\\n  --data-binary @-"
                )
            );
        }
    }
}
