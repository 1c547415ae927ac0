//! Every request, read by a parser that allows nothing which RFC 9110 and RFC 9112 do not ask a sender for.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gymhook::Provider;
use gymhook::send::EndpointUrl;
use gymhook_delivery::EndpointPolicy;
use gymhook_engine::{EndpointId, Subscription, Transport};
use gymhook_retry::RetryPolicy;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{BODY, OK, PATIENT, answered, builder, keyring, sending};

/// A request, taken apart.
#[derive(Debug)]
struct Read {
    target: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Read {
    fn all(&self, name: &str) -> Vec<&str> {
        let named = |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
        self.fields.iter().filter(named).map(|(_, value)| value.as_str()).collect()
    }

    fn only(&self, name: &str) -> Result<&str, String> {
        match self.all(name).as_slice() {
            [value] => Ok(value),
            values => Err(format!("{name} is there {} times", values.len())),
        }
    }
}

/// RFC 9112, sections 2 to 6.
fn parse(request: &[u8]) -> Result<Read, String> {
    let end = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("no empty line")?;
    let (head, body) = (&request[..end], &request[end + 4..]);
    // Section 2.2: a sender makes no bare CR, and lines end with CRLF.
    let head = core::str::from_utf8(head).map_err(|_| "the head is not ASCII")?;
    if !head.is_ascii() {
        return Err("the head is not ASCII".to_owned());
    }
    let mut lines = head.split("\r\n");
    let target = request_line(lines.next().unwrap_or_default())?;
    let fields = lines.map(field).collect::<Result<Vec<_>, _>>()?;
    let read = Read { target, fields, body: body.to_vec() };
    check(&read)?;
    Ok(read)
}

/// Section 3: method SP request-target SP HTTP-version; the target in origin form (section 3.2.1).
fn request_line(line: &str) -> Result<String, String> {
    let parts: Vec<&str> = line.split(' ').collect();
    let ["POST", target, "HTTP/1.1"] = parts.as_slice() else { return Err(format!("{line:?}")) };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_fine = |text: &str, more: &str| {
        let bytes = text.as_bytes();
        bytes.iter().enumerate().all(|(at, byte)| match byte {
            b'%' => bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit)),
            byte => byte.is_ascii_alphanumeric() || more.as_bytes().contains(byte),
        })
    };
    // RFC 3986, section 3.3 and 3.4.
    const PCHAR: &str = "-._~!$&'()*+,;=:@";
    if !path.starts_with('/')
        || !is_fine(path, &format!("{PCHAR}/"))
        || !is_fine(query, &format!("{PCHAR}/?"))
    {
        return Err(format!("the target {target:?}"));
    }
    Ok((*target).to_owned())
}

/// Section 5, and RFC 9110, section 5: field-name ":" OWS field-value OWS, nothing folded.
fn field(line: &str) -> Result<(String, String), String> {
    let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} has no colon"))?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(format!("the name in {line:?}"));
    }
    let value = value.trim_matches([' ', '\t']);
    let visible = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    if !value.bytes().all(visible) {
        return Err(format!("the value in {line:?}"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn check(read: &Read) -> Result<(), String> {
    // RFC 9110, section 7.2: exactly one, and the first.
    read.only("host")?;
    if !read.fields.first().is_some_and(|(name, _)| name.eq_ignore_ascii_case("host")) {
        return Err("the first field is not Host".to_owned());
    }
    // RFC 9112, section 6: a length, the right one, and no coding.
    let length = read.only("content-length")?;
    if length.is_empty()
        || !length.bytes().all(|byte| byte.is_ascii_digit())
        || length.parse() != Ok(read.body.len())
    {
        return Err(format!("content-length {length:?} for {} bytes", read.body.len()));
    }
    // Nothing else about framing, hops or a client that is a browser.
    for name in [
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "connection",
        "keep-alive",
        "cookie",
        "proxy-connection",
    ] {
        if !read.all(name).is_empty() {
            return Err(format!("{name} is there"));
        }
    }
    read.only("content-type")?;
    read.only("user-agent")?;
    Ok(())
}

#[test]
fn the_parser_refuses_what_a_sender_must_not_make() {
    let good = "POST /a?b=%20 HTTP/1.1\r\nhost: h\r\ncontent-type: a/b\r\nuser-agent: u\r\ncontent-length: 2\r\n\r\nab";
    assert_eq!(parse(good.as_bytes()).unwrap().target, "/a?b=%20");
    for (from, to) in [
        ("POST /", "post /"),
        ("POST /", "POST  /"),
        ("POST /a", "POST http://h/a"),
        ("POST /a", "POST a"),
        ("%20", "%2"),
        ("b=", "b=\""),
        ("HTTP/1.1", "HTTP/1.0"),
        ("host: h\r\n", ""),
        ("host: h\r\n", "host: h\r\nhost: h\r\n"),
        ("host: h\r\n", "host : h\r\n"),
        ("host: h\r\ncontent-type: a/b\r\n", "content-type: a/b\r\nhost: h\r\n"),
        ("user-agent: u", "user-agent: u\r\n v"),
        ("user-agent: u", "user-agent: u\nx: y"),
        ("user-agent: u", "user-agent: \u{fc}"),
        ("content-length: 2\r\n", ""),
        ("content-length: 2", "content-length: 3"),
        ("content-length: 2", "content-length: +2"),
        ("content-length: 2", "content-length: 2\r\ntransfer-encoding: chunked"),
        ("content-length: 2", "content-length: 2\r\nconnection: keep-alive"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from:?}");
        assert!(parse(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

/// What was sent, byte for byte, in requests one after another on each connection.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Vec<Vec<u8>>>>);

impl Recorded {
    /// The length is all that this reads of a request; whether it is right is for the parser to say.
    async fn listen(&self, listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let recorded = self.clone();
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {
                    if is_whole(&bytes) {
                        recorded.0.lock().unwrap().push(core::mem::take(&mut bytes));
                        stream.write_all(OK.as_bytes()).await.unwrap();
                    }
                }
            });
        }
    }

    fn last(&self) -> Vec<u8> {
        self.0.lock().unwrap().last().cloned().unwrap()
    }
}

fn is_whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let Some(end) = text.find("\r\n\r\n") else { return false };
    let length = text[..end].lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    bytes.len() >= end + 4 + length.unwrap_or(0)
}

async fn recording(address: &str) -> (Recorded, core::net::SocketAddr) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let recorded = Recorded::default();
    let listening = recorded.clone();
    tokio::spawn(async move { listening.listen(listener).await });
    (recorded, address)
}

fn subscription(platform: &str, url: &str) -> Subscription {
    let url = EndpointUrl::dangerous_without_rule(url).unwrap();
    let policy = EndpointPolicy::new(RetryPolicy::point());
    Subscription::new(EndpointId::from_u128(1), "berlin", platform, url, Arc::new(keyring()), policy)
}

#[tokio::test]
async fn every_request_is_what_the_rfcs_ask_for() {
    let (recorded, address) = recording("127.0.0.1:0").await;
    let transport = builder().build().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer abc"));
    headers.append("x-studio", HeaderValue::from_static("berlin"));
    headers.append("x-studio", HeaderValue::from_static("ham burg"));

    let names = Provider::all().map(|provider| provider.vendor().as_str().to_owned());
    for platform in names.chain(["standard-webhooks".to_owned()]) {
        for body in ["", BODY, "{}"] {
            for headers in [HeaderMap::new(), headers.clone()] {
                for path in ["", "/", "/hooks?token=a%20b&c=d/?", "/a%2Fb/~c;d=e@f:g"] {
                    let subscription = subscription(&platform, &format!("http://{address}{path}"))
                        .with_headers(headers.clone());
                    let mut sending = sending(subscription, PATIENT);
                    sending.body = Bytes::from(body);
                    let answer = transport.send(sending).await;
                    assert_eq!(answer.outcome, answered(StatusCode::OK), "{platform}: {answer:?}");

                    let bytes = recorded.last();
                    let read = parse(&bytes)
                        .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&bytes)));
                    assert_eq!(read.body, body.as_bytes());
                    assert_eq!(read.target, if path.is_empty() { "/" } else { path });
                    assert_eq!(read.only("host"), Ok(address.to_string().as_str()));
                    assert_eq!(read.all("x-studio").len(), headers.get_all("x-studio").iter().count());
                }
            }
        }
    }
}

#[tokio::test]
async fn an_ipv6_host_keeps_its_brackets() {
    let (recorded, address) = recording("[::1]:0").await;
    let transport = builder().dangerous_allow("::1/128".parse().unwrap()).build().unwrap();
    let answer = transport.send(sending(subscription("point", &format!("http://{address}/")), PATIENT)).await;
    assert_eq!(answer.outcome, answered(StatusCode::OK), "{answer:?}");
    let read = parse(&recorded.last()).unwrap();
    assert_eq!(read.only("host"), Ok(format!("[::1]:{}", address.port()).as_str()));
}
