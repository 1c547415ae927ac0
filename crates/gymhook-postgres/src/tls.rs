//! `TlsSettings` and `Verify`: TLS to the server, with libpq's modes and files.

use std::fs;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use gymhook_store::StoreError;

/// What a server's certificate has to prove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Verify {
    /// Nothing: what is sent is hidden from whoever listens, and not from whoever answers in the server's place.
    #[default]
    Nothing,
    /// That a trusted CA issued it, whatever name it has.
    Issuer,
    /// That it is the host's.
    IssuerAndHost,
}

/// The kind of TLS that a connection string asks for, with its files.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsSettings {
    pub(super) verify: Verify,
    /// `sslrootcert`: a file, or [`TlsSettings::SYSTEM`].
    pub(super) root: Option<String>,
    /// `sslcert`.
    pub(super) certificate: Option<String>,
    /// `sslkey`.
    pub(super) key: Option<String>,
}

impl TlsSettings {
    /// The CAs that browsers trust.
    pub(super) const SYSTEM: &str = "system";

    /// Reads the files.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, StoreError> {
        let provider = Arc::new(ring::default_provider());
        let roots = match self.verify {
            Verify::Nothing => RootCertStore::empty(),
            Verify::Issuer | Verify::IssuerAndHost => self.roots()?,
        };
        let invalid = |error: &dyn core::fmt::Display| StoreError::Invalid {
            problem: format!("TLS cannot be set up: {error}"),
        };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(&error))?;
        let verifier: Arc<dyn ServerCertVerifier> = match self.verify {
            Verify::IssuerAndHost => WebPkiServerVerifier::builder_with_provider(roots.into(), provider)
                .build()
                .map_err(|error| invalid(&error))?,
            Verify::Issuer | Verify::Nothing => {
                let roots = (self.verify == Verify::Issuer).then_some(roots);
                Arc::new(AnyHost { roots, provider })
            }
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let config = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let chain = certificates("sslcert", certificate)?;
                let key = read("sslkey", key, PrivateKeyDer::from_pem_slice)?;
                builder.with_client_auth_cert(chain, key).map_err(|error| StoreError::Invalid {
                    problem: format!("sslcert and sslkey do not match: {error}"),
                })?
            }
            _ => builder.with_no_client_auth(),
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, StoreError> {
        let mut roots = RootCertStore::empty();
        match self.root.as_deref() {
            Some(Self::SYSTEM) => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                for certificate in certificates("sslrootcert", path)? {
                    roots.add(certificate).map_err(|error| StoreError::Invalid {
                        problem: format!(
                            "sslrootcert: {path:?} holds a certificate that cannot be used: {error}"
                        ),
                    })?;
                }
            }
            None => {}
        }
        Ok(roots)
    }
}

fn certificates(option: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let found: Vec<_> = read(option, path, |bytes| CertificateDer::pem_slice_iter(bytes).collect())?;
    if found.is_empty() {
        let problem = format!(
            "{option}: there is no certificate in {path:?}; it has to be PEM (-----BEGIN CERTIFICATE-----)"
        );
        return Err(StoreError::Invalid { problem });
    }
    Ok(found)
}

fn read<T>(
    option: &str,
    path: &str,
    parse: impl FnOnce(&[u8]) -> Result<T, rustls::pki_types::pem::Error>,
) -> Result<T, StoreError> {
    let invalid = |problem: &dyn core::fmt::Display| StoreError::Invalid {
        problem: format!("{option}: {path:?} cannot be read: {problem}"),
    };
    let bytes = fs::read(path).map_err(|error| invalid(&error))?;
    parse(&bytes).map_err(|error| invalid(&error))
}

/// Verifies that a certificate has a trusted issuer, if there are any, and not whose it is.
#[derive(Debug)]
struct AnyHost {
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
