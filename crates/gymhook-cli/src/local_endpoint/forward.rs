//! `Forward`: forwards verified requests to an application, unchanged, or as CloudEvents in one form for all
//! platforms.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use clap::ValueEnum;
use gymhook::cloud_event::CloudEvent;
use gymhook::event::AnyNotification;
use gymhook::send;
use gymhook::signature::{Keyring, Secret, Signer, StandardWebhooks, Verified};
use gymhook::{Received, secret_source};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use serde::Serialize;
use time::UtcDateTime;

use crate::exchange::{Exchange, exchange};
use crate::failure::Failure;
use crate::http_client::HttpClient;
use crate::target::Target;

/// In which form requests are passed on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Form {
    /// Headers and body as they came
    #[default]
    Original,
    /// A CloudEvent for each event, signed as Standard Webhooks with the secret in GYMHOOK_FORWARD_SECRET
    StandardWebhooks,
}

const VARIABLE: &str = "GYMHOOK_FORWARD_SECRET";

#[derive(Clone, Debug)]
pub(crate) struct Forward {
    pub(super) client: HttpClient,
    pub(super) target: Target,
    pub(super) signer: Option<Signer>,
}

/// What came of passing a request on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Forwarded {
    pub(crate) requests: usize,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
}

/// How long the application may take: the longest that any of the platforms waits.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Headers of one connection (RFC 9110, section 7.6.1), and those that are written anew.
pub(crate) const OF_THE_CONNECTION: [&str; 10] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl Forward {
    pub(crate) fn new(client: HttpClient, target: Target, form: Form) -> Result<Self, Failure> {
        let signer = match form {
            Form::Original => None,
            Form::StandardWebhooks => Some(signer()?),
        };
        Ok(Self { client, target, signer })
    }

    /// Passes a request on; the first answer that is no success ends it.
    pub(crate) async fn pass(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        verified: Option<&Verified<Received<AnyNotification>>>,
        request_id: &str,
    ) -> Forwarded {
        let requests = match (&self.signer, verified) {
            (None, _) => Ok(vec![self.original(headers, body)]),
            (Some(signer), Some(verified)) => self.readings(signer, verified, request_id),
            (Some(_), None) => {
                Err("it has no reading: standard-webhooks says nothing of what is in a body".to_owned())
            }
        };
        let requests = match requests {
            Ok(requests) => requests,
            Err(problem) => return Forwarded { requests: 0, status: None, error: Some(problem) },
        };
        let mut forwarded = Forwarded { requests: 0, status: None, error: None };
        for request in requests {
            let seen: Exchange = exchange(&self.client, request, TIMEOUT).await;
            forwarded.requests += 1;
            forwarded.status = seen.status().map(|status| status.as_u16());
            forwarded.error = seen.problem;
            if !forwarded.is_success() {
                break;
            }
        }
        forwarded
    }

    fn original(&self, headers: &HeaderMap, body: &Bytes) -> Request<Bytes> {
        let mut request = Request::new(body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.url.to_uri();
        for (name, value) in headers {
            if !OF_THE_CONNECTION.contains(&name.as_str()) {
                request.headers_mut().append(name.clone(), value.clone());
            }
        }
        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        request
    }

    fn readings(
        &self,
        signer: &Signer,
        verified: &Verified<Received<AnyNotification>>,
        request_id: &str,
    ) -> Result<Vec<Request<Bytes>>, String> {
        let reading = |(index, event)| {
            let body = serde_json::to_vec(&event).map_err(|error| error.to_string())?;
            // A vendor may choose an id that no signature can cover.
            let id = format!("{request_id}:{index}");
            let request = send::request(signer, &self.target.url, &id, body.into(), UtcDateTime::now());
            let mut request = request.map_err(|error| error.to_string())?;
            let cloud_events = HeaderValue::from_static(CloudEvent::CONTENT_TYPE);
            request.headers_mut().insert(header::CONTENT_TYPE, cloud_events);
            Ok(request)
        };
        CloudEvent::of_notification(verified, request_id).enumerate().map(reading).collect()
    }
}

impl Forwarded {
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

fn signer() -> Result<Signer, Failure> {
    let loaded =
        secret_source::from_env(VARIABLE, secret_source::SecretFormat::Whsec).map_err(Failure::usage)?;
    let secret: Secret = loaded.into_secret();
    let keyring = Keyring::single("forward", secret).map_err(Failure::usage)?;
    Signer::new(StandardWebhooks::new(), Arc::new(keyring)).map_err(Failure::usage)
}
