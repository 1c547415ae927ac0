//! Names whose addresses are not to be trusted.

use core::net::IpAddr;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::io;
use std::sync::Arc;

use gymhook_engine::http::{HttpTransport, Resolve, Resolving, SystemResolver};
use gymhook_retry::{Fault, Outcome, OwnFault};
use http::StatusCode;

use crate::support::{Answers, BRIEF, OK, PATIENT, Server, answered, builder, failed, send};

const OUTSIDE: &str = "127.0.0.1";
const INSIDE: &str = "127.0.0.2";

/// A public and an internal server at the same port, and a URL whose host `resolver` knows.
async fn two_servers() -> (Server, Server, String) {
    let outside = Server::answering(OK).await;
    let inside = Server::internal(outside.port()).await;
    let url = format!("http://receiver.example:{}/hooks", outside.port());
    (outside, inside, url)
}

/// Every attempt asks anew.
fn unpooled(resolver: impl Resolve) -> HttpTransport {
    builder().with_resolver(resolver).with_idle_connections(0).build().unwrap()
}

#[tokio::test]
async fn a_name_that_turns_inwards_is_not_followed() {
    let (outside, inside, url) = two_servers().await;
    let resolver = Answers::new([&[OUTSIDE], &[INSIDE], &[OUTSIDE], &["::ffff:127.0.0.2"], &["10.0.0.1"]]);
    let transport = unpooled(resolver.clone());

    for expected in [
        answered(StatusCode::OK),
        failed(Fault::Forbidden),
        answered(StatusCode::OK),
        failed(Fault::Forbidden),
        failed(Fault::Forbidden),
    ] {
        assert_eq!(send(&transport, &url, PATIENT).await.outcome, expected);
    }
    assert_eq!((outside.connections(), inside.connections()), (2, 0));
    // One question a connection: what was checked is what is dialled, there is no second look-up to lie to.
    assert_eq!(resolver.asked(), 5);
}

#[tokio::test]
async fn one_forbidden_answer_refuses_all() {
    let (outside, inside, url) = two_servers().await;
    let mut last_of_many = vec![OUTSIDE; 999];
    last_of_many.push(INSIDE);
    for answers in [&[OUTSIDE, INSIDE][..], &[INSIDE, OUTSIDE], &[OUTSIDE, "::1"], &last_of_many] {
        for url in [&url, &url.replace("http:", "https:")] {
            let answer = send(&unpooled(Answers::new([answers])), url, PATIENT).await;
            assert_eq!(answer.outcome, failed(Fault::Forbidden), "{url}: {answers:?}");
        }
    }
    assert_eq!((outside.connections(), inside.connections()), (0, 0));
}

#[tokio::test]
async fn many_addresses_are_fine_and_the_next_is_tried_when_one_fails() {
    let (outside, _inside, url) = two_servers().await;
    let many = vec![OUTSIDE; 1000];
    let answer = send(&unpooled(Answers::new([&many])), &url, PATIENT).await;
    assert_eq!(answer.outcome, answered(StatusCode::OK));

    // Nobody listens on 127.0.0.3.
    let resolver = Answers::new([&["127.0.0.3", OUTSIDE]]);
    let both = builder().dangerous_allow("127.0.0.3/32".parse().unwrap()).with_resolver(resolver);
    assert_eq!(send(&both.build().unwrap(), &url, PATIENT).await.outcome, answered(StatusCode::OK));
    assert_eq!(outside.connections(), 2);
}

#[tokio::test]
async fn plain_http_goes_to_dangerously_allowed_addresses_only() {
    // A public address, with nothing wrong but the scheme: it is refused before it is dialled.
    let transport = unpooled(Answers::new([&["9.9.9.9"], &[OUTSIDE, "9.9.9.9"]]));
    for _ in 0..2 {
        let answer = send(&transport, "http://receiver.example/", PATIENT).await;
        assert_eq!(answer.outcome, failed(Fault::Forbidden), "{answer:?}");
    }
}

#[tokio::test]
async fn no_answer_is_the_names_fault() {
    let nothing = unpooled(Answers::new([&[]]));
    assert_eq!(send(&nothing, "http://receiver.example/", PATIENT).await.outcome, failed(Fault::Dns));
}

#[derive(Debug)]
struct Fails(fn() -> io::Error);

impl Resolve for Fails {
    fn resolve<'r>(&'r self, _: &'r str) -> Resolving<'r> {
        Box::pin(async { Err(self.0()) })
    }
}

#[tokio::test]
async fn a_failed_look_up_is_told_apart_from_an_overloaded_resolver() {
    let outcome =
        async |error| send(&unpooled(Fails(error)), "http://receiver.example/", PATIENT).await.outcome;
    assert_eq!(outcome(|| io::Error::other("no such name")).await, failed(Fault::Dns));
    let ours = Outcome::Internal(OwnFault::Resources);
    assert_eq!(outcome(|| io::ErrorKind::ResourceBusy.into()).await, ours);
    assert_eq!(outcome(|| io::Error::from_raw_os_error(24)).await, ours, "too many open files");
}

/// Panics for one name: when it is asked, or when its future is polled.
#[derive(Debug)]
struct Panics {
    at_once: bool,
}

impl Resolve for Panics {
    fn resolve<'r>(&'r self, host: &'r str) -> Resolving<'r> {
        let breaks = host == "broken.example";
        assert!(!(breaks && self.at_once), "at once");
        Box::pin(async move {
            tokio::task::yield_now().await;
            assert!(!breaks, "later");
            Ok(vec![OUTSIDE.parse().unwrap()])
        })
    }
}

#[tokio::test]
async fn a_resolver_that_panics_fails_that_attempt_and_no_other() {
    let (_outside, _inside, url) = two_servers().await;
    for (at_once, said) in [(true, "at once"), (false, "later")] {
        let transport = unpooled(Panics { at_once });
        let answer = send(&transport, &url.replace("receiver.example", "broken.example"), PATIENT).await;
        assert_eq!(answer.outcome, Outcome::Panicked);
        let detail = answer.detail.unwrap();
        assert!(detail.ends_with(&format!(": the resolver panicked: {said}")), "{detail}");
        assert_eq!(send(&transport, &url, PATIENT).await.outcome, answered(StatusCode::OK));
    }
}

#[derive(Debug)]
struct NeverAnswers(Arc<AtomicUsize>);

impl Resolve for NeverAnswers {
    fn resolve<'r>(&'r self, _: &'r str) -> Resolving<'r> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(core::future::pending())
    }
}

#[tokio::test]
async fn the_deadline_spans_the_look_up() {
    let asked = Arc::new(AtomicUsize::new(0));
    let transport = unpooled(NeverAnswers(Arc::clone(&asked)));
    let answer = send(&transport, "http://receiver.example/", BRIEF).await;
    assert_eq!(answer.outcome, failed(Fault::Timeout));
    assert_eq!(asked.load(Ordering::SeqCst), 1);

    // A connection has a time of its own, and then it is known what was going on.
    let hurried = builder().with_resolver(NeverAnswers(asked)).with_connect_timeout(BRIEF).build().unwrap();
    assert_eq!(send(&hurried, "http://receiver.example/", PATIENT).await.outcome, failed(Fault::Dns));
}

#[tokio::test]
async fn ip_literals_pass_the_gate_without_the_resolver() {
    let (outside, inside, _) = two_servers().await;
    let resolver = Answers::new([&["10.0.0.1"]]);
    let transport = unpooled(resolver.clone());
    assert_eq!(send(&transport, &outside.url(), PATIENT).await.outcome, answered(StatusCode::OK));
    assert_eq!(send(&transport, &inside.url(), PATIENT).await.outcome, failed(Fault::Forbidden));
    assert_eq!((inside.connections(), resolver.asked()), (0, 0));
}

#[tokio::test]
async fn a_connection_that_leads_elsewhere_is_not_used() {
    // Linux connects 0.0.0.0 to this machine itself: the peer is not who was dialled, allowed or not.
    let server = Server::answering(OK).await;
    let url = format!("http://0.0.0.0:{}/", server.port());
    for base in [HttpTransport::builder(), builder()] {
        let transport = base.dangerous_allow("0.0.0.0/32".parse().unwrap()).build().unwrap();
        let answer = send(&transport, &url, PATIENT).await;
        assert_eq!(answer.outcome, failed(Fault::Forbidden), "{answer:?}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn the_systems_resolver_knows_this_machine() {
    let found = SystemResolver::new().resolve("localhost").await.unwrap();
    assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback), "{found:?}");
    let server = Server::answering(OK).await;
    let everywhere = HttpTransport::builder().dangerous_allow_loopback().build().unwrap();
    let url = format!("http://localhost:{}/", server.port());
    assert_eq!(send(&everywhere, &url, PATIENT).await.outcome, answered(StatusCode::OK));
    // Without the dangerous word, the same name leads nowhere.
    let strict = HttpTransport::builder().build().unwrap();
    assert_eq!(send(&strict, &url, PATIENT).await.outcome, failed(Fault::Forbidden));
    assert_eq!(server.connections(), 1);
}
