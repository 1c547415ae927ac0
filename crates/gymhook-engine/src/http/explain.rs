//! `explain`: tells the operator what to do about a redirect, a 101, a 304, or a receiver that asked for a client
//! certificate.

use http::{Response, StatusCode, Uri, header};
use url::Url;

/// What a person must do about a response that does not explain itself.
pub(super) fn explain<B>(
    response: &Response<B>,
    sent_to: &Uri,
    asked_for_certificate: bool,
) -> Option<String> {
    let status = response.status();
    // Servers that do not end the handshake answer 400, 401 or 403; 495 and 496 are nginx's.
    if asked_for_certificate && [400, 401, 403, 495, 496].contains(&status.as_u16()) {
        return Some(WANTS_CERTIFICATE.to_owned());
    }
    match status {
        StatusCode::SWITCHING_PROTOCOLS => Some(SWITCHES.to_owned()),
        StatusCode::NOT_MODIFIED => Some(NOT_MODIFIED.to_owned()),
        status if status.is_redirection() => Some(redirection(response, sent_to)),
        _ => None,
    }
}

const SWITCHES: &str = "101 switches to another protocol, which was not requested: the URL leads to something other than a \
    receiver of webhooks";
const NOT_MODIFIED: &str = "304 answers a conditional request, which this was not: the URL leads to a cache or to static \
    files";
const WANTS_CERTIFICATE: &str =
    "the receiver asked for a client certificate and got none: see TlsSettings::with_client_certificate";

/// The redirection's target, without user name, query and fragment, which may contain secrets.
fn redirection<B>(response: &Response<B>, sent_to: &Uri) -> String {
    let location = response.headers().get(header::LOCATION);
    let location = location.map(|location| String::from_utf8_lossy(location.as_bytes()));
    let base = Url::parse(&sent_to.to_string()).ok();
    let leads = location.and_then(|location| Url::options().base_url(base.as_ref()).parse(&location).ok());
    let Some(leads) = leads else {
        return "redirects are not followed; this one does not say where it leads".to_owned();
    };
    let host = leads.host_str().unwrap_or_default();
    let port = leads.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!(
        "redirects are not followed; it leads to {}://{host}{port}{}: enter the URL where it ends",
        leads.scheme(),
        leads.path()
    )
}
