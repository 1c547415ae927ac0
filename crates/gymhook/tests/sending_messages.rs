//! The messages of EGYM's management API and of requests without a secret, for a person to read: what happened, where, what
//! to do. Those of the receiving half are in `messages.rs`, and those of URLs beside `UrlError`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::error::Error;

use gymhook::management::egym::{Api, ApiError, CallError};
use gymhook::signature::Secret;
use gymhook::{Provider, Receiver};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

fn assert_says(rows: Vec<(Box<dyn Error>, &str)>) {
    for (error, said) in rows {
        assert_eq!(error.to_string(), said, "{error:?}");
        assert!(said.is_ascii() && !said.contains("  ") && !said.ends_with('.'), "{said}");
    }
}

fn row(error: impl Error + 'static, said: &str) -> (Box<dyn Error>, &str) {
    (Box::new(error), said)
}

#[test]
fn what_egym_s_management_api_refuses() {
    let key = || Secret::new("the-key-that-EGYM-issued").unwrap();
    let answer = |status: u16, body: &'static str| {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let (_, reply) = Api::production(key()).unwrap().list().unwrap().into_parts();
        reply.read(&response).unwrap_err()
    };
    assert_says(vec![
        row(
            ApiError::NotABase,
            "the server is not an absolute URL such as https://mms.api.egym.com: remove path and query",
        ),
        row(
            Api::production(Secret::new("a\nb").unwrap()).unwrap_err(),
            "the API key has characters that no header carries: enter it as EGYM issued it",
        ),
        row(
            ApiError::UnsendableSecret,
            "the webhook's secret is not visible ASCII, which its x-api-key header needs: choose another",
        ),
        row(answer(404, ""), "EGYM answered 404 Not Found"),
        row(
            answer(409, r#"{"errorCode":"webhookUrlAlreadyRegistered","message":"taken"}"#),
            "EGYM answered 409 Conflict: webhookUrlAlreadyRegistered: taken",
        ),
        row(
            CallError::RateLimited { remaining: Some(0) },
            "EGYM answered 429: wait ten seconds for sixty more calls (it sends no Retry-After)",
        ),
        row(answer(200, "[1]"), "EGYM answered 200 OK with a body that is not as documented"),
    ]);
}

#[test]
fn what_is_sent_or_received_without_a_secret() {
    let unsigned = Receiver::dangerous_unsigned(&Provider::perfectgym());
    let mut repeated = HeaderMap::new();
    for id in ["a", "b"] {
        repeated.append("x-perfectgym-request", HeaderValue::from_static(id));
    }
    assert_says(vec![
        row(Provider::point().dangerous_unsigned_signer().unwrap_err(), "point requires a secret: add a key"),
        row(
            unsigned.receive(&repeated, "{}").unwrap_err(),
            "the request's id cannot be used: header x-perfectgym-request occurs 2 times: exactly one is allowed",
        ),
        row(unsigned.receive(&HeaderMap::new(), "").unwrap_err(), "empty: there is no JSON in it"),
    ]);
}
