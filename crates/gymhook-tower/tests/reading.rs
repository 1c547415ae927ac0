//! How much of a body is read, for how long, and what is not even looked at.

#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a test fails by panicking")]

use core::future::pending;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gymhook::event::Vendor;
use gymhook::signature::{
    Assurance, Keyring, KeyringError, Proof, Secret, SignatureScheme, VerifyError, vendor,
};
use gymhook::{Provider, ReceiveError, Receiver};
use gymhook_tower::{Refusal, RefusalReason, WebhookSource};
use http::{HeaderMap, HeaderName, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use time::UtcDateTime;

const MAX_BODY: usize = 1_000;
const SECRET: &str = "point-signing-secret";

/// A body in frames of one size, that counts what is asked of it.
struct Frames {
    frame: usize,
    /// How many there are; after them it ends, or goes on without sending anything.
    left: usize,
    ends: bool,
    declared: SizeHint,
    read: Arc<AtomicUsize>,
}

impl Frames {
    fn of(frame: usize, left: usize) -> Self {
        Self { frame, left, ends: true, declared: SizeHint::new(), read: Arc::default() }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return if self.ends { Poll::Ready(None) } else { Poll::Pending };
        }
        self.left -= 1;
        self.read.fetch_add(self.frame, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; self.frame])))))
    }

    fn size_hint(&self) -> SizeHint {
        self.declared
    }
}

/// Point's scheme, and how often it was asked to judge.
#[derive(Debug)]
struct Counted {
    scheme: gymhook::signature::TimestampedHmac,
    judged: Arc<AtomicUsize>,
}

impl SignatureScheme for Counted {
    fn header_names(&self) -> Vec<HeaderName> {
        self.scheme.header_names()
    }

    fn assurance(&self) -> Assurance {
        self.scheme.assurance()
    }

    fn check_keyring(&self, keyring: &Keyring) -> Result<(), KeyringError> {
        self.scheme.check_keyring(keyring)
    }

    fn sign(
        &self,
        keyring: &Keyring,
        id: &str,
        body: &[u8],
        now: UtcDateTime,
    ) -> Result<HeaderMap, gymhook::signature::SignError> {
        self.scheme.sign(keyring, id, body, now)
    }

    fn verify(
        &self,
        keyring: &Keyring,
        headers: &HeaderMap,
        body: &[u8],
        now: UtcDateTime,
    ) -> Result<Proof, VerifyError> {
        self.judged.fetch_add(1, Ordering::Relaxed);
        self.scheme.verify(keyring, headers, body, now)
    }
}

fn receiver(secret: &str) -> Receiver {
    let keyring = Keyring::single("main", Secret::new(secret).unwrap()).unwrap();
    Receiver::new(&Provider::point().into_any(), keyring).unwrap().with_max_body(MAX_BODY)
}

fn counted() -> (WebhookSource, Arc<AtomicUsize>) {
    let judged = Arc::new(AtomicUsize::new(0));
    let scheme = Counted { scheme: vendor::point(), judged: Arc::clone(&judged) };
    let provider = Provider::point().into_any().with_scheme(scheme);
    let keyring = Keyring::single("main", Secret::new(SECRET).unwrap()).unwrap();
    (Receiver::new(&provider, keyring).unwrap().with_max_body(MAX_BODY).into(), judged)
}

fn post<B>(body: B) -> Request<B> {
    let mut request = Request::new(body);
    *request.method_mut() = http::Method::POST;
    request
}

fn status(refusal: &Refusal) -> u16 {
    refusal.answer().status().as_u16()
}

#[tokio::test]
async fn at_most_one_frame_beyond_the_limit_is_read_and_none_of_it_is_judged() {
    for frame in [1, 7, 999, 1_000, 1_001, 100_000] {
        let (source, judged) = counted();
        let body = Frames::of(frame, usize::MAX);
        let read = Arc::clone(&body.read);
        let refusal = source.receive(post(body)).await.unwrap_err();
        assert_eq!((status(&refusal), refusal.reason()), (413, Some(RefusalReason::BodyTooLarge)));
        let read = read.load(Ordering::Relaxed);
        assert!(read > MAX_BODY && read <= MAX_BODY + frame, "{read} bytes in frames of {frame}");
        assert_eq!(judged.load(Ordering::Relaxed), 0, "nothing is hashed");
    }
}

#[tokio::test]
async fn as_much_as_is_allowed_is_read_and_judged() {
    for frame in [1, 8, 500, 1_000] {
        let (source, judged) = counted();
        let refusal = source.receive(post(Frames::of(frame, MAX_BODY / frame))).await.unwrap_err();
        assert_eq!((status(&refusal), judged.load(Ordering::Relaxed)), (401, 1), "{refusal}");
    }
}

#[tokio::test]
async fn a_declared_length_beyond_the_limit_is_refused_unread() {
    for by_header in [true, false] {
        let (source, judged) = counted();
        let mut body = Frames::of(1, 1);
        if !by_header {
            body.declared = SizeHint::with_exact(MAX_BODY as u64 + 1);
        }
        let read = Arc::clone(&body.read);
        let mut request = post(body);
        if by_header {
            request.headers_mut().insert("content-length", (MAX_BODY + 1).into());
        }
        let refusal = source.receive(request).await.unwrap_err();
        assert_eq!((status(&refusal), read.load(Ordering::Relaxed)), (413, 0));
        assert_eq!(judged.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn a_compressed_body_and_another_method_are_refused_unread() {
    let (source, _) = counted();
    let body = Frames::of(1, 1);
    let read = Arc::clone(&body.read);
    let mut request = post(body);
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(status(&source.receive(request).await.unwrap_err()), 415);
    let get = Request::new(Frames { read: Arc::clone(&read), ..Frames::of(1, 1) });
    assert_eq!(status(&source.receive(get).await.unwrap_err()), 405);
    assert_eq!(read.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_body_can_be_read_by_the_same_rules_and_not_judged() {
    let told = Arc::new(AtomicUsize::new(0));
    let (source, judged) = counted();
    let tell = Arc::clone(&told);
    let source = source.on_refusal(move |_| {
        tell.fetch_add(1, Ordering::Relaxed);
    });
    let (post, none) = (http::Method::POST, HeaderMap::new());
    let body = source.read_parts(&post, &none, Frames::of(500, 2)).await.unwrap();
    assert_eq!(body, [b' '; MAX_BODY].as_slice());
    let compressed: HeaderMap =
        [(http::header::CONTENT_ENCODING, "gzip".parse().unwrap())].into_iter().collect();
    for (method, headers, frames, expected) in
        [(&post, &none, 3, 413), (&post, &compressed, 1, 415), (&http::Method::PUT, &none, 1, 405)]
    {
        let refusal = source.read_parts(method, headers, Frames::of(500, frames)).await.unwrap_err();
        assert_eq!(status(&refusal), expected);
    }
    assert_eq!((judged.load(Ordering::Relaxed), told.load(Ordering::Relaxed)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_waited_for_until_the_deadline() {
    let began = tokio::time::Instant::now();
    let source = WebhookSource::new(receiver(SECRET)).with_read_deadline(Duration::from_secs(3));
    let refusal = source.receive(post(Frames { ends: false, ..Frames::of(1, 5) })).await.unwrap_err();
    assert_eq!((status(&refusal), refusal.reason()), (408, Some(RefusalReason::TimedOut)));
    // The clock is the test's: it moves by exactly what is waited for.
    assert_eq!(began.elapsed().as_secs(), 3);
}

#[tokio::test]
async fn bodies_that_are_open_share_their_memory_and_short_ones_need_none() {
    const ALWAYS: usize = WebhookSource::<gymhook::event::AnyNotification>::UNCOUNTED_BODY_MEMORY;
    let receiver = receiver(SECRET).with_max_body(10 * ALWAYS);
    let source = WebhookSource::new(receiver).with_body_memory(2 * ALWAYS);
    let open = |bytes: usize| {
        let (source, body) = (source.clone(), Frames { ends: false, ..Frames::of(bytes, 1) });
        tokio::spawn(async move { source.receive(post(body)).await.map(|_| ()) })
    };
    let first = open(3 * ALWAYS);
    tokio::task::yield_now().await;
    // All of it is taken: another long one is refused, a short one judged.
    let refusal = source.receive(post(Frames::of(ALWAYS + 1, 1))).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Busy), "{refusal}");
    let answer = refusal.answer();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.header().unwrap().1, "1");
    assert_eq!(status(&source.receive(post(Frames::of(ALWAYS, 1))).await.unwrap_err()), 401);
    // The connection is gone: what it had is free.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(status(&source.receive(post(Frames::of(3 * ALWAYS, 1))).await.unwrap_err()), 401);
    assert_eq!(
        status(&source.receive(post(Frames::of(ALWAYS, 3))).await.unwrap_err()),
        401,
        "in pieces, too"
    );
    // And what is judged gives back, too.
    assert_eq!(status(&source.receive(post(Frames::of(3 * ALWAYS, 1))).await.unwrap_err()), 401);
    assert_eq!(
        status(&source.receive(post(Frames::of(ALWAYS, 3))).await.unwrap_err()),
        401,
        "in pieces, too"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_malformed_and_an_outer_limit_a_413() {
    struct Broken;
    impl Body for Broken {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(Some(Err(std::io::Error::other("cut"))))
        }
    }
    let source = WebhookSource::new(receiver(SECRET));
    let refusal = source.receive(post(Broken)).await.unwrap_err();
    assert_eq!(refusal.to_string(), "the request is malformed: cut");
    assert_eq!((status(&refusal), refusal.reason()), (400, Some(RefusalReason::MalformedRequest)));
    let limited = http_body_util::Limited::new(Frames::of(1, 10), 5);
    let refusal = source.receive(post(limited)).await.unwrap_err();
    assert_eq!((status(&refusal), refusal.reason()), (413, Some(RefusalReason::BodyTooLarge)));
}

/// A body whose end comes when it is told to.
struct Late(Pin<Box<dyn Future<Output = ()> + Send>>, Option<Bytes>);

impl Body for Late {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        core::task::ready!(self.0.as_mut().poll(context));
        self.0 = Box::pin(async {});
        Poll::Ready(self.1.take().map(|data| Ok(Frame::data(data))))
    }
}

#[tokio::test]
async fn a_receiver_that_was_swapped_judges_what_is_still_on_its_way() {
    const BODY: &[u8] = br#"{"eventType":"workout.created","userId":"u-1","userExternalId":"ext-1","dataSource":"fitbit","clientId":"c-1","payload":[{"id":1}]}"#;
    let signed =
        |secret| receiver(secret).verifier().signer().sign("", BODY, UtcDateTime::UNIX_EPOCH).unwrap();
    let source = WebhookSource::new(receiver(SECRET)).with_clock(|| UtcDateTime::UNIX_EPOCH);
    let clone = source.clone();
    let send = |secret, body: Late| {
        let mut request = post(body);
        *request.headers_mut() = signed(secret);
        let clone = clone.clone();
        tokio::spawn(async move { clone.receive(request).await.map(|hook| hook.proof().key().to_string()) })
    };
    let whole = || Late(Box::pin(async {}), Some(Bytes::from_static(BODY)));
    assert_eq!(send(SECRET, whole()).await.unwrap().unwrap(), "main");
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let late = send(SECRET, Late(Box::pin(async { drop(finished.await) }), Some(Bytes::from_static(BODY))));
    tokio::task::yield_now().await;
    source.swap(receiver("the next secret"));
    finish.send(()).unwrap();
    assert_eq!(
        status(&late.await.unwrap().unwrap_err()),
        401,
        "the old key was withdrawn before it was judged"
    );
    assert_eq!(status(&send(SECRET, whole()).await.unwrap().unwrap_err()), 401);
    assert_eq!(send("the next secret", whole()).await.unwrap().unwrap(), "main");
}

#[tokio::test]
async fn refusals_are_told_once_and_a_panic_in_whoever_is_told_changes_nothing() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let source = WebhookSource::new(receiver(SECRET)).with_probes_allowed().on_refusal(move |refused| {
        telling.lock().unwrap().push((refused.platform, refused.reason.as_str(), refused.status));
        panic!("whoever is told panics");
    });
    let refusal = source.receive(post(Frames::of(1, 1))).await.unwrap_err();
    assert!(matches!(refusal, Refusal::Receive(ReceiveError::NotVerified(_))), "{refusal}");
    assert_eq!(*told.lock().unwrap(), [(Vendor::POINT, "missing-header", StatusCode::UNAUTHORIZED)]);
    // A probe is no refusal.
    let probe = source.receive(Request::new(Frames::of(1, 1))).await.unwrap_err();
    assert_eq!((status(&probe), probe.reason(), told.lock().unwrap().len()), (200, None, 1));
}

#[tokio::test]
async fn a_request_that_is_given_up_tells_nobody() {
    let source = WebhookSource::new(receiver(SECRET)).on_refusal(|_| panic!("nobody refused it"));
    let never = Late(Box::pin(pending()), None);
    let receiving = tokio::spawn(async move { source.receive(post(never)).await.map(|_| ()) });
    tokio::task::yield_now().await;
    receiving.abort();
    assert!(receiving.await.unwrap_err().is_cancelled());
}
