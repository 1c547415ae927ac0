//! `Tls` and `ReceiverTls`: the rustls settings of a transport, and of receivers with a private authority or a client
//! certificate.

use core::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::BuildError;
use super::tcp::Tcp;
use crate::TlsSettings;

/// What connections have in common that may carry each other's requests: nothing for those without settings of their own.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct TlsIdentity([u8; 32]);

/// Makes the TLS of every receiver.
#[derive(Debug)]
pub(super) struct Tls {
    roots: Arc<RootCertStore>,
    protocols: Vec<Vec<u8>>,
    usual: ReceiverTls,
    special: Mutex<BTreeMap<TlsIdentity, Special>>,
}

#[derive(Debug)]
struct Special {
    tls: ReceiverTls,
    used: Instant,
}

/// How TLS is spoken to one receiver.
#[derive(Clone)]
pub(super) struct ReceiverTls {
    connector: TlsConnector,
    identity: TlsIdentity,
}

/// Receivers whose settings are kept ready; more of them cost the reading of their PEM at each attempt.
const MOST_SPECIAL: usize = 1024;

impl Tls {
    pub(super) fn new(public_roots: bool, own_roots: &[Vec<u8>], http2: bool) -> Result<Self, BuildError> {
        let mut roots = RootCertStore::empty();
        if public_roots {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for pem in own_roots {
            add_roots(&mut roots, pem).map_err(|error| match error {
                RootsError::Pem(error) => BuildError::Pem(error),
                RootsError::Root(error) => BuildError::Root(error),
            })?;
        }
        let roots = Arc::new(roots);
        let protocols: Vec<_> =
            http2.then(|| b"h2".to_vec()).into_iter().chain([b"http/1.1".to_vec()]).collect();
        let connector = connector(Arc::clone(&roots), None, &protocols)
            .map_err(|error| BuildError::Tls(io::Error::other(error)))?;
        let usual = ReceiverTls { connector, identity: TlsIdentity::default() };
        Ok(Self { roots, protocols, usual, special: Mutex::default() })
    }

    /// What a subscription's settings ask for.
    pub(super) fn of(&self, settings: &TlsSettings) -> Result<ReceiverTls, TlsSettingsError> {
        if settings.is_default() {
            return Ok(self.usual.clone());
        }
        let identity = TlsIdentity(settings.digest());
        let mut special = self.special.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = special.get_mut(&identity) {
            known.used = Instant::now();
            return Ok(known.tls.clone());
        }
        let tls = self.read(settings, identity)?;
        if special.len() >= MOST_SPECIAL
            && let Some(oldest) = special.iter().min_by_key(|(_, known)| known.used).map(|(key, _)| *key)
        {
            special.remove(&oldest);
        }
        special.insert(identity, Special { tls: tls.clone(), used: Instant::now() });
        Ok(tls)
    }

    /// Each has a configuration of its own, and so resumes no session that was begun with another certificate.
    fn read(&self, settings: &TlsSettings, identity: TlsIdentity) -> Result<ReceiverTls, TlsSettingsError> {
        let roots = match settings.private_authority() {
            Some(pem) => Arc::new(private_roots(pem)?),
            None => Arc::clone(&self.roots),
        };
        let certificate = match (settings.client_chain(), settings.expose_client_key()) {
            (Some(chain), Some(key)) => Some(client_certificate(chain, key)?),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(TlsSettingsError::KeyPair),
        };
        let connector =
            connector(roots, certificate, &self.protocols).map_err(|_| TlsSettingsError::KeyPair)?;
        Ok(ReceiverTls { connector, identity })
    }
}

impl ReceiverTls {
    pub(super) const fn identity(&self) -> TlsIdentity {
        self.identity
    }

    /// The handshake, and whether a client's certificate was asked for that is not there.
    pub(super) async fn connect(
        &self,
        name: ServerName<'static>,
        tcp: Tcp,
    ) -> (io::Result<TlsStream<Tcp>>, bool) {
        let handshake = async {
            let stream = self.connector.connect(name, tcp).await;
            (stream, ASKED.with(Cell::get))
        };
        ASKED.scope(Cell::new(false), handshake).await
    }
}

impl core::fmt::Debug for ReceiverTls {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ReceiverTls").field("identity", &self.identity).finish_non_exhaustive()
    }
}

tokio::task_local! {
    /// Whether the receiver has asked for a certificate that is not there, during this handshake.
    static ASKED: Cell<bool>;
}

/// Why a subscription's TLS settings cannot be used. Caused by the input; no part of a key is repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsSettingsError {
    /// The private authority is not valid.
    #[error("the private authority is not a PEM certificate: {problem}")]
    Authority {
        /// What is wrong.
        problem: String,
    },
    /// The client certificate's chain is not valid.
    #[error("the client certificate is not a PEM certificate: {problem}")]
    Chain {
        /// What is wrong.
        problem: String,
    },
    /// The client certificate's private key is not valid.
    #[error("the client certificate's key is not an unencrypted PEM private key (PKCS#8, PKCS#1 or SEC1)")]
    Key,
    /// The certificate and its key do not match, or one is missing.
    #[error(
        "the client certificate and its key do not belong together: give the key of the first certificate of the chain"
    )]
    KeyPair,
}

fn connector(
    roots: Arc<RootCertStore>,
    certificate: Option<Arc<CertifiedKey>>,
    protocols: &[Vec<u8>],
) -> Result<TlsConnector, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(Presented(certificate)));
    config.alpn_protocols = protocols.to_vec();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Presents the certificate, if there is one, and notes if there is none.
#[derive(Debug)]
struct Presented(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Presented {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        if self.0.is_none() {
            // Outside of a handshake of ours nobody wants to know.
            let _ = ASKED.try_with(|asked| asked.set(true));
        }
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

fn private_roots(pem: &str) -> Result<RootCertStore, TlsSettingsError> {
    let mut roots = RootCertStore::empty();
    add_roots(&mut roots, pem.as_bytes()).map_err(|(RootsError::Pem(error) | RootsError::Root(error))| {
        TlsSettingsError::Authority { problem: error.to_string() }
    })?;
    Ok(roots)
}

fn client_certificate(chain: &str, key: &str) -> Result<Arc<CertifiedKey>, TlsSettingsError> {
    let broken = |problem: String| TlsSettingsError::Chain { problem };
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| broken(error.to_string()))?;
    if chain.is_empty() {
        return Err(broken(NO_CERTIFICATE.to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsSettingsError::Key)?;
    let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            TlsSettingsError::KeyPair
        } else if let rustls::Error::InvalidCertificate(problem) = error {
            broken(format!("{problem:?}"))
        } else {
            TlsSettingsError::Key
        }
    })?;
    Ok(Arc::new(certified))
}

enum RootsError {
    Pem(io::Error),
    Root(io::Error),
}

const NO_CERTIFICATE: &str = "no certificate in it";

fn add_roots(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), RootsError> {
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| RootsError::Pem(io::Error::other(error)))?;
        roots.add(certificate).map_err(|error| RootsError::Root(io::Error::other(error)))?;
        found = true;
    }
    if found { Ok(()) } else { Err(RootsError::Pem(io::Error::other(NO_CERTIFICATE))) }
}
