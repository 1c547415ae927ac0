//! A request as the next attempt would send it, without its secrets.

use std::sync::Arc;

use bytes::Bytes;
use gymhook::event::Vendor;
use gymhook::signature::{SignatureScheme, Signer, StandardWebhooks};
use gymhook::{Provider, send};
use gymhook_engine::store::DeliveryRow;
use gymhook_engine::{HttpTarget, Subscription};
use http::{HeaderMap, header};
use time::UtcDateTime;

use crate::actions::platforms::STANDARD_WEBHOOKS;
use crate::outgoing::DESTINATION;

/// What stands where a secret would.
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
    /// `None` for what is handled here, and for what cannot be signed now.
    pub(super) fn of(
        subscription: &Subscription,
        delivery: &DeliveryRow,
        body: &Bytes,
        now: UtcDateTime,
    ) -> Option<Self> {
        let target = subscription.http()?;
        let signer = signer(target)?;
        let url = target.url_for(&delivery.event_type);
        let request = send::request(&signer, url, &delivery.id.to_string(), body.clone(), now).ok()?;
        let secret = secret_names(target.platform());
        let headers = shown(request.headers(), |name| secret.contains(name));
        let headers: Vec<_> = headers.chain(shown(target.headers(), |_| true)).collect();
        let url = url.to_string();
        let curl = curl(&url, &headers, body);
        Some(Self { url, headers, curl })
    }
}

fn scheme(platform: &str) -> Option<Arc<dyn SignatureScheme>> {
    if platform == DESTINATION {
        return Some(Arc::clone(crate::destinations::provider().scheme()));
    }
    if platform == STANDARD_WEBHOOKS {
        return Some(Arc::new(StandardWebhooks::new()));
    }
    Some(Arc::clone(Provider::of(platform.parse::<Vendor>().ok()?)?.scheme()))
}

fn signer(target: &HttpTarget) -> Option<Signer> {
    let scheme = scheme(target.platform())?;
    match target.keys() {
        Some(keys) => Signer::with_shared(scheme, Arc::clone(keys)).ok(),
        None => Some(Signer::dangerous_unsigned(scheme)),
    }
}

/// The scheme's headers, but for those that say no more than which request it is, and when.
fn secret_names(platform: &str) -> Vec<http::HeaderName> {
    let open =
        |name: &http::HeaderName| name.as_str().ends_with("-id") || name.as_str().ends_with("-timestamp");
    scheme(platform)
        .map(|scheme| scheme.header_names())
        .unwrap_or_default()
        .into_iter()
        .filter(|name| !open(name))
        .collect()
}

fn shown(headers: &HeaderMap, is_masked: impl Fn(&http::HeaderName) -> bool) -> impl Iterator<Item = Header> {
    headers.iter().map(move |(name, value)| {
        let is_masked = is_masked(name);
        let value =
            if is_masked { MASK.to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() };
        Header { name: name.to_string(), value, is_masked }
    })
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
    command.push_str(" \\\n  --data-binary ");
    // What a terminal would take for a key that is pressed comes from a file.
    let is_key = |c: char| c.is_control() && c != '\n' && c != '\t';
    match core::str::from_utf8(body).ok().filter(|body| !body.contains(is_key)) {
        // A value that begins with `@` would be the name of a file.
        Some(body) if !body.starts_with('@') => command.push_str(&quoted(body)),
        _ => command.push_str("@body.bin"),
    }
    command
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
             --header 'webhook-signature: MASKED' \\\n  --data-binary '{\"a\":1}'"
        );
        assert!(curl("https://receiver.example/", &[], b"@/etc/passwd").ends_with("--data-binary @body.bin"));
        assert!(curl("https://receiver.example/", &[], b"\xff").ends_with("--data-binary @body.bin"));
    }
}
