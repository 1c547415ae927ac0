//! Receivers with TLS settings of their own: a client certificate, a private authority.

use std::io;
use std::sync::{Arc, Mutex};

use gymhook_engine::http::CheckSubscriptionError;
use gymhook_engine::{Answer, HttpTransport, TlsSettings, Transport};
use gymhook_retry::Fault;
use http::StatusCode;
use rustls::ServerConfig;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::support::{OK, PATIENT, Server, answered, failed, sending, subscription};
use crate::tls::{Authority, serve, trusting, url};

async fn send_with(transport: &HttpTransport, url: &str, tls: &TlsSettings) -> Answer {
    transport.send(sending(subscription(url).with_tls(tls.clone()), PATIENT)).await
}

fn client_certificate(authority: &Authority, name: &str) -> TlsSettings {
    let (chain, key) = authority.issue_client(name);
    TlsSettings::new().with_client_certificate(chain, key)
}

/// Which client certificate each request came with, and on which connection.
type Seen = Arc<Mutex<Vec<(usize, Option<Vec<u8>>)>>>;

async fn noting_clients(config: ServerConfig) -> (Server, Seen) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    let connections = Arc::new(Mutex::new(0));
    let server = Server::start(move |stream, requests| {
        let (acceptor, notes, connections) = (acceptor.clone(), Arc::clone(&notes), Arc::clone(&connections));
        async move {
            let mut stream = acceptor.accept(stream).await?;
            let number = {
                let mut connections = connections.lock().unwrap();
                *connections += 1;
                *connections
            };
            let client = stream.get_ref().1.peer_certificates().map(|chain| chain[0].to_vec());
            while requests.read(&mut stream).await?.is_some() {
                notes.lock().unwrap().push((number, client.clone()));
                stream.write_all(OK.as_bytes()).await?;
            }
            io::Result::Ok(())
        }
    })
    .await;
    (server, seen)
}

#[tokio::test]
async fn a_receiver_that_asks_gets_the_subscriptions_certificate() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let server = serve(ours.issue_mutual("receiver.example", &clients, true)).await;
    let transport = trusting(&[ours.pem()]);
    let answer = send_with(&transport, &url(&server), &client_certificate(&clients, "gym.example")).await;
    assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
}

#[tokio::test]
async fn a_receiver_that_gets_no_certificate_or_the_wrong_one_is_told_of_with_the_setting_that_helps() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let server = serve(ours.issue_mutual("receiver.example", &clients, true)).await;
    let transport = trusting(&[ours.pem()]);
    let answer = send_with(&transport, &url(&server), &TlsSettings::new()).await;
    assert_eq!(answer.outcome, failed(Fault::Tls), "{answer:?}");
    assert!(answer.detail.unwrap().contains("TlsSettings::with_client_certificate"));
    assert_eq!(server.requests(), Vec::<String>::new());

    let strangers = client_certificate(&Authority::new("strangers"), "gym.example");
    let answer = send_with(&transport, &url(&server), &strangers).await;
    assert_eq!(answer.outcome, failed(Fault::Tls), "{answer:?}");
    assert_eq!(server.requests(), Vec::<String>::new());
}

/// As widespread servers do: the handshake goes on, and the answer is an error.
#[tokio::test]
async fn a_receiver_that_answers_without_a_certificate_is_explained_too() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let acceptor = TlsAcceptor::from(Arc::new(ours.issue_mutual("receiver.example", &clients, false)));
    let server = Server::start(move |stream, requests| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await?;
            while requests.read(&mut stream).await?.is_some() {
                stream
                    .write_all(
                        b"HTTP/1.1 400 No required SSL certificate was sent\r\ncontent-length: 0\r\n\r\n",
                    )
                    .await?;
            }
            io::Result::Ok(())
        }
    })
    .await;
    let transport = trusting(&[ours.pem()]);
    let answer = send_with(&transport, &url(&server), &TlsSettings::new()).await;
    assert_eq!(answer.outcome, answered(StatusCode::BAD_REQUEST));
    assert!(answer.detail.unwrap().contains("TlsSettings::with_client_certificate"));
    let answer = send_with(&transport, &url(&server), &client_certificate(&clients, "gym.example")).await;
    assert_eq!(answer.detail, None);
}

#[tokio::test]
async fn a_connection_made_with_one_certificate_never_carries_anothers_request() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (server, seen) = noting_clients(ours.issue_mutual("receiver.example", &clients, false)).await;
    let transport = trusting(&[ours.pem()]);
    let (a, b) = (client_certificate(&clients, "a.example"), client_certificate(&clients, "b.example"));
    let none = TlsSettings::new();
    let private = TlsSettings::new().with_private_authority(ours.pem());
    for _ in 0..3 {
        for tls in [&a, &b, &none, &private] {
            let answer = send_with(&transport, &url(&server), tls).await;
            assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
        }
    }
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen.len(), 12);
    let rounds: Vec<_> = seen.chunks(4).collect();
    // Each had its own connection, and kept it.
    assert_eq!((rounds[0], rounds[0]), (rounds[1], rounds[2]));
    let connections: std::collections::BTreeSet<_> = rounds[0].iter().map(|(number, _)| number).collect();
    assert_eq!(connections.len(), 4);
    assert_ne!(rounds[0][0].1, rounds[0][1].1);
    assert!(rounds[0][0].1.is_some() && rounds[0][1].1.is_some());
    assert_eq!((&rounds[0][2].1, &rounds[0][3].1), (&None, &None));
}

/// A session that is resumed brings the certificate of the one before: it must be the same subscription's.
#[tokio::test]
async fn no_session_is_resumed_with_anothers_certificate() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (server, seen) = noting_clients(ours.issue_mutual("receiver.example", &clients, false)).await;
    let transport = crate::support::builder()
        .with_resolver(crate::support::Answers::new([&["127.0.0.1"]]))
        .with_roots_pem(ours.pem())
        .with_idle_connections(0)
        .build()
        .unwrap();
    let (a, b) = (client_certificate(&clients, "a.example"), client_certificate(&clients, "b.example"));
    for tls in [&a, &a, &b, &b, &TlsSettings::new(), &a, &TlsSettings::new()] {
        send_with(&transport, &url(&server), tls).await;
    }
    let seen: Vec<_> = seen.lock().unwrap().iter().map(|(_, client)| client.clone()).collect();
    assert_eq!(seen.len(), 7);
    assert!(seen[0].is_some() && seen[2].is_some() && seen[0] != seen[2]);
    assert_eq!([&seen[0], &seen[2], &seen[0]], [&seen[1], &seen[3], &seen[5]]);
    assert_eq!((&seen[4], &seen[6]), (&None, &None));
}

#[tokio::test]
async fn a_private_authority_counts_for_its_subscription_and_alone() {
    let (private, transports) = (Authority::new("private"), Authority::new("the transport's"));
    let transport = trusting(&[transports.pem()]);
    let settings = TlsSettings::new().with_private_authority(private.pem());
    let inside = serve(private.issue("receiver.example", |_| ())).await;
    let outside = serve(transports.issue("receiver.example", |_| ())).await;
    let outcome =
        async |server: &Server, tls: &TlsSettings| send_with(&transport, &url(server), tls).await.outcome;
    assert_eq!(outcome(&inside, &settings).await, answered(StatusCode::OK));
    assert_eq!(outcome(&outside, &TlsSettings::new()).await, answered(StatusCode::OK));
    assert_eq!(outcome(&inside, &TlsSettings::new()).await, failed(Fault::Tls));
    assert_eq!(
        outcome(&outside, &settings).await,
        failed(Fault::Tls),
        "a receiver of its own authority's only"
    );
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused_when_they_are_written() {
    let authority = Authority::new("clients");
    let (chain, key) = authority.issue_client("gym.example");
    let (_, other_key) = authority.issue_client("gym.example");
    let transport = trusting(&[]);
    let new = TlsSettings::new;
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (settings, message) in [
        (
            new().with_private_authority(""),
            "the private authority is not a PEM certificate: no certificate in it",
        ),
        (new().with_private_authority(garbage), "the private authority is not a PEM certificate: "),
        (
            new().with_client_certificate("", &key),
            "the client certificate is not a PEM certificate: no certificate in it",
        ),
        (new().with_client_certificate(garbage, &key), "the client certificate is not a PEM certificate: "),
        (
            new().with_client_certificate(&chain, &chain),
            "the client certificate's key is not an unencrypted PEM private key (PKCS#8, PKCS#1 or SEC1)",
        ),
        (
            new().with_client_certificate(&chain, other_key),
            "the client certificate and its key do not belong together: give the key of the first certificate of the chain",
        ),
    ] {
        let subscription = subscription("https://receiver.example/").with_tls(settings);
        let refused = transport.check_subscription(&subscription).unwrap_err();
        assert!(matches!(refused, CheckSubscriptionError::Tls(_)), "{refused:?}");
        assert!(refused.to_string().starts_with(message), "{refused}");
        let shown = format!("{refused} {refused:?} {subscription:?}");
        assert!(!shown.contains(key.lines().nth(1).unwrap()), "{shown}");
        let answer = transport.send(sending(subscription, PATIENT)).await;
        assert_eq!(answer.outcome, failed(Fault::Forbidden), "{answer:?}");
    }
    let good = subscription("https://receiver.example/").with_tls(new().with_client_certificate(chain, key));
    assert_eq!(transport.check_subscription(&good), Ok(()));
}
