//! A collector of OpenTelemetry's that keeps what it is sent, and reads OTLP's protobuf by the numbers of its published schema.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The head of a request in lower case, and its body.
pub(crate) type Request = (String, Vec<u8>);

/// It listens until the test ends.
pub(crate) struct Collector {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// A span as it was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) parent: String,
    pub(crate) state: String,
    pub(crate) kind: u64,
    pub(crate) is_error: bool,
    /// Texts as they are, numbers in decimal.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<_>>> = Arc::default();
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    while let Some(request) = next_request(stream.as_ref().unwrap()) {
                        kept.lock().unwrap().push(request);
                        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
                        stream.as_ref().unwrap().write_all(answer.as_bytes()).unwrap();
                    }
                });
            }
        });
        Self { address, requests }
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// All attributes of the resources, and all spans.
    pub(crate) fn received(&self) -> (BTreeMap<String, String>, Vec<Span>) {
        let (mut resource, mut spans) = (BTreeMap::new(), Vec::new());
        for (_, body) in self.requests() {
            // ExportTraceServiceRequest.resource_spans
            for of_resource in messages(&body, 1) {
                // ResourceSpans.resource, Resource.attributes
                let attributes =
                    messages(of_resource, 1).into_iter().flat_map(|resource| messages(resource, 1));
                resource.extend(attributes.map(attribute));
                // ResourceSpans.scope_spans, ScopeSpans.spans
                let of_scopes = messages(of_resource, 2).into_iter().flat_map(|scope| messages(scope, 2));
                spans.extend(of_scopes.map(span));
            }
        }
        (resource, spans)
    }
}

fn next_request(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn span(message: &[u8]) -> Span {
    let mut span = Span::default();
    for (number, value) in fields(message) {
        match (number, value) {
            (1, Value::Bytes(id)) => span.trace = hex(id),
            (3, Value::Bytes(state)) => span.state = text(state),
            (4, Value::Bytes(id)) => span.parent = hex(id),
            (5, Value::Bytes(name)) => span.name = text(name),
            (6, Value::Number(kind)) => span.kind = kind,
            (9, Value::Bytes(pair)) => span.attributes.extend([attribute(pair)]),
            // Status.code, of which 2 is an error.
            (15, Value::Bytes(status)) => span.is_error = fields(status).contains(&(3, Value::Number(2))),
            _ => {}
        }
    }
    span
}

/// KeyValue, whose AnyValue is a text (1), a truth (2) or a whole number (3) here.
fn attribute(pair: &[u8]) -> (String, String) {
    let key = text(messages(pair, 1)[0]);
    let value = match fields(messages(pair, 2)[0]).as_slice() {
        [(1, Value::Bytes(value))] => text(value),
        [(2 | 3, Value::Number(value))] => value.to_string(),
        other => panic!("{key}: {other:?}"),
    };
    (key, value)
}

/// A field's value on the wire.
#[derive(Debug, PartialEq)]
enum Value<'m> {
    Number(u64),
    Bytes(&'m [u8]),
}

fn messages(message: &[u8], wanted: u64) -> Vec<&[u8]> {
    let of_number = fields(message).into_iter().filter(|(number, _)| *number == wanted);
    let bytes = of_number.map(|(_, value)| match value {
        Value::Bytes(bytes) => bytes,
        Value::Number(_) => panic!("field {wanted} is a number"),
    });
    bytes.collect()
}

fn fields(mut message: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut message)),
            1 => Value::Number(u64::from_le_bytes(take(&mut message, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut message);
                Value::Bytes(take(&mut message, usize::try_from(length).unwrap()))
            }
            5 => Value::Number(u32::from_le_bytes(take(&mut message, 4).try_into().unwrap()).into()),
            other => panic!("no such wire type: {other}"),
        };
        fields.push((tag >> 3, value));
    }
    fields
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut number = 0;
    for place in 0.. {
        let byte = take(message, 1)[0];
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            break;
        }
    }
    number
}

fn take<'m>(message: &mut &'m [u8], count: usize) -> &'m [u8] {
    let (taken, rest) = message.split_at(count);
    *message = rest;
    taken
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
