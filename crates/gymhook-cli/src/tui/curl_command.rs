//! `command`: a request as a `curl` command, without its secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gymhook::signature::ApiKey;

use crate::commands::shell_word;
use crate::local_endpoint::{OF_THE_CONNECTION, Whole};
use crate::output::shown;
use crate::secrets::{VARIABLE, may_hold_key};

/// A command for a POSIX shell that sends the request again. The API key comes from the environment; of other headers that may
/// hold a key, none is in it.
pub(super) fn command(url: &str, platform: &str, request: &Whole) -> String {
    let mut command = format!("curl --request POST {}", shell_word(url));
    for (name, value) in &request.headers {
        let (name, value) = (name.as_str(), value.to_str());
        if name == ApiKey::HEADER.as_str() {
            command += &format!(" \\\n  --header \"{name}: ${VARIABLE}\"");
        } else if let (Ok(value), false, false) =
            (value, OF_THE_CONNECTION.contains(&name), may_hold_key(platform, name))
        {
            command += &format!(" \\\n  --header {}", shell_word(&format!("{name}: {value}")));
        }
    }
    match plain(&request.body) {
        // Not --data-binary, which would read a file for a body that begins with @.
        Some(body) => command + &format!(" \\\n  --data-raw {}", shell_word(body)),
        None => {
            let body = STANDARD.encode(&request.body);
            format!("printf %s {body} | base64 --decode | {command} \\\n  --data-binary @-")
        }
    }
}

/// The body, if a terminal shows it as it is.
fn plain(body: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(body).ok()?;
    text.split('\n').all(|line| shown(line) == line).then_some(text)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn request(body: &'static [u8]) -> Whole {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("127.0.0.1:8080"));
        headers.insert("x-api-key", HeaderValue::from_static("canary"));
        headers.insert("cookie", HeaderValue::from_static("canary"));
        headers.insert("accept", HeaderValue::from_static("it's $HOME"));
        headers.insert("content-length", HeaderValue::from_static("2"));
        Whole { headers, body: Bytes::from_static(body) }
    }

    #[test]
    fn a_shell_sends_the_same_bytes_and_no_key_is_in_it() {
        let expected = r#"curl --request POST http://127.0.0.1:8080/hooks \
  --header "x-api-key: $GYMHOOK_SECRET" \
  --header 'accept: it'\''s $HOME' \
  --data-raw '@{"a":
'\''b'\''}'"#;
        assert_eq!(command("http://127.0.0.1:8080/hooks", "egym", &request(b"@{\"a\":\n'b'}")), expected);
    }

    #[test]
    fn what_a_terminal_would_obey_is_encoded() {
        // ESC [ 2 J.
        let request = Whole { headers: HeaderMap::new(), body: Bytes::from_static(b"\x1b[2J") };
        assert_eq!(
            command("http://a/", "point", &request),
            "printf %s G1sySg== | base64 --decode | curl --request POST http://a/ \\\n  --data-binary @-"
        );
    }
}
