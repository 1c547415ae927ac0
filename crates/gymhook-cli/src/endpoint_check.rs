//! Checks an endpoint step by step for `gymhook doctor`: name, addresses, connection, TLS, answers, time, and the
//! clock. Each step is a `Finding`.

mod certificate;

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use gymhook::UrlRule;
use gymhook::retry::RetryPolicy;
use gymhook::send::EndpointUrl;
use gymhook_engine::http::forbidden_because;
use http::{HeaderValue, Method, Request, Uri, header};
use rustls::pki_types::ServerName;
use time::UtcDateTime;
use tokio::net::TcpStream;

use crate::exchange::{Exchange, clock_ahead, exchange};
use crate::failure::Failure;
use crate::http_client::HttpClient;
use crate::platform::Platform;
use crate::target::{Target, TargetArgs, host_and_port};
use crate::when;

/// What one step found.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) level: Level,
    pub(crate) found: String,
    pub(crate) advice: Option<String>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Level {
    Ok,
    Warn,
    Fail,
}

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A certificate that ends sooner than this was not renewed when it should have been.
const RENEW_BEFORE: i64 = 14 * 86_400;

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), advice: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, found: found.into(), advice: Some(advice.into()) }
    }
}

pub(crate) async fn examine(
    url: &str,
    platform: Option<Platform>,
    arguments: &TargetArgs,
) -> Result<Vec<Finding>, Failure> {
    let profile = platform.and_then(Platform::profile);
    let rule = profile.as_ref().map_or(UrlRule::Https, |profile| profile.url_rule.value);
    let mut findings = vec![match EndpointUrl::new(url, rule) {
        Ok(_) => Finding::ok("url", format!("{rule}, as asked for")),
        Err(problem) => Finding::fail("url", problem.to_string(), "the platform will not send there"),
    }];
    // A URL that is none is a wrong usage; a name that is not found is a finding.
    EndpointUrl::dangerous_without_rule(url).map_err(Failure::usage)?;
    let target = match arguments.resolve(url).await {
        Ok(target) => target,
        Err(Failure::Failed(problem)) => {
            findings.push(Finding::fail("dns", problem, "check the name, and that its record is published"));
            return Ok(findings);
        }
        Err(other) => return Err(other),
    };
    let uri = target.url.to_uri();
    findings.push(addresses(&target.addresses));
    let reached = connect(&target.addresses, &mut findings).await;
    let Some(stream) = reached else { return Ok(findings) };
    if uri.scheme_str() == Some("https") {
        let tls = certificate(arguments, &uri, stream).await?;
        let failed = tls.level == Level::Fail;
        findings.push(tls);
        if failed {
            return Ok(findings);
        }
    } else {
        // A server that serves one connection at a time is kept from no request.
        drop(stream);
    }
    let timeout =
        platform.map_or(RetryPolicy::DEFAULT_ATTEMPT_TIMEOUT, |platform| platform.retry().attempt_timeout());
    let client = arguments.client(&target)?;
    findings.extend(answers(&client, &target, timeout).await);
    Ok(findings)
}

fn addresses(addresses: &[SocketAddr]) -> Finding {
    let private: Vec<String> = addresses
        .iter()
        .filter_map(|address| {
            forbidden_because(address.ip()).map(|block| format!("{} is in {block}", address.ip()))
        })
        .collect();
    if !private.is_empty() {
        return Finding::warn(
            "addresses",
            private.join(", "),
            "no platform reaches this address: give it the public name, or a tunnel's",
        );
    }
    let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    Finding::ok("addresses", shown.join(", "))
}

/// Connects to every address, since a platform may take any of them; the first stream goes on.
async fn connect(addresses: &[SocketAddr], findings: &mut Vec<Finding>) -> Option<TcpStream> {
    let mut reached = None;
    for address in addresses {
        let start = Instant::now();
        match tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                findings
                    .push(Finding::ok("connection", format!("{address} in {}", when::span(start.elapsed()))));
                reached = reached.or(Some(stream));
            }
            Ok(Err(error)) => findings.push(Finding::fail(
                "connection",
                format!("{address}: {error}"),
                "does the server listen on this address and port, and does a firewall let it through?",
            )),
            Err(_) => findings.push(Finding::fail(
                "connection",
                format!("{address}: nothing within {}", when::span(CONNECT_WITHIN)),
                "a firewall drops the packets, or the address is wrong",
            )),
        }
    }
    reached
}

async fn certificate(arguments: &TargetArgs, uri: &Uri, stream: TcpStream) -> Result<Finding, Failure> {
    let (host, _) = host_and_port(uri);
    let name = ServerName::try_from(host).map_err(Failure::usage)?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(arguments.tls()?));
    let stream = match tokio::time::timeout(CONNECT_WITHIN, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            let advice = "a platform refuses it, too: serve the whole chain, with the intermediate certificates, for this name";
            return Ok(Finding::fail("certificate", error.to_string(), advice));
        }
        Err(_) => {
            return Ok(Finding::fail(
                "certificate",
                "the TLS handshake did not end",
                "does the port speak TLS?",
            ));
        }
    };
    let (_, session) = stream.get_ref();
    let chain = session.peer_certificates().unwrap_or_default();
    let ends = chain.first().and_then(|leaf| certificate::not_after(leaf));
    let version = session.protocol_version().map(|version| format!("{version:?}")).unwrap_or_default();
    let Some(ends) = ends else {
        return Ok(Finding::ok("certificate", format!("trusted, a chain of {}, {version}", chain.len())));
    };
    let left = (ends - UtcDateTime::now()).whole_seconds();
    let found = format!("trusted until {}, a chain of {}, {version}", when::text(ends), chain.len());
    Ok(if left < RENEW_BEFORE {
        Finding::warn("certificate", found, "renew it: it ends within two weeks")
    } else {
        Finding::ok("certificate", found)
    })
}

async fn answers(client: &HttpClient, target: &Target, timeout: Duration) -> Vec<Finding> {
    let get = exchange(client, request(Method::GET, target, Bytes::new()), timeout).await;
    let post = exchange(client, request(Method::POST, target, Bytes::from_static(b"{}")), timeout).await;
    vec![answer_to_get(&get), answer_to_post(&post), time_to_answer(&post, timeout), clock(&post)]
}

fn request(method: Method, target: &Target, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target.url.to_uri();
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    request
}

fn answer_to_get(seen: &Exchange) -> Finding {
    let found = format!("GET is answered with {}", seen.word());
    match seen.status() {
        None => Finding::warn("get", found, seen.problem.clone().unwrap_or_default()),
        Some(status) if status.is_server_error() => {
            Finding::warn("get", found, "a platform's panel may probe so: answer 405")
        }
        Some(status) if status.is_redirection() => Finding::warn("get", found, REDIRECT),
        Some(_) => Finding::ok("get", found),
    }
}

const REDIRECT: &str = "redirects are not followed by any platform: give it the URL that this leads to";

fn answer_to_post(seen: &Exchange) -> Finding {
    let found = format!("a POST without a signature is answered with {}", seen.word());
    match seen.status() {
        None => Finding::fail("post", found, seen.problem.clone().unwrap_or_default()),
        Some(status) if status.is_success() => Finding::fail(
            "post",
            found,
            "anybody can send events to it: verify the signature before answering 2xx",
        ),
        Some(status) if status.is_redirection() => Finding::fail("post", found, REDIRECT),
        Some(status) if [401, 403].contains(&status.as_u16()) => Finding::ok("post", found),
        Some(status) if [404, 405].contains(&status.as_u16()) => {
            Finding::fail("post", found, "is this the path that takes webhooks, and does it take POST?")
        }
        Some(status) if status.is_server_error() => {
            Finding::fail("post", found, "an unsigned request must not break it: answer 401")
        }
        Some(_) => Finding::warn("post", found, "401 says best that a signature is missing"),
    }
}

fn time_to_answer(seen: &Exchange, timeout: Duration) -> Finding {
    let found = format!("answered in {} of the {} that it has", when::span(seen.took), when::span(timeout));
    if seen.status().is_none() {
        return Finding::fail("time", found, "the platform takes this for a failure");
    }
    if seen.took > timeout / 2 {
        return Finding::warn("time", found, "answer first, and do the work afterwards");
    }
    Finding::ok("time", found)
}

fn clock(seen: &Exchange) -> Finding {
    match clock_ahead(seen.headers.get(header::DATE)) {
        None => Finding::ok("clock", "the answer has no Date header to compare with"),
        Some(ahead) if ahead.unsigned_abs() > Duration::from_secs(30) => Finding::warn(
            "clock",
            format!("its Date header is {} s from this machine's clock", ahead.whole_seconds()),
            "signed times are judged by it: set the clock that is wrong",
        ),
        Some(_) => Finding::ok("clock", "within 30 s of this machine's"),
    }
}
