//! `Token`: finds everything in a request's headers that could be a signature, and decodes it as hexadecimal or
//! Base64.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use http::HeaderMap;

/// A part of a header's value that decodes to as many bytes as a digest has.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) header: String,
    pub(super) bytes: Vec<u8>,
    /// How it is written: `hex`, `upper-case hex`, `base64`, `URL-safe base64`, `base64 without padding`.
    pub(super) encoding: &'static str,
    /// What comes before it, such as `sha256=` or `v1,`.
    pub(super) prefix: String,
}

/// MD5, SHA-1, SHA-256 and SHA-512.
const DIGEST_LENGTHS: [usize; 4] = [16, 20, 32, 64];

/// More than any honest request has.
const MAX_TOKENS: usize = 256;

pub(super) fn tokens(headers: &HeaderMap) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (name, value) in headers {
        let Ok(value) = value.to_str() else { continue };
        for part in value.split([',', ' ', ';']).map(|part| part.trim_matches(['"', '\''])) {
            let behind_equals = part.find('=').map_or("", |at| part.get(at + 1..).unwrap_or_default());
            // Base64's own padding is no prefix.
            let candidates =
                [(part, ""), (behind_equals, part.strip_suffix(behind_equals).unwrap_or_default())];
            for (text, prefix) in candidates {
                if let Some((bytes, encoding)) = decoded(text) {
                    tokens.push(Token {
                        header: name.to_string(),
                        bytes,
                        encoding,
                        prefix: prefix.to_owned(),
                    });
                }
            }
        }
    }
    tokens.truncate(MAX_TOKENS);
    tokens
}

fn decoded(text: &str) -> Option<(Vec<u8>, &'static str)> {
    let hex = const_hex::decode(text).ok().map(|bytes| {
        let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        (bytes, if upper { "upper-case hex" } else { "hex" })
    });
    let base64 = || {
        let named = [
            (STANDARD.decode(text), "base64"),
            (URL_SAFE.decode(text), "URL-safe base64"),
            (STANDARD_NO_PAD.decode(text), "base64 without padding"),
            (URL_SAFE_NO_PAD.decode(text), "URL-safe base64 without padding"),
        ];
        named.into_iter().find_map(|(decoded, name)| decoded.ok().map(|bytes| (bytes, name)))
    };
    let fits = |(bytes, _): &(Vec<u8>, &str)| DIGEST_LENGTHS.contains(&bytes.len());
    hex.filter(fits).or_else(|| base64().filter(fits))
}
