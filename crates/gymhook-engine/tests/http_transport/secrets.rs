//! No log line, detail or `Debug` shows a secret, a body, a header's value or a URL's query.

use core::fmt::{self, Write};
use std::sync::{Arc, Mutex};

use gymhook_engine::Transport;
use http::{HeaderMap, HeaderValue};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::support::{Answers, BRIEF, OK, PATIENT, Server, builder, sending, transport};

/// Writes down all that is logged, at every level, by every crate in this thread.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<String>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

struct Fields<'l>(&'l mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = self.0.lock().unwrap();
        write!(text, "\nspan {}", span.metadata().name()).unwrap();
        span.record(&mut Fields(&mut text));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().unwrap()));
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = self.0.lock().unwrap();
        write!(text, "\n{} {}", event.metadata().level(), event.metadata().target()).unwrap();
        event.record(&mut Fields(&mut text));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn assert_clean(text: &str) {
    assert!(!text.contains("canary"), "{text}");
    // Nor as a list of byte values.
    let numbers = |canary: &str| format!("{:?}", canary.as_bytes()).trim_matches(['[', ']']).to_owned();
    assert!(!text.contains(&numbers("canary")), "{text}");
}

#[tokio::test]
async fn nothing_that_is_shown_holds_a_canary() {
    let log = Log::default();
    let _recording = tracing::subscriber::set_default(log.clone());

    let good = Server::answering(OK).await;
    let redirecting =
        Server::answering("HTTP/1.1 302 x\r\nlocation: http://x/?canary=1\r\ncontent-length: 0\r\n\r\n")
            .await;
    let garbage = Server::answering("canary garbage\r\n\r\n").await;
    let silent = Server::start(|mut stream, requests| async move {
        while requests.read(&mut stream).await?.is_some() {}
        Ok(())
    })
    .await;
    let resetting = Server::start(|stream, _| async move { stream.set_zero_linger() }).await;
    let inside = builder().with_resolver(Answers::new([&["10.0.0.1"]])).build().unwrap();
    let transport = transport();
    assert_clean(&format!("{transport:?} {:?}", builder()));

    for (transport, base) in [
        (&transport, good.url()),
        (&transport, good.url()),
        (&transport, redirecting.url()),
        (&transport, garbage.url()),
        (&transport, silent.url()),
        (&transport, resetting.url()),
        (&transport, "http://127.0.0.1:1/".to_owned()),
        (&transport, "https://127.0.0.2/".to_owned()),
        (&transport, "ftp.example/".to_owned()),
        (&transport, format!("https://{}/", good.address)),
        (&inside, "http://receiver.example/".to_owned()),
        (&inside, "https://receiver.example/".to_owned()),
    ] {
        let Ok(url) =
            gymhook::send::EndpointUrl::dangerous_without_rule(&format!("{base}?token=canary-query"))
        else {
            continue;
        };
        for (name, value) in
            [("x-token", &b"canary-header"[..]), ("te", b"canary-header"), ("x-bad", b"canary\xff")]
        {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
            let subscription = crate::support::subscription_to(url.clone()).with_headers(headers);
            if let Err(refused) = transport.check_subscription(&subscription) {
                assert_clean(&format!("{refused} {refused:?}"));
            }
            assert_clean(&format!("{subscription:?}"));
            // These two wait for more than ever comes.
            let stuck = base == silent.url() || base.starts_with("https://127.0.0.1");
            let timeout = if stuck { BRIEF } else { PATIENT };
            let answer = transport.send(sending(subscription, timeout)).await;
            assert_clean(&format!("{answer:?}"));
        }
        for bad in [
            format!("{base}?canary#canary"),
            format!("https://canary:canary@{base}"),
            "canary canary".to_owned(),
        ] {
            if let Err(refused) = transport.endpoint_url("point", &bad) {
                assert_clean(&format!("{refused} {refused:?}"));
            }
        }
    }
    let unknown = crate::support::subscription("http://127.0.0.1:1/?canary");
    assert_clean(&format!("{:?}", transport.send(sending(unknown, PATIENT)).await));

    let text = log.text();
    assert!(text.contains("span http_attempt host=127.0.0.1:"), "the log was recorded: {text}");
    assert!(text.contains("dangerous_allow"), "{text}");
    assert_clean(&text);
}
