//! An outbound proxy is the one way out, and the guard still judges the target.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use gymhook_engine::HttpTransport;
use gymhook_engine::http::{HttpTransportBuilder, Proxy, ProxyError};
use gymhook_retry::{Fault, Outcome, OwnFault};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Answers, PATIENT, answered, failed, send};
use crate::tls::{Authority, serve};

/// A proxy that leads everything to one place, or answers with this line.
struct Relay {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Relay {
    async fn start(to: u16, answer: impl Fn(usize) -> &'static str + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self { port: listener.local_addr().unwrap().port(), asked: Arc::default() };
        let (asked, answer) = (Arc::clone(&relay.asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await?);
                    }
                    let number = {
                        let mut asked = asked.lock().unwrap();
                        asked.push(String::from_utf8(head).unwrap());
                        asked.len()
                    };
                    let answer = answer(number);
                    stream.write_all(format!("{answer}\r\n\r\n").as_bytes()).await?;
                    if answer.contains(" 200") {
                        let mut target = TcpStream::connect(("127.0.0.1", to)).await?;
                        copy_bidirectional(&mut stream, &mut target).await?;
                    }
                    io::Result::Ok(())
                });
            }
        });
        relay
    }

    fn proxy(&self) -> Proxy {
        Proxy::new(&format!("http://127.0.0.1:{}", self.port)).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

const CONNECTED: &str = "HTTP/1.1 200 Connection established\r\nvia: relay";

/// `receiver.example` has these addresses; nothing is dangerously allowed.
fn through(proxy: Proxy, authority: &Authority, addresses: &[&str]) -> HttpTransport {
    plain(proxy, addresses).with_roots_pem(authority.pem()).build().unwrap()
}

fn plain(proxy: Proxy, addresses: &[&str]) -> HttpTransportBuilder {
    HttpTransport::builder().with_resolver(Answers::new([addresses])).with_proxy(proxy)
}

#[tokio::test]
async fn everything_goes_through_the_proxy_to_an_address_that_was_checked() {
    let authority = Authority::new("ours");
    let server = serve(authority.issue("receiver.example", |_| ())).await;
    let relay = Relay::start(server.port(), |_| CONNECTED).await;
    let transport = through(relay.proxy(), &authority, &["9.9.9.9"]);
    for _ in 0..3 {
        let answer = send(&transport, "https://receiver.example:8443/hooks", PATIENT).await;
        assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
    }
    // One connection, kept; the host is for TLS to tell.
    assert_eq!(relay.asked(), ["CONNECT 9.9.9.9:8443 HTTP/1.1\r\nhost: 9.9.9.9:8443\r\n\r\n"]);
    assert_eq!(server.requests().len(), 3);
    assert!(server.requests()[0].contains("host: receiver.example:8443\r\n"));
    assert!(!server.requests()[0].contains("proxy"));
}

#[tokio::test]
async fn basic_authentication_is_sent_to_the_proxy_and_to_nobody_else() {
    let authority = Authority::new("ours");
    let server = serve(authority.issue("receiver.example", |_| ())).await;
    let relay = Relay::start(server.port(), |_| CONNECTED).await;
    // RFC 7617, section 2.
    let proxy = relay.proxy().with_basic_auth("Aladdin", "open sesame").unwrap();
    let shown = format!("{proxy:?}");
    let transport = through(proxy, &authority, &["9.9.9.9"]);
    let answer = send(&transport, "https://receiver.example/", PATIENT).await;
    assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
    assert!(relay.asked()[0].contains("\r\nproxy-authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
    assert!(!server.requests()[0].contains("QWxhZGRpbjpvcGVuIHNlc2FtZQ"));
    assert!(!format!("{shown}{transport:?}").contains("sesame"));
}

#[tokio::test]
async fn the_guard_judges_the_target_before_the_proxy_is_asked() {
    let authority = Authority::new("ours");
    let relay = Relay::start(1, |_| CONNECTED).await;
    for resolving in [relay.proxy(), relay.proxy().dangerous_resolve_at_proxy()] {
        let transport = through(resolving, &authority, &["9.9.9.9"]);
        for literal in ["https://10.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "http://9.9.9.9/"]
        {
            assert_eq!(
                send(&transport, literal, PATIENT).await.outcome,
                failed(Fault::Forbidden),
                "{literal}"
            );
        }
    }
    for addresses in [&["10.0.0.1"][..], &["9.9.9.9", "127.0.0.1"]] {
        let transport = through(relay.proxy(), &authority, addresses);
        let answer = send(&transport, "https://receiver.example/", PATIENT).await;
        assert_eq!(answer.outcome, failed(Fault::Forbidden), "{answer:?}");
    }
    // That http is allowed somewhere does not make a name that nobody here resolves an address of it.
    let proxy = relay.proxy().dangerous_resolve_at_proxy();
    let transport = plain(proxy, &["127.0.0.1"]).dangerous_allow_loopback().build().unwrap();
    assert_eq!(send(&transport, "http://receiver.example/", PATIENT).await.outcome, failed(Fault::Forbidden));
    assert_eq!(relay.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_proxy_that_resolves_gets_the_name() {
    let authority = Authority::new("ours");
    let server = serve(authority.issue("receiver.example", |_| ())).await;
    let relay = Relay::start(server.port(), |_| CONNECTED).await;
    // Where nobody here knows the name.
    let transport = through(relay.proxy().dangerous_resolve_at_proxy(), &authority, &[]);
    let answer = send(&transport, "https://receiver.example/", PATIENT).await;
    assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
    assert!(
        relay.asked()[0]
            .starts_with("CONNECT receiver.example:443 HTTP/1.1\r\nhost: receiver.example:443\r\n")
    );
}

#[tokio::test]
async fn what_the_proxy_refuses_is_told_apart() {
    let authority = Authority::new("ours");
    let ours = Outcome::Internal(OwnFault::Network);
    for (answer, outcome, told) in [
        ("HTTP/1.1 407 Proxy Authentication Required", ours, "asks for a user name"),
        ("HTTP/1.1 403 Forbidden", failed(Fault::Forbidden), "the proxy answered 403"),
        ("HTTP/1.0 502 Bad Gateway", failed(Fault::Connect), "the proxy answered 502"),
        ("HTTP/1.1 404", failed(Fault::Connect), "the proxy answered 404"),
        ("HTTP/1.1 2000 Fine", failed(Fault::Connect), "is not HTTP"),
        ("SSH-2.0-OpenSSH_9.2p1", failed(Fault::Connect), "is not HTTP"),
    ] {
        let relay = Relay::start(1, move |_| answer).await;
        let transport = through(relay.proxy(), &authority, &["9.9.9.9"]);
        let got = send(&transport, "https://receiver.example/", PATIENT).await;
        assert_eq!(got.outcome, outcome, "{answer}: {got:?}");
        assert!(got.detail.as_deref().unwrap_or_default().contains(told), "{answer}: {got:?}");
    }
    let nobody = Proxy::new("http://127.0.0.1:1").unwrap();
    let got = send(&through(nobody, &authority, &["9.9.9.9"]), "https://receiver.example/", PATIENT).await;
    assert_eq!(got.outcome, ours, "{got:?}");
    assert!(got.detail.unwrap().contains("the proxy cannot be reached"));
}

#[tokio::test]
async fn the_next_address_is_tried_when_the_proxy_does_not_reach_the_first() {
    let authority = Authority::new("ours");
    let server = serve(authority.issue("receiver.example", |_| ())).await;
    let relay =
        Relay::start(server.port(), |number| if number == 1 { "HTTP/1.1 504 x" } else { CONNECTED }).await;
    let transport = through(relay.proxy(), &authority, &["9.9.9.9", "8.8.8.8"]);
    let answer = send(&transport, "https://receiver.example/", PATIENT).await;
    assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
    let asked: BTreeSet<_> = relay.asked().iter().map(|head| head[..15].to_owned()).collect();
    assert_eq!(asked, BTreeSet::from(["CONNECT 8.8.8.8".to_owned(), "CONNECT 9.9.9.9".to_owned()]));
}

#[test]
fn what_is_no_proxy_is_refused() {
    for url in [
        "",
        "proxy.internal:3128",
        "https://proxy.internal:3128",
        "socks5://proxy.internal:1080",
        "http://user:canary@proxy.internal:3128",
        "http://proxy.internal:3128/path",
        "http://proxy.internal:3128?canary",
    ] {
        let refused = Proxy::new(url).unwrap_err();
        assert_eq!(refused, ProxyError::Url, "{url}");
        assert!(!refused.to_string().contains("canary"));
    }
    let proxy = || Proxy::new("http://proxy.internal").unwrap();
    for (user, password) in [("a:b", "c"), ("a\r\nx", "c"), ("a", "c\r\nx: y")] {
        assert_eq!(proxy().with_basic_auth(user, password).unwrap_err(), ProxyError::Credentials);
    }
    assert!(proxy().with_basic_auth("", "p:w").is_ok());
    assert_eq!(format!("{:?}", proxy()), "Proxy(proxy.internal:80)");
}
