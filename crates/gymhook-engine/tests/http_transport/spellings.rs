//! Hosts in every spelling: none of them leads to a forbidden address.

use core::net::Ipv4Addr;
use std::collections::BTreeSet;

use gymhook::UrlRule;
use gymhook::send::{EndpointUrl, UrlError};
use gymhook_engine::http::{AddressRules, CheckUrlError, HttpTransport, check_url, forbidden_because};
use gymhook_retry::{Fault, Outcome};
use proptest::prelude::*;

use crate::support::{Answers, OK, PATIENT, Server, answer_all, send, sending, subscription_to};

const FORBIDDEN: [Ipv4Addr; 8] = [
    Ipv4Addr::new(127, 0, 0, 1),
    Ipv4Addr::new(10, 0, 0, 1),
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(192, 168, 1, 1),
    Ipv4Addr::new(172, 16, 0, 9),
    Ipv4Addr::new(100, 64, 0, 1),
    Ipv4Addr::new(0, 0, 0, 0),
    Ipv4Addr::new(255, 255, 255, 255),
];

/// One number in the radixes that the URL standard knows, and with leading zeros.
fn numbers(number: u32) -> [String; 6] {
    [
        format!("{number}"),
        format!("{number:#x}"),
        format!("0X{number:X}"),
        format!("0{number:o}"),
        format!("0x000000{number:x}"),
        format!("000000{number:o}"),
    ]
}

/// With 1, 2, 3 or 4 parts, the last of which takes all the bits that are left.
fn parts(address: Ipv4Addr) -> [Vec<u32>; 4] {
    let [a, b, c, d] = address.octets().map(u32::from);
    let whole = u32::from(address);
    [vec![whole], vec![a, whole & 0xff_ffff], vec![a, b, whole & 0xffff], vec![a, b, c, d]]
}

fn full_width(text: &str) -> String {
    let wide = |c: char| char::from_u32(u32::from(c) - 0x21 + 0xff01).unwrap();
    text.chars().map(|c| if c.is_ascii_alphanumeric() { wide(c) } else { c }).collect()
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

fn ipv4_spellings(address: Ipv4Addr) -> BTreeSet<String> {
    let mut spellings = BTreeSet::new();
    for parts in parts(address) {
        for radix in 0..6 {
            let same: Vec<_> = parts.iter().map(|part| numbers(*part)[radix].clone()).collect();
            let mixed: Vec<_> =
                parts.iter().enumerate().map(|(at, part)| numbers(*part)[(radix + at) % 6].clone()).collect();
            spellings.extend([same.join("."), mixed.join(".")]);
        }
    }
    let plain = address.to_string();
    let [whole, ..] = parts(address);
    spellings.extend([
        format!("{plain}."),
        percent_encoded(&plain),
        percent_encoded(&whole[0].to_string()),
        full_width(&plain),
        full_width(&numbers(whole[0])[1]),
        plain.replace('.', "\u{3002}"),
        plain.replace('.', "\u{ff0e}"),
        plain.replace('.', "\u{ff61}"),
        plain.replace('.', "%2e"),
        plain.replace('.', "%E3%80%82"),
        // Circled digits are digits to the Unicode mapping that hosts go through.
        plain.replace('1', "\u{2460}").replace('2', "\u{2461}"),
    ]);
    spellings
}

fn ipv6_spellings(address: Ipv4Addr) -> [String; 14] {
    let [a, b, c, d] = address.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    [
        format!("[::ffff:{address}]"),
        format!("[::FFFF:{address}]"),
        format!("[::ffff:{high:x}:{low:x}]"),
        format!("[0:0:0:0:0:ffff:{high:x}:{low:x}]"),
        format!("[0000:0000:0000:0000:0000:ffff:{high:04x}:{low:04x}]"),
        format!("[0::0:ffff:{address}]"),
        format!("[::{address}]"),
        format!("[::ffff:0:{address}]"),
        format!("[64:ff9b::{address}]"),
        format!("[64:ff9b:1::{address}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:4136:e378:8000:63bf:{:x}:{:x}]", !high, !low),
        format!("%5B::ffff:{address}%5D"),
        format!("[::ffff:{address}%25eth0]"),
    ]
}

/// The host in a URL, also where there seems to be another host.
fn urls(host: &str) -> [String; 11] {
    [
        format!("https://{host}/"),
        format!("https://{host}"),
        format!("https://{host}:443/hooks?a=b"),
        format!("HTTPS://{host}/hooks"),
        format!("https:{host}/"),
        format!("https:/\\{host}/"),
        format!("https://{host}\\@receiver.example/"),
        format!("https://receiver.example@{host}/"),
        format!("https://receiver.example:443@{host}/"),
        format!("https://receiver.example%2f@{host}/"),
        format!("https://{host}?@receiver.example/"),
    ]
}

fn names_of_ones_own() -> impl Iterator<Item = String> {
    let names = [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "b.a.localhost.",
        "printer.local",
        "printer.LOCAL.",
        "metadata.google.internal",
        "metadata.google.internal.",
        "x.internal",
        "router.home.arpa",
        "a.test",
        "a.invalid",
        "a.onion",
        "a.alt",
        "intranet",
        "metadata",
        "local",
        "internal",
        "l\u{f6}calhost",
        "ⓛocalhost",
        "loc%61lhost",
        "%6c%6f%63%61%6c%68%6f%73%74",
        "ｌｏｃａｌｈｏｓｔ",
        "localhost\u{3002}",
        "printer。local",
        "a..localhost",
        ".localhost",
        "receiver.example.",
        "receiver..example",
    ];
    names.into_iter().map(str::to_owned)
}

fn all_urls() -> BTreeSet<String> {
    let addresses = FORBIDDEN.into_iter().flat_map(|address| {
        ipv4_spellings(address).into_iter().chain(ipv6_spellings(address)).collect::<Vec<_>>()
    });
    let ipv6 = [
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
    ];
    let hosts = addresses.chain(ipv6.map(str::to_owned)).chain(names_of_ones_own());
    hosts.flat_map(|host| urls(&host)).collect()
}

#[test]
fn no_spelling_of_a_forbidden_host_passes_the_check() {
    let urls = all_urls();
    assert!(urls.len() > 500, "only {} spellings", urls.len());
    for url in &urls {
        for rule in [UrlRule::Https, UrlRule::HttpsOn443] {
            let checked = check_url(url, rule, &AddressRules::new());
            assert!(checked.is_err(), "{url} became {}", checked.unwrap().to_uri());
        }
    }
}

#[test]
fn what_is_refused_says_why() {
    let refused = |url: &str| check_url(url, UrlRule::Https, &AddressRules::new()).unwrap_err();
    assert!(matches!(refused("https://0x7f.1/"), CheckUrlError::Address(_)));
    assert!(matches!(refused("https://[::ffff:10.0.0.1]/"), CheckUrlError::Address(_)));
    assert!(matches!(refused("https://printer.local/"), CheckUrlError::LocalName { .. }));
    assert!(matches!(refused("https://intranet/"), CheckUrlError::NoDot { .. }));
    assert_eq!(refused("http://receiver.example/"), CheckUrlError::Url(UrlError::Scheme));
    assert_eq!(refused("ftp://receiver.example/"), CheckUrlError::Url(UrlError::Scheme));
    assert_eq!(refused("file:///etc/passwd"), CheckUrlError::Url(UrlError::Scheme));
    assert_eq!(refused("https://u:p@receiver.example/"), CheckUrlError::Url(UrlError::UserInfo));
    assert_eq!(refused("https://receiver.example/#a"), CheckUrlError::Url(UrlError::Fragment));
    for unreadable in [
        "",
        "receiver.example",
        "https://",
        "https:///",
        "https://receiver.example:99999/",
        "https://receiver .example/",
        "https://receiver.example/\r\nx: y",
        "https://1.2.3.4.5/",
        "https://256.1.1.1/",
        "https://[::1/",
        "\thttps://receiver.example/",
    ] {
        let error = refused(unreadable);
        assert!(matches!(error, CheckUrlError::Url(UrlError::Malformed { .. })), "{unreadable:?}: {error:?}");
    }
    for host in [
        "https://*.example.com/",
        "https://receiver.example./",
        "https://receiver..example/",
        "https://.example/",
    ] {
        let error = refused(host);
        assert!(matches!(error, CheckUrlError::Url(UrlError::Host { .. })), "{host:?}: {error:?}");
    }
    let port = check_url("https://receiver.example:8443/", UrlRule::HttpsOn443, &AddressRules::new());
    assert_eq!(port, Err(CheckUrlError::Url(UrlError::Port { port: 8443 })));
}

#[test]
fn public_hosts_pass_and_come_back_normalised() {
    for (url, normalised) in [
        ("https://receiver.example/hooks?a=b", "https://receiver.example/hooks?a=b"),
        ("HTTPS://Receiver.EXAMPLE:443", "https://receiver.example/"),
        ("https://receiver.example:8443/a/../b", "https://receiver.example:8443/b"),
        ("https://m\u{fc}nchen.example/", "https://xn--mnchen-3ya.example/"),
        ("https://9.9.9.9/", "https://9.9.9.9/"),
        ("https://0x09090909/", "https://9.9.9.9/"),
        ("https://[2620:fe::fe]:8443/", "https://[2620:fe::fe]:8443/"),
        ("https://localhost.example/", "https://localhost.example/"),
        ("https://notlocal.example/", "https://notlocal.example/"),
        ("https://mylocal/", ""),
        ("https://receiver.thelocal/", "https://receiver.thelocal/"),
    ] {
        let checked = check_url(url, UrlRule::Https, &AddressRules::new());
        match checked {
            Ok(checked) => assert_eq!(checked.to_uri().to_string(), normalised, "{url}"),
            Err(error) => assert_eq!(normalised, "", "{url}: {error}"),
        }
    }
}

#[test]
fn what_is_dangerously_allowed_is_excused_from_the_rule_and_nothing_else_is() {
    let rules = AddressRules::new().dangerous_allow("127.0.0.1/32".parse().unwrap());
    let check = |url: &str| check_url(url, UrlRule::HttpsOn443, &rules);
    for passed in [
        "http://127.0.0.1:8080/",
        "https://127.0.0.1:8443/",
        "http://localhost:1/",
        "https://localhost:8443/",
        "http://receiver.example/",
        "https://receiver.example/",
    ] {
        assert!(check(passed).is_ok(), "{passed}: {:?}", check(passed));
    }
    for refused in [
        "http://127.0.0.2/",
        "http://[::1]/",
        "https://receiver.example:8443/",
        "http://9.9.9.9/",
        "https://9.9.9.9:8443/",
        "http://u@127.0.0.1/",
        "http://127.0.0.1/#a",
    ] {
        assert!(check(refused).is_err(), "{refused}");
    }
}

proptest! {
    /// The two readers of URLs agree on what was checked: what passes, passes again unchanged, and the host that is connected
    /// to is no forbidden address.
    #[test]
    fn what_passes_is_read_alike_by_both_readers(
        host in "(0[xX])?[0-9a-f]{1,10}(\\.(0[xX]?)?[0-9a-f]{1,4}){0,4}\\.?|[a-z0-9.%\\[\\]:\u{ff10}-\u{ff19}\u{3002}-]{1,24}",
        rest in "(:[0-9]{0,5})?([/?\\\\@][a-z0-9@:/.?%]{0,12})?",
    ) {
        let check = |url: &str| check_url(url, UrlRule::Https, &AddressRules::new());
        if let Ok(checked) = check(&format!("https://{host}{rest}")) {
            let uri = checked.to_uri();
            prop_assert_eq!(check(&uri.to_string()), Ok(checked));
            let host = uri.host().unwrap().trim_matches(['[', ']']);
            if let Ok(address) = host.parse() {
                prop_assert_eq!(forbidden_because(address), None);
            }
        }
    }
}

/// The attempt itself, with URLs that no check has seen: as if they came out of a store that somebody else wrote.
#[tokio::test]
async fn no_spelling_is_sent_to() {
    let inside = Server::start(|stream, requests| answer_all(stream, requests, OK)).await;
    let port = inside.port();
    let resolver = Answers::new([&["127.0.0.1"]]);
    let transport = HttpTransport::builder().with_resolver(resolver).build().unwrap();

    let mut sent = 0;
    let hosts = ipv4_spellings(FORBIDDEN[0])
        .into_iter()
        .chain(ipv6_spellings(FORBIDDEN[0]))
        .chain(names_of_ones_own());
    for host in hosts.chain(["receiver.example", "127.0.0.1.example", "0x7f.example"].map(str::to_owned)) {
        for scheme in ["https", "http"] {
            // The URL type's own reader refuses some; the others have to be stopped further on.
            let Ok(url) = EndpointUrl::dangerous_without_rule(&format!("{scheme}://{host}:{port}/")) else {
                continue;
            };
            let answer =
                gymhook_engine::Transport::send(&transport, sending(subscription_to(url), PATIENT)).await;
            assert_eq!(answer.outcome, Outcome::Failure(Fault::Forbidden), "{host}: {answer:?}");
            sent += 1;
        }
    }
    assert!(sent > 100, "only {sent} attempts");
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn the_allowed_loopback_is_sent_to() {
    let server = Server::answering(OK).await;
    let transport = crate::support::transport();
    let answer = send(&transport, &server.url(), PATIENT).await;
    assert_eq!(answer.outcome, crate::support::answered(http::StatusCode::OK));
    assert_eq!(server.connections(), 1);
}
