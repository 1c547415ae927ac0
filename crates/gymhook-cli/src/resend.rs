//! `Resend`: makes the HTTP request for a recorded request that is sent again, unchanged or signed again.

use core::time::Duration;

use bytes::Bytes;
use gymhook::signature::Signer;
use http::{HeaderName, HeaderValue, Method, Request, header};
use time::UtcDateTime;

use crate::local_endpoint::OF_THE_CONNECTION;
use crate::target::Target;

/// What is kept of a request.
pub(crate) struct Resend {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
}

/// As long as the most patient of the platforms waits.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

impl Resend {
    /// The request to this target, as it was or signed anew.
    pub(crate) fn http(&self, signer: Option<&Signer>, target: &Target) -> Result<Request<Bytes>, String> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.url.to_uri();
        let signed = signer.map(Signer::header_names).unwrap_or_default();
        for (name, value) in &self.headers {
            if !OF_THE_CONNECTION.contains(&name.as_str()) && !signed.contains(name) {
                request.headers_mut().append(name.clone(), value.clone());
            }
        }
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        if let Some(signer) = signer {
            // A request that had an id keeps it: it is the same event.
            let had = self.headers.iter().find(|(name, _)| signed.len() > 1 && Some(name) == signed.first());
            let had = had.and_then(|(_, value)| value.to_str().ok()).map(str::to_owned);
            let id = had.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
            let headers =
                signer.sign(&id, &self.body, UtcDateTime::now()).map_err(|error| error.to_string())?;
            request.headers_mut().extend(headers);
        }
        Ok(request)
    }
}
