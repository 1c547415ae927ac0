//! Certificates are checked, always.

use core::time::Duration;
use std::sync::Arc;

use gymhook_engine::http::{BuildError, HttpTransport};
use gymhook_retry::Fault;
use http::StatusCode;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use crate::support::{Answers, BRIEF, OK, PATIENT, Server, answered, builder, failed, send};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server's certificate for this name, changed as the test likes.
    pub(crate) fn issue(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        server_config(certificate.der().clone(), &key)
    }

    /// A client's certificate, and its key.
    pub(crate) fn issue_client(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server's configuration that asks for a client's certificate of `clients`, and ends the handshake without one or goes on.
    pub(crate) fn issue_mutual(&self, name: &str, clients: &Self, required: bool) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(clients.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
        ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap()
    }
}

fn self_signed(name: &str) -> (ServerConfig, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (server_config(certificate.der().clone(), &key), certificate.pem())
}

fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

pub(crate) async fn serve(config: ServerConfig) -> Server {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start(move |stream, requests| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await?;
            while requests.read(&mut stream).await?.is_some() {
                stream.write_all(OK.as_bytes()).await?;
            }
            Ok(())
        }
    })
    .await
}

/// `receiver.example` is the server's machine.
pub(crate) fn trusting(roots: &[String]) -> HttpTransport {
    let resolving = builder().with_resolver(Answers::new([&["127.0.0.1"]]));
    roots.iter().fold(resolving, |builder, pem| builder.with_roots_pem(pem.as_bytes())).build().unwrap()
}

pub(crate) fn url(server: &Server) -> String {
    format!("https://receiver.example:{}/hooks", server.port())
}

#[tokio::test]
async fn a_good_certificate_is_accepted_and_its_connection_kept() {
    let authority = Authority::new("ours");
    let server = serve(authority.issue("receiver.example", |_| ())).await;
    for transport in [
        trusting(&[authority.pem()]),
        trusting(&[Authority::new("stranger").pem() + &authority.pem()]),
        builder()
            .with_resolver(Answers::new([&["127.0.0.1"]]))
            .without_public_roots()
            .with_roots_pem(authority.pem())
            .build()
            .unwrap(),
    ] {
        for _ in 0..3 {
            let answer = send(&transport, &url(&server), PATIENT).await;
            assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
        }
    }
    assert_eq!((server.requests().len(), server.connections()), (9, 3));
}

#[tokio::test]
async fn a_wrong_certificate_is_a_tls_fault_and_nothing_is_sent() {
    let authority = Authority::new("ours");
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 12, 31);
    };
    let not_yet = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(4000, 1, 1);
        params.not_after = date_time_ymd(4001, 1, 1);
    };
    let stranger = Authority::new("stranger").issue("receiver.example", |_| ());
    for (why, config, in_words) in [
        ("wrong name", authority.issue("other.example", |_| ()), "not valid for name"),
        ("only the parent's name", authority.issue("example", |_| ()), "not valid for name"),
        ("expired", authority.issue("receiver.example", expired), "expired"),
        ("not yet valid", authority.issue("receiver.example", not_yet), "not valid yet"),
        ("an unknown authority", stranger, "with_private_authority"),
        ("self-signed", self_signed("receiver.example").0, "with_roots_pem"),
    ] {
        let server = serve(config).await;
        let answer = send(&trusting(&[authority.pem()]), &url(&server), PATIENT).await;
        assert_eq!(answer.outcome, failed(Fault::Tls), "{why}: {answer:?}");
        let detail = answer.detail.unwrap();
        assert!(detail.contains(in_words), "{why}: {detail}");
        assert_eq!(server.requests(), Vec::<String>::new(), "{why}");
    }
}

#[tokio::test]
async fn the_public_roots_do_not_vouch_for_a_private_authority() {
    let server = serve(Authority::new("stranger").issue("receiver.example", |_| ())).await;
    let answer = send(&trusting(&[]), &url(&server), PATIENT).await;
    assert_eq!(answer.outcome, failed(Fault::Tls), "{answer:?}");
}

#[tokio::test]
async fn an_address_needs_a_certificate_of_its_own() {
    let authority = Authority::new("ours");
    let server = serve(authority.issue("receiver.example", |_| ())).await;
    let literal = format!("https://{}/", server.address);
    assert_eq!(send(&trusting(&[authority.pem()]), &literal, PATIENT).await.outcome, failed(Fault::Tls));

    let server = serve(authority.issue("127.0.0.1", |_| ())).await;
    let literal = format!("https://{}/", server.address);
    let answer = send(&trusting(&[authority.pem()]), &literal, PATIENT).await;
    assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_tls_fault_and_one_that_is_silent_times_out() {
    let plain = Server::start(|mut stream, _| async move { stream.write_all(OK.as_bytes()).await }).await;
    assert_eq!(send(&trusting(&[]), &url(&plain), PATIENT).await.outcome, failed(Fault::Tls));

    let hangs_up = Server::start(|_, _| async { Ok(()) }).await;
    assert_eq!(send(&trusting(&[]), &url(&hangs_up), PATIENT).await.outcome, failed(Fault::Tls));

    let silent = Server::start(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        drop(stream);
        Ok(())
    })
    .await;
    assert_eq!(send(&trusting(&[]), &url(&silent), BRIEF).await.outcome, failed(Fault::Timeout));
    let hurried =
        builder().with_resolver(Answers::new([&["127.0.0.1"]])).with_connect_timeout(BRIEF).build().unwrap();
    assert_eq!(send(&hurried, &url(&silent), PATIENT).await.outcome, failed(Fault::Tls));
}

#[test]
fn roots_that_are_none_are_refused() {
    let build = |pem: &str| HttpTransport::builder().with_roots_pem(pem).build();
    assert!(matches!(build(""), Err(BuildError::Pem(_))));
    assert!(matches!(
        build("-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"),
        Err(BuildError::Pem(_))
    ));
    assert!(matches!(
        build("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        Err(BuildError::Root(_))
    ));
}
