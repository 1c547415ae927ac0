//! The five platforms, played by a real client: what they would send to a chain of three studios.

use core::fmt::Write as _;

use bytes::Bytes;
use gymhook::event::Vendor;
use gymhook::signature::{Key, Keyring, Secret};
use gymhook::{Provider, Receiver};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use time::UtcDateTime;

use crate::{AnyError, table};

/// The studios, each with its own secret at each platform; the secret begins like this.
pub const STUDIOS: [&str; 3] = ["berlin", "poznan", "wien"];

/// A notification of each platform. Sent again, each of them is recognised as a repeat.
pub const NOTIFICATIONS: [(Vendor, &str); 5] = [
    (
        Vendor::EGYM,
        r#"{"accountId":"4a1f9b0e-2c54-4a0e-9d0c-6f6f0f0a1b2c","timestamp":1767268800000,"type":"GYM_CHECKIN"}"#,
    ),
    (Vendor::GYMPOINT, r#"{"event":"payment.failed","data":{"member_id":"m-17","payment_id":"p-4711"}}"#),
    (
        Vendor::PERFECTGYM,
        r#"{"event":"ContractPaymentDone","triggeredDate":"2026-01-01T12:00:00Z","data":{"contractId":1}}"#,
    ),
    (
        Vendor::PG_NEXT,
        r#"{"entityId":7893459,"uuid":"095be615-a8ad-4c33-8e9c-c7612fbf6c9f","payload":[{"timestamp":1767268800000,"type":"CUSTOMER_CHECKIN"}]}"#,
    ),
    (
        Vendor::POINT,
        r#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#,
    ),
];

fn secret(vendor: Vendor, studio: &str) -> Result<Secret, AnyError> {
    // In your service it comes from `gymhook::secret_source`.
    Ok(Secret::new(format!("{studio}-{vendor}-3f9c2a7e51d84b06"))?)
}

/// The receiver of a platform: it tells the studios apart by their keys.
pub fn receiver(vendor: Vendor) -> Result<Receiver, AnyError> {
    let mut keys = Vec::new();
    for studio in STUDIOS {
        // Each key is a studio's: equal notifications of two studios are two.
        keys.push(Key::new(studio, secret(vendor, studio)?).with_tenant(studio));
    }
    let provider = Provider::of(vendor).ok_or("one of the five")?;
    Ok(Receiver::new(&provider, Keyring::new(keys)?)?)
}

/// The headers that a platform would send now, for this studio.
pub fn sign(vendor: Vendor, studio: &str, body: &str) -> Result<HeaderMap, AnyError> {
    let provider = Provider::of(vendor).ok_or("one of the five")?;
    let signer = provider.signer(Keyring::single(studio, secret(vendor, studio)?)?)?;
    Ok(signer.sign(&format!("request-of-{studio}"), body.as_bytes(), UtcDateTime::now())?)
}

/// A line for a shell that sends each platform's notification to `{url}/{platform}`, signed for now.
pub fn curl_lines(url: &str) -> Result<String, AnyError> {
    let mut lines = String::new();
    for (vendor, body) in NOTIFICATIONS {
        write!(lines, "curl -i {url}/{vendor} -H 'content-type: application/json'")?;
        for (name, value) in &sign(vendor, "poznan", body)? {
            write!(lines, " -H '{name}: {}'", value.to_str()?)?;
        }
        // No quote is in any of the bodies.
        writeln!(lines, " --data-binary '{body}'")?;
    }
    Ok(lines)
}

/// Posts requests to a server.
#[derive(Clone, Debug)]
pub struct Platforms {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

/// How many requests were answered as they had to be, and how many were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As they had to be.
    pub expected: u32,
    /// Otherwise.
    pub unexpected: u32,
}

impl Platforms {
    /// For a server with a route for each platform below this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), url: url.into() }
    }

    /// Posts to the route of a platform.
    pub async fn send(
        &self,
        method: Method,
        vendor: Vendor,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<StatusCode, AnyError> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}/{vendor}", self.url).parse()?;
        *request.headers_mut() = headers;
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
        Ok(self.client.request(request).await?.status())
    }

    /// Sends each platform's notification for each studio.
    pub async fn send_all(&self) -> Result<Vec<StatusCode>, AnyError> {
        let mut answers = Vec::new();
        for (vendor, body) in NOTIFICATIONS {
            for studio in STUDIOS {
                answers.push(self.send(Method::POST, vendor, sign(vendor, studio, body)?, body).await?);
            }
        }
        Ok(answers)
    }

    /// Sends what is honest and what is not, prints a table of the answers, and counts those that were as they had to be.
    pub async fn play(&self) -> Result<Tally, AnyError> {
        let mut tally = Tally::default();
        let mut rows = table(&["requests", "answers", ""]);
        let mut note = |what: &str, answers: &[StatusCode], expected: StatusCode| {
            let right = answers.iter().filter(|answer| **answer == expected).count();
            let wrong = answers.len() - right;
            tally.expected += u32::try_from(right).unwrap_or(u32::MAX);
            tally.unexpected += u32::try_from(wrong).unwrap_or(u32::MAX);
            let mark = if wrong == 0 { "ok".to_owned() } else { format!("NOT AS EXPECTED: {answers:?}") };
            rows.add_row([what.to_owned(), format!("{right} × {expected}"), mark]);
        };
        note("of five platforms, for three studios", &self.send_all().await?, StatusCode::OK);

        let (mut unsigned, mut strange, mut got, mut packed) = (vec![], vec![], vec![], vec![]);
        for (vendor, body) in NOTIFICATIONS {
            unsigned.push(self.send(Method::POST, vendor, HeaderMap::new(), body).await?);
            let mut headers = sign(vendor, "stranger", body)?;
            strange.push(self.send(Method::POST, vendor, headers.clone(), body).await?);
            got.push(self.send(Method::GET, vendor, HeaderMap::new(), "").await?);
            headers.insert("content-encoding", HeaderValue::from_static("gzip"));
            packed.push(self.send(Method::POST, vendor, headers, body).await?);
        }
        note("unsigned", &unsigned, StatusCode::UNAUTHORIZED);
        note("of another chain", &strange, StatusCode::UNAUTHORIZED);
        note("GET", &got, StatusCode::METHOD_NOT_ALLOWED);
        note("compressed", &packed, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        println!("{rows}");
        Ok(tally)
    }
}
