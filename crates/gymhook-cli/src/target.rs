//! `Target`, the receiver of requests: a URL whose addresses were looked up once, `TargetArgs` such as
//! `--allow-public`, and the HTTP client.

use core::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gymhook::send::EndpointUrl;
use gymhook_engine::http::forbidden_because;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::failure::Failure;
use crate::http_client::{Connector, HttpClient};
use crate::input;

/// The longest file of certificates: a whole system's authorities take a quarter of a mebibyte.
const MAX_CERTIFICATES: usize = 4 << 20;

/// To which server, and which certificates it may have.
#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArgs {
    /// Send to a public address, too: only to an endpoint of yours
    #[arg(long, help_heading = "Target")]
    pub(crate) allow_public: bool,
    /// A PEM file with the certificate of your own authority, or of the server itself
    #[arg(long, value_name = "FILE", help_heading = "Target")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// A URL with the addresses that it is sent to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) url: EndpointUrl,
    pub(crate) addresses: Arc<[SocketAddr]>,
}

/// A host's name or literal, and its port.
pub(crate) fn host_and_port(uri: &Uri) -> (String, u16) {
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    (host, uri.port_u16().unwrap_or(default))
}

/// A URL, or a path, as it may be shown: its query may hold a token, and what comes before its host a password.
pub(crate) fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// Whether an address is on the public internet.
fn is_public(address: IpAddr) -> bool {
    forbidden_because(address).is_none()
}

impl TargetArgs {
    /// The first option that was given.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let options = [("--allow-public", self.allow_public), ("--ca-file", self.ca_file.is_some())];
        options.into_iter().find_map(|(name, given)| given.then_some(name))
    }

    /// Reads the URL and asks nobody.
    pub(crate) fn url(&self, url: &str) -> Result<EndpointUrl, Failure> {
        let url = EndpointUrl::dangerous_without_rule(url).map_err(Failure::usage)?;
        if self.ca_file.is_some() && url.to_uri().scheme_str() != Some("https") {
            return Err(Failure::usage(
                "--ca-file is for https, and the URL is http: is it the right one, or leave --ca-file out",
            ));
        }
        Ok(url)
    }

    /// Reads the URL and looks its host up.
    pub(crate) async fn resolve(&self, url: &str) -> Result<Target, Failure> {
        let url = self.url(url)?;
        let (host, port) = host_and_port(&url.to_uri());
        let found = tokio::net::lookup_host((host.as_str(), port)).await;
        let addresses: Arc<[SocketAddr]> = found
            .map_err(|error| {
                Failure::failed(format!("host {host} cannot be found ({error}): is it spelled right?"))
            })?
            .collect();
        let public = addresses.iter().find(|address| is_public(address.ip()));
        if let Some(public) = public.filter(|_| !self.allow_public) {
            return Err(Failure::usage(format!(
                "{host} is the public address {}, and this is a test tool: add --allow-public if the endpoint is yours",
                public.ip()
            )));
        }
        if addresses.is_empty() {
            return Err(Failure::failed(format!("host {host} has no address: is it spelled right?")));
        }
        Ok(Target { url, addresses })
    }

    pub(crate) fn client(&self, target: &Target) -> Result<HttpClient, Failure> {
        self.connector(target).map(HttpClient::new)
    }

    /// Connects to the target's addresses and to no others, whatever DNS says meanwhile, and uses no proxy.
    pub(crate) fn connector(&self, target: &Target) -> Result<Connector, Failure> {
        let mut connector = HttpConnector::new_with_resolver(Pinned(Arc::clone(&target.addresses)));
        connector.enforce_http(false);
        connector.set_nodelay(true);
        Ok(hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(self.tls()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector))
    }

    /// The usual authorities, and the one that was named.
    pub(crate) fn tls(&self) -> Result<ClientConfig, Failure> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = &self.ca_file {
            let unreadable = |problem: String| {
                Failure::usage(format!("file {path:?} has no certificate ({problem}): name a PEM file"))
            };
            let pem = input::read(path, MAX_CERTIFICATES)?;
            let mut count = 0_usize;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
                roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
                count += 1;
            }
            if count == 0 {
                return Err(unreadable("it holds none".to_owned()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Ok(config.map_err(Failure::failed)?.with_root_certificates(roots).with_no_client_auth())
    }
}

/// A resolver that knows one answer.
#[derive(Clone, Debug)]
pub(crate) struct Pinned(Arc<[SocketAddr]>);

impl tower_service::Service<Name> for Pinned {
    type Response = AddressesIter;
    type Error = core::convert::Infallible;
    type Future = core::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut core::task::Context<'_>) -> core::task::Poll<Result<(), Self::Error>> {
        core::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Name) -> Self::Future {
        core::future::ready(Ok(AddressesIter { addresses: Arc::clone(&self.0), at: 0 }))
    }
}

/// The addresses one after another, without a copy.
#[derive(Debug)]
pub(crate) struct AddressesIter {
    addresses: Arc<[SocketAddr]>,
    at: usize,
}

impl Iterator for AddressesIter {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        let address = self.addresses.get(self.at).copied();
        self.at += 1;
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A literal address is looked up without asking anybody, and nothing is sent here.
    fn resolved(url: &str, allow_public: bool) -> Result<Target, Failure> {
        let arguments = TargetArgs { allow_public, ca_file: None };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(arguments.resolve(url))
    }

    #[test]
    fn what_is_shown_of_a_url_holds_no_secret() {
        for (url, shown) in [
            ("https://user:canary@host.example:8443/hooks?token=canary#x", "https://host.example:8443/hooks"),
            ("https://canary@host.example", "https://host.example"),
            ("http://a:canary@b@host.example/@path", "http://host.example/@path"),
            ("/hooks/point?token=canary", "/hooks/point"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn only_private_addresses_are_sent_to_unasked() {
        for private in
            ["http://127.0.0.1/", "http://10.1.2.3:8080/", "http://[::1]:3000/x", "https://192.168.0.7/"]
        {
            assert!(resolved(private, false).is_ok(), "{private}");
        }
        for public in ["http://9.9.9.9/", "https://[2620:fe::fe]/", "http://9.9.9.9:8080/hooks?token=canary"]
        {
            let problem = resolved(public, false).unwrap_err().to_string();
            assert!(problem.contains("--allow-public") && !problem.contains("canary"), "{problem}");
            assert!(resolved(public, true).is_ok(), "{public}");
        }
    }
}
