//! `Certificates`: the gateway's certificate and key, read from PEM files, which can be replaced while the server
//! runs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use gymhook_service::TlsFiles;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// A certificate with its key.
#[derive(Debug)]
pub(crate) struct Certificates {
    current: ArcSwap<ServerConfig>,
}

impl Certificates {
    /// Reads the files.
    pub(crate) fn read(files: &TlsFiles) -> Result<Self, String> {
        Ok(Self { current: ArcSwap::new(read(files)?) })
    }

    /// Reads them again, for connections from now on. If they cannot be used, nothing changes.
    pub(crate) fn reload(&self, files: &TlsFiles) -> Result<(), String> {
        self.current.store(read(files)?);
        Ok(())
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
    let TlsFiles { certificate, key, .. } = files;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{} is no certificate in PEM ({error})", certificate.display()))?;
    if chain.is_empty() {
        return Err(format!("{} has no certificate in PEM: is it the right file?", certificate.display()));
    }
    let private = PrivateKeyDer::from_pem_slice(&pem(key)?).map_err(|_| {
        format!("{} has no private key in PEM: is it the right file, and not encrypted?", key.display())
    })?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| {
            format!("{} and {} do not belong together ({error})", certificate.display(), key.display())
        })?;
    let mut config = config;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn pem(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| {
        format!("{} cannot be read ({error}): look at its path, and who may read it", path.display())
    })
}
