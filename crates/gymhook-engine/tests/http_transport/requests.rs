//! What goes out: signed afresh, with the headers of the subscription and none that are not its own.

use std::sync::Arc;

use gymhook::send::EndpointUrl;
use gymhook::signature::{Key, Keyring, Secret, StandardWebhooks, Verifier};
use gymhook::{Provider, ResponseCapture, Setting};
use gymhook_engine::http::{CheckHeadersError, CheckSubscriptionError, CheckUrlError, check_headers};
use gymhook_engine::{Subscription, Transport};
use gymhook_retry::{Fault, Outcome, OwnFault, RetryPolicy};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::support::{
    Answers, BODY, NOW, OK, PATIENT, SECRET, Server, answered, builder, failed, keyring, sending,
    subscription, transport,
};

const DELIVERY: &str = "0192ab34-0000-7000-8000-000000000001";

/// Taken apart the plain way.
fn head_and_body(request: &str) -> (String, HeaderMap, String) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let first = lines.next().unwrap().to_owned();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    (first, headers, body.to_owned())
}

fn as_platform(platform: &str, url: &str) -> Subscription {
    let url = EndpointUrl::dangerous_without_rule(url).unwrap();
    let policy = gymhook_delivery::EndpointPolicy::new(RetryPolicy::point());
    let id = gymhook_engine::EndpointId::from_u128(1);
    Subscription::new(id, "berlin", platform, url, Arc::new(keyring()), policy)
}

#[tokio::test]
async fn every_platform_signs_what_its_receiver_accepts() {
    let server = Server::answering(OK).await;
    let transport = transport();
    for (position, provider) in Provider::all().enumerate() {
        let subscription = as_platform(provider.vendor().as_str(), &server.url());
        let answer = transport.send(sending(subscription, PATIENT)).await;
        assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");

        let (first, headers, body) = head_and_body(&server.requests()[position]);
        assert_eq!(first, "POST /hooks HTTP/1.1");
        assert_eq!(body, BODY);
        assert_eq!(headers[header::HOST], server.address.to_string());
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(headers[header::USER_AGENT], concat!("gymhook/", env!("CARGO_PKG_VERSION")));
        let verifier = gymhook::Receiver::new(&provider, keyring()).unwrap();
        let proof = verifier.verifier().verify(&headers, body.as_bytes(), NOW);
        assert!(proof.is_ok(), "{}: {proof:?}", provider.vendor());
    }
}

fn unsigned(platform: &str, url: &str) -> Subscription {
    let signed = as_platform(platform, url);
    let (url, policy) = (signed.http().unwrap().url().clone(), signed.policy().clone());
    Subscription::dangerous_unsigned(signed.id(), "berlin", platform, url, policy)
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed_and_only_where_the_page_allows_it() {
    let server = Server::answering(OK).await;
    let transport = transport();
    // As the platform sends it without a secret: PerfectGym's id is how its repeats are recognised.
    for (provider, carries) in [
        (Provider::gympoint().into_any(), None),
        (Provider::perfectgym().into_any(), Some(("x-perfectgym-request", DELIVERY))),
    ] {
        let before = server.requests().len();
        let subscription = unsigned(provider.vendor().as_str(), &server.url());
        assert_eq!(transport.check_subscription(&subscription), Ok(()));
        let answer = transport.send(sending(subscription, PATIENT)).await;
        assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
        let (_, headers, body) = head_and_body(&server.requests()[before]);
        assert_eq!(body, BODY);
        for name in provider.scheme().header_names() {
            let wanted = carries.filter(|(header, _)| *header == name).map(|(_, value)| value);
            assert_eq!(headers.get(&name).map(|value| value.to_str().unwrap()), wanted, "{name}");
        }
        let signed = transport.send(sending(as_platform(provider.vendor().as_str(), &server.url()), PATIENT));
        assert_eq!(signed.await.outcome, answered(StatusCode::OK));
        let (_, headers, _) = head_and_body(&server.requests()[before + 1]);
        assert!(provider.scheme().header_names().iter().all(|name| headers.contains_key(name)), "with a key");
    }
    let sent = server.requests().len();
    for platform in ["egym", "pg-next", "point", "standard-webhooks"] {
        let subscription = unsigned(platform, &server.url());
        let required = CheckSubscriptionError::SecretRequired { platform: platform.to_owned() };
        assert_eq!(transport.check_subscription(&subscription), Err(required));
        let answer = transport.send(sending(subscription, PATIENT)).await;
        assert_eq!(answer.outcome, Outcome::Internal(OwnFault::Signing), "{platform}: {answer:?}");
    }
    assert_eq!(server.requests().len(), sent, "nothing is sent unsigned that has to be signed");
}

#[tokio::test]
async fn another_content_type_is_sent_once_with_every_request() {
    let server = Server::answering(OK).await;
    let cloud_events = HeaderValue::from_static("application/cloudevents+json");
    let transport = builder().with_content_type(cloud_events.clone()).build().unwrap();
    for platform in ["standard-webhooks", "point"] {
        transport.send(sending(as_platform(platform, &server.url()), PATIENT)).await;
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let (_, headers, _) = head_and_body(&request);
        assert_eq!(headers.get_all(header::CONTENT_TYPE).iter().collect::<Vec<_>>(), [&cloud_events]);
    }
}

#[tokio::test]
async fn standard_webhooks_carry_the_deliverys_id() {
    let server = Server::answering(OK).await;
    transport().send(sending(as_platform("standard-webhooks", &server.url()), PATIENT)).await;
    let (_, headers, body) = head_and_body(&server.requests()[0]);
    assert_eq!(headers["webhook-id"], DELIVERY);
    let verifier = Verifier::new(StandardWebhooks::new(), keyring()).unwrap();
    assert!(verifier.verify(&headers, body.as_bytes(), NOW).is_ok());
}

#[tokio::test]
async fn a_platform_of_ones_own_is_known_by_its_name_with_its_own_capture() {
    let server =
        Server::answering("HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\n\u{20ac}\u{20ac}\u{20ac}").await;
    let mut profile = Provider::point().profile().clone();
    profile.response_capture = Setting::configured(ResponseCapture::new(2));
    let own = builder().with_platform("own", &Provider::point().with_profile(profile)).build().unwrap();
    let answer = own.send(sending(as_platform("own", &server.url()), PATIENT)).await;
    assert_eq!(answer.captured.as_deref(), Some("\u{20ac}\u{20ac}"));
}

#[tokio::test]
async fn a_character_at_the_cut_is_kept_whole_or_not_at_all() {
    let cut = format!("HTTP/1.1 200 x\r\ncontent-length: 30002\r\n\r\nxx{}", "\u{20ac}".repeat(10_000));
    let server = Server::answering(cut.leak()).await;
    let mut profile = Provider::point().profile().clone();
    profile.response_capture = Setting::configured(ResponseCapture::new(usize::MAX));
    let own = builder().with_platform("own", &Provider::point().with_profile(profile)).build().unwrap();
    let answer = own.send(sending(as_platform("own", &server.url()), PATIENT)).await;
    // 16 KiB hold the two letters, 5460 characters of three bytes, and two bytes of the next.
    assert_eq!(answer.captured, Some(format!("xx{}", "\u{20ac}".repeat(5460))));
}

#[tokio::test]
async fn each_attempt_is_signed_at_its_own_time() {
    let server = Server::answering(OK).await;
    let transport = transport();
    for minutes in [0, 5] {
        let mut sending = sending(subscription(&server.url()), PATIENT);
        sending.now += time::Duration::minutes(minutes);
        transport.send(sending).await;
    }
    let signatures: Vec<_> =
        server.requests().iter().map(|request| head_and_body(request).1["point-signature"].clone()).collect();
    assert!(signatures[0].to_str().unwrap().starts_with("t=1767268800000,"));
    assert!(signatures[1].to_str().unwrap().starts_with("t=1767269100000,"));
}

#[tokio::test]
async fn a_type_with_a_url_of_its_own_goes_there() {
    let (all, doors) = (Server::answering(OK).await, Server::answering(OK).await);
    let to_doors = EndpointUrl::dangerous_without_rule(&doors.url()).unwrap();
    let subscription = subscription(&all.url()).with_url_for("workout.created", to_doors);
    transport().send(sending(subscription, PATIENT)).await;
    assert_eq!((all.connections(), doors.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_subscriptions_headers_are_sent() {
    let server = Server::answering(OK).await;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
    headers.append("x-studio", HeaderValue::from_static("berlin"));
    headers.append("x-studio", HeaderValue::from_static("hamburg"));
    transport().send(sending(subscription(&server.url()).with_headers(headers), PATIENT)).await;
    let (_, sent, _) = head_and_body(&server.requests()[0]);
    assert_eq!(sent[header::AUTHORIZATION], "Bearer abc");
    assert_eq!(sent.get_all("x-studio").iter().collect::<Vec<_>>(), ["berlin", "hamburg"]);
}

#[tokio::test]
async fn headers_that_are_not_a_subscriptions_own_are_refused_before_anything_is_sent() {
    let server = Server::answering(OK).await;
    let transport = transport();
    let signature = Provider::point().scheme().header_names();
    for name in [
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "via",
        "proxy-authorization",
        "proxy-connection",
        "proxy-anything",
        "content-type",
        "content-encoding",
        "cookie",
        "expect",
        "user-agent",
        "point-signature",
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("canary"));
        let refused = CheckHeadersError::Reserved { name: name.parse().unwrap() };
        assert_eq!(check_headers(&headers, &signature), Err(refused.clone()));

        let subscription = subscription(&server.url()).with_headers(headers);
        assert_eq!(
            transport.check_subscription(&subscription),
            Err(CheckSubscriptionError::Headers(refused))
        );
        let answer = transport.send(sending(subscription, PATIENT)).await;
        assert_eq!(answer.outcome, failed(Fault::Forbidden), "{name}");
        assert!(!answer.detail.unwrap().contains("canary"));
    }
    for bytes in [&b"caf\xe9"[..], b"a\tb", b"\xff", b"a\x80"] {
        let mut headers = HeaderMap::new();
        headers.insert("x-studio", HeaderValue::from_bytes(bytes).unwrap());
        let refused = check_headers(&headers, &[]);
        assert!(matches!(refused, Err(CheckHeadersError::NotPrintable { .. })), "{bytes:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn headers_have_limits() {
    let many = |count: usize, value: usize| {
        let mut headers = HeaderMap::new();
        for number in 0..count {
            let name: HeaderName = format!("x-{number:04}").parse().unwrap();
            headers.append(name, "v".repeat(value).parse().unwrap());
        }
        check_headers(&headers, &[])
    };
    assert_eq!(many(32, 10), Ok(()));
    assert_eq!(many(33, 10), Err(CheckHeadersError::TooMany { headers: 33, max: 32 }));
    assert_eq!(many(1, 6 * 1024 - 6), Ok(()));
    assert_eq!(
        many(1, 6 * 1024 - 5),
        Err(CheckHeadersError::TooLarge { bytes: 6 * 1024 + 1, max: 6 * 1024 })
    );
}

#[tokio::test]
async fn a_stored_url_that_breaks_a_rule_is_not_even_resolved() {
    let resolver = Answers::new([&["127.0.0.1"]]);
    let transport = builder().with_resolver(resolver.clone()).build().unwrap();
    for url in ["https://receiver.example:8443/", "https://10.0.0.1/", "https://a..example/"] {
        let answer = transport.send(sending(as_platform("perfectgym", url), PATIENT)).await;
        assert_eq!(answer.outcome, failed(Fault::Forbidden), "{url}: {answer:?}");
    }
    assert_eq!(resolver.asked(), 0);
}

#[tokio::test]
async fn what_this_side_lacks_is_its_own_fault() {
    let server = Server::answering(OK).await;
    let ours = Outcome::Internal(OwnFault::Signing);

    let unknown = transport().send(sending(as_platform("no-such", &server.url()), PATIENT)).await;
    assert_eq!(unknown.outcome, ours);
    assert!(unknown.detail.unwrap().contains("no-such"));

    let expired = Key::new("old", Secret::new(SECRET).unwrap()).valid_until(NOW - time::Duration::days(1));
    let expired = subscription(&server.url()).with_keys(Arc::new(Keyring::new([expired]).unwrap()));
    let answer = transport().send(sending(expired, PATIENT)).await;
    assert_eq!(answer.outcome, ours, "{answer:?}");
    assert!(!answer.detail.unwrap().contains(SECRET));
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_subscription_is_checked_whole() {
    let strict = gymhook_engine::HttpTransport::builder().build().unwrap();
    let good = || as_platform("perfectgym", "https://receiver.example/");
    assert_eq!(strict.check_subscription(&good()), Ok(()));

    let inside = EndpointUrl::dangerous_without_rule("https://10.0.0.1/").unwrap();
    for bad in [good().with_url(inside.clone()), good().with_url_for("Other", inside)] {
        let refused = strict.check_subscription(&bad);
        assert!(
            matches!(refused, Err(CheckSubscriptionError::Url(CheckUrlError::Address(_)))),
            "{refused:?}"
        );
    }
    // The platform's own rule counts, too: PerfectGym sends to port 443.
    let port = EndpointUrl::dangerous_without_rule("https://receiver.example:8443/").unwrap();
    assert!(strict.check_subscription(&good().with_url(port.clone())).is_err());
    assert_eq!(
        strict.check_subscription(&as_platform("point", "https://receiver.example/").with_url(port)),
        Ok(())
    );

    let unsendable = Keyring::single("k", Secret::new("two\nlines").unwrap()).unwrap();
    let api_key = as_platform("egym", "https://receiver.example/").with_keys(Arc::new(unsendable));
    assert!(matches!(strict.check_subscription(&api_key), Err(CheckSubscriptionError::Keys(_))));
    let nobody = as_platform("nobody", "https://receiver.example/");
    assert!(matches!(
        strict.check_subscription(&nobody),
        Err(CheckSubscriptionError::UnknownPlatform { .. })
    ));
    assert!(strict.endpoint_url("nobody", "https://receiver.example/").is_err());
    assert!(strict.endpoint_url("perfectgym", "https://receiver.example:8443/").is_err());
    assert!(strict.endpoint_url("point", "https://receiver.example:8443/").is_ok());
}
