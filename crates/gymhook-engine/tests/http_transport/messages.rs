//! What a person reads who entered something that cannot be used: what happened, where, what to do.

use gymhook::UrlRule;
use gymhook_engine::http::{AddressRules, HttpTransport, Proxy, check_headers, check_url};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::support::subscription;

#[test]
fn every_message_about_a_url_can_be_read_by_itself() {
    let message =
        |url: &str| check_url(url, UrlRule::HttpsOn443, &AddressRules::new()).unwrap_err().to_string();
    for (url, expected) in [
        (
            "receiver.example",
            "the URL cannot be read: relative URL without a base; a whole URL is https://, a host and a path",
        ),
        ("https://", "the URL cannot be read: empty host; a whole URL is https://, a host and a path"),
        ("https://h.example:99999/", "the URL cannot be read: invalid port number"),
        ("https://256.1.1.1/", "the URL cannot be read: invalid IPv4 address"),
        ("https://[::1/", "the URL cannot be read: invalid IPv6 address"),
        (
            "https://h.example/ ",
            "the URL cannot be read: it holds a space or a control character: was something else copied with it?",
        ),
        ("https://h<.example/", "the URL's host is not valid: it has a character that no host name has"),
        (
            "https://*.example.com/",
            "the URL's host is not valid: it has a wildcard, and a request goes to one host: enter a URL for each",
        ),
        ("https://h.example./", "the URL's host is not valid: it ends with a dot: enter h.example"),
        (
            "https://h..example/",
            "the URL's host is not valid: it has an empty label: two dots in a row, or a dot at the start",
        ),
        (
            "https://crm/",
            "crm has no dot, so it is not a public host: enter the receiver's full name, such as crm.example.com",
        ),
        (
            "https://crm.local/",
            "crm.local is a name for private networks (RFC 6762), not a public host: enter the receiver's public name",
        ),
        (
            "https://localhost/",
            "localhost is a name for private networks (RFC 6761), not a public host: enter the receiver's public name",
        ),
        ("https://10.0.0.1/", "10.0.0.1 is not on the public internet: 10.0.0.0/8 (Private-Use, RFC 1918)"),
        ("http://h.example/", "the URL is not https: enter the receiver's https:// URL"),
        ("ftp://h.example/", "the URL is not https: enter the receiver's https:// URL"),
        ("https://h.example:8443/", "the URL has port 8443, but this platform sends to port 443 only"),
        ("https://h.example/#top", "the URL has a fragment (#…), which is never sent: remove it"),
        (
            "https://u:p@h.example/",
            "the URL has a user name or password before the host: remove it, since the signature proves the sender",
        ),
    ] {
        assert_eq!(message(url), expected, "{url}");
    }
}

#[test]
fn every_message_about_a_transports_setup_can_be_read_by_itself() {
    let builder = HttpTransport::builder;
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let garbage = "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n";
    for (builder, expected) in [
        (
            builder().with_roots_pem(""),
            "the argument of with_roots_pem is not PEM certificates: no certificate in it",
        ),
        (builder().with_roots_pem(garbage), "the argument of with_roots_pem is not PEM certificates: "),
        (builder().with_roots_pem(pem), "a certificate given to with_roots_pem cannot be used as a root: "),
        (
            builder().dangerous_allow_private_network("8.8.8.0/24".parse().unwrap()),
            "8.8.8.0/24 is not within a private network: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 or fc00::/7",
        ),
    ] {
        let message = builder.build().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    assert_eq!(
        Proxy::new("https://proxy.internal").unwrap_err().to_string(),
        "the proxy's URL is not http:// with a host and a port and nothing else: credentials go to Proxy::with_basic_auth"
    );
    let metadata = AddressRules::new()
        .dangerous_allow_private_network("fc00::/7".parse().unwrap())
        .unwrap()
        .check("fd00:ec2::254".parse().unwrap());
    assert_eq!(
        metadata.unwrap_err().to_string(),
        "fd00:ec2::254 is a cloud's metadata service: nothing is sent there, whatever private network is allowed"
    );
}

#[test]
fn every_message_about_a_subscription_can_be_read_by_itself() {
    let transport = HttpTransport::builder().build().unwrap();
    assert_eq!(
        transport.endpoint_url("nobody", "https://h.example/").unwrap_err().to_string(),
        "this transport has no platform named \"nobody\": see HttpTransportBuilder::with_platform"
    );
    let headers = |name: &'static str, value: &[u8], times: usize| {
        let mut headers = HeaderMap::new();
        for _ in 0..times {
            headers.append(HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap());
        }
        headers
    };
    for (headers, expected) in [
        (
            headers("host", b"x", 1),
            "the header host is set by the transport or belongs to the signature: remove it",
        ),
        (
            headers("x-a", b"caf\xe9", 1),
            "the value of header x-a has characters other than printable ASCII: remove them",
        ),
        (headers("x-a", b"x", 33), "there are 33 headers: the maximum is 32"),
        (headers("x-a", &[b'x'; 3100], 2), "the headers have 6206 bytes: shorten them to at most 6144"),
    ] {
        assert_eq!(check_headers(&headers, &[]).unwrap_err().to_string(), expected);
        let subscription = subscription("https://h.example/").with_headers(headers);
        assert_eq!(transport.check_subscription(&subscription).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_private_networks_names_are_allowed_with_it_and_plain_http_is_not() {
    let rules = AddressRules::new().dangerous_allow_private_network("10.20.0.0/16".parse().unwrap()).unwrap();
    let check = |url: &str| check_url(url, UrlRule::Https, &rules);
    for allowed in
        ["https://crm/", "https://crm.internal/", "https://10.20.1.1/", "https://receiver.example/"]
    {
        assert!(check(allowed).is_ok(), "{allowed}: {:?}", check(allowed));
    }
    for refused in [
        "http://crm/",
        "http://10.20.1.1/",
        "https://10.21.1.1/",
        "https://127.0.0.1/",
        "https://*.internal/",
    ] {
        assert!(check(refused).is_err(), "{refused}");
    }
}
