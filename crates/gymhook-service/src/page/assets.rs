//! `Assets`: the style sheet, the script and the icon, which are compiled into the program.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};
use sha2::{Digest as _, Sha256};

use super::failure::Failure;

const STYLE: &str = include_str!("../../assets/page.css");
const SCRIPT: &str = include_str!("../../assets/page.js");
const ICON: &str = include_str!("../../assets/icon.svg");

/// The files' names, each with a digest of what is in it: another version has another name, so that they can be kept for ever.
#[derive(Debug)]
pub(super) struct Assets {
    pub(super) style: String,
    pub(super) script: String,
    pub(super) icon: String,
}

pub(super) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: name("page", STYLE, "css"),
    script: name("page", SCRIPT, "js"),
    icon: name("icon", ICON, "svg"),
});

fn name(stem: &str, content: &str, extension: &str) -> String {
    let [a, b, c, d, e, f, ..] = <[u8; 32]>::from(Sha256::digest(content));
    format!("{stem}-{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}.{extension}")
}

/// One of them, by its present name.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Failure> {
    const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
    let (content, kind) = if name == ASSETS.style {
        (STYLE, "text/css; charset=utf-8")
    } else if name == ASSETS.script {
        (SCRIPT, "text/javascript; charset=utf-8")
    } else if name == ASSETS.icon {
        (ICON, "image/svg+xml")
    } else {
        return Err(Failure::not_found("file"));
    };
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, FOR_EVER)];
    Ok((headers, content).into_response())
}
