//! `Variant`, the variants of a secret and of a body that are tried: as they may have been before a person or a
//! program changed them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::json_text::{Escapes, Layout, rewritten};

/// A secret or a body in another form, and what to do if that form is the right one.
pub(super) struct Variant<B> {
    pub(super) code: &'static str,
    /// Ends the sentence "The signature would match …".
    pub(super) what: &'static str,
    /// What to do about it.
    pub(super) advice: &'static str,
    pub(super) bytes: B,
}

pub(super) type SecretVariant = Variant<Zeroizing<Vec<u8>>>;
pub(super) type BodyVariant = Variant<Vec<u8>>;

/// The forms that a secret is confused with.
pub(super) fn secrets(secret: &[u8]) -> Vec<SecretVariant> {
    let mut variants: Vec<SecretVariant> = Vec::new();
    let mut add = |code, what, advice, bytes: Option<Vec<u8>>| {
        let Some(bytes) = bytes.map(Zeroizing::new) else { return };
        if !bytes.is_empty() && *bytes != secret && variants.iter().all(|known| known.bytes != bytes) {
            variants.push(Variant { code, what, advice, bytes });
        }
    };
    let text = core::str::from_utf8(secret).ok();
    let trimmed = text.map(|text| text.trim_matches(|edge: char| edge.is_whitespace() || edge == '\u{feff}'));
    let line_end = text.map(|text| text.trim_end_matches(['\r', '\n']).as_bytes().to_vec());
    add(
        "secret-line-end",
        "with the line end at the end of the secret removed",
        "store the secret without it",
        line_end,
    );
    add(
        "secret-white-space",
        "with the white space around the secret removed",
        "store the secret without it",
        trimmed.map(|text| text.as_bytes().to_vec()),
    );
    let bare = trimmed.map(|text| text.trim_matches(['"', '\'', '`', '\u{201c}', '\u{201d}']));
    add(
        "secret-quotes",
        "with the quotation marks around the secret removed",
        "store the secret without them",
        bare.map(|text| text.as_bytes().to_vec()),
    );
    if let Some(bare) = bare {
        let encoded = bare.strip_prefix("whsec_").unwrap_or(bare);
        add(
            "secret-whsec",
            "with the base64 after whsec_ decoded",
            "give --secret-format whsec, and decode it so in your receiver",
            bare.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok()),
        );
        add(
            "secret-whsec-prefix",
            "with the prefix whsec_ removed from the secret and the rest taken as text",
            "store the secret without its prefix",
            (encoded != bare).then(|| encoded.as_bytes().to_vec()),
        );
        add(
            "secret-hex",
            "with the secret decoded from hexadecimal",
            "give --secret-format hex, and decode it so in your receiver",
            const_hex::decode(bare).ok(),
        );
        let base64 = STANDARD.decode(encoded).or_else(|_| URL_SAFE_NO_PAD.decode(encoded)).ok();
        add(
            "secret-base64",
            "with the secret decoded from base64",
            "give --secret-format base64, and decode it so in your receiver",
            base64,
        );
        add(
            "secret-case",
            "with the secret in lower case",
            "compare its letters with the platform's page",
            Some(bare.to_lowercase().into_bytes()),
        );
        add(
            "secret-case",
            "with the secret in upper case",
            "compare its letters with the platform's page",
            Some(bare.to_uppercase().into_bytes()),
        );
    }
    let as_text = "give --secret-format text, and do not decode it in your receiver";
    add(
        "secret-not-encoded",
        "with the text of the secret, not what it decodes to as hexadecimal",
        as_text,
        Some(const_hex::encode(secret).into_bytes()),
    );
    let base64 = STANDARD.encode(secret);
    add(
        "secret-not-encoded",
        "with the text of the secret, not what it decodes to as base64",
        as_text,
        Some(base64.clone().into_bytes()),
    );
    add(
        "secret-not-encoded",
        "with the text of the secret, whsec_ included, not what it decodes to",
        as_text,
        Some(format!("whsec_{base64}").into_bytes()),
    );
    for (before, behind, what) in [
        ("", "\n", "with a line end (\\n) after the secret"),
        ("", "\r\n", "with a line end (\\r\\n) after the secret"),
        ("", " ", "with a space after the secret"),
        (" ", "", "with a space before the secret"),
        ("\"", "\"", "with quotation marks around the secret"),
    ] {
        add(
            "secret-of-the-sender",
            what,
            "the sender's secret has extra characters, so enter it again at the sender",
            Some([before.as_bytes(), secret, behind.as_bytes()].concat()),
        );
    }
    variants
}

/// Larger bodies are not written in forty ways.
const MAX_REWRITTEN: usize = 1 << 20;

/// The forms that a body had before a framework or an editor changed it.
pub(super) fn bodies(body: &[u8]) -> Vec<BodyVariant> {
    const RAW: &str = "verify the bytes as they arrive, before anything parses or writes them again";
    const EDITOR: &str = "an editor or a shell changed it: capture the bytes as they arrive";
    let mut variants: Vec<BodyVariant> = Vec::new();
    let mut add = |code, what, advice, bytes: Vec<u8>| {
        if bytes != body && variants.iter().all(|known| known.bytes != bytes) {
            variants.push(Variant { code, what, advice, bytes });
        }
    };
    let text = String::from_utf8_lossy(body);
    add(
        "body-line-end",
        "with the line end at the end of the body removed",
        EDITOR,
        text.trim_end_matches(['\r', '\n']).as_bytes().to_vec(),
    );
    add("body-line-end", "with a line end (\\n) at the end of the body", EDITOR, [body, b"\n"].concat());
    add("body-line-end", "with a line end (\\r\\n) at the end of the body", EDITOR, [body, b"\r\n"].concat());
    if body.len() > MAX_REWRITTEN {
        return variants;
    }
    let lf = text.replace("\r\n", "\n");
    add("body-crlf", "with \\r\\n in the body written as \\n", EDITOR, lf.clone().into_bytes());
    add("body-lf", "with \\n in the body written as \\r\\n", EDITOR, lf.replace('\n', "\r\n").into_bytes());
    add(
        "body-white-space",
        "with the white space around the body removed",
        EDITOR,
        text.trim().as_bytes().to_vec(),
    );
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        add(
            "body-byte-order-mark",
            "without the byte order mark at the beginning of the body",
            EDITOR,
            rest.as_bytes().to_vec(),
        );
    }
    // Read as Latin-1 and written as UTF-8.
    if let Some(once) = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<u8>>>() {
        add("body-encoded-twice", "with the body's UTF-8 decoded once more", RAW, once);
    }
    let layouts = [
        (Layout::Compact, "written without white space"),
        (Layout::Spaced, "written with a space after \",\" and \":\""),
        (Layout::Indented(2), "indented by two spaces"),
        (Layout::Indented(4), "indented by four spaces"),
        (Layout::Tabs, "indented by tabs"),
    ];
    let escapes = [Escapes::Kept, Escapes::None, Escapes::Ascii, Escapes::AsciiAndSlashes, Escapes::Slashes];
    for (layout, what) in layouts {
        for escape in escapes {
            let Some(form) = rewritten(&text, layout, escape) else { continue };
            let what = if escape == Escapes::Kept {
                what
            } else {
                "with the same JSON, its characters escaped in another way"
            };
            add("body-rewritten", what, RAW, form.clone().into_bytes());
            add("body-rewritten", what, RAW, (form + "\n").into_bytes());
        }
    }
    variants
}
