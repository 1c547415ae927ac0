//! The HTTP client of `send`, `replay`, `listen --forward` and `doctor`: [`HttpClient`].

use core::error::Error;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service as _;

use crate::target::Pinned;

pub(crate) type Connector = HttpsConnector<HttpConnector<Pinned>>;
type Driver = http1::Connection<MaybeHttpsStream<TokioIo<TcpStream>>, Full<Bytes>>;
type BoxError = Box<dyn Error + Send + Sync>;

/// An HTTP/1.1 client of one target. It keeps its idle connections; a clone shares them.
///
/// A connection is polled by the task whose request it carries: a task of its own would be woken twice for each request. So
/// an idle one is looked at when it is taken again, and not before.
#[derive(Clone, Debug)]
pub(crate) struct HttpClient(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connector: Connector,
    idle: Mutex<Vec<Connection>>,
}

/// A connection that carries one request at a time.
#[derive(Debug)]
struct Connection {
    requests: http1::SendRequest<Full<Bytes>>,
    /// `None` once it has ended. It is dropped then, since it holds what was not sent, which would wait in it for ever.
    driver: Option<Driver>,
}

/// Why a request has no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("no connection was made")]
    Connect(#[source] BoxError),
    #[error("no response came")]
    Response(#[source] hyper::Error),
    #[error("the response broke off")]
    Body(#[source] hyper::Error),
}

impl HttpClient {
    pub(crate) fn new(connector: Connector) -> Self {
        Self(Arc::new(Shared { connector, idle: Mutex::default() }))
    }

    /// Sends a request to the URL in it, and reads this many bytes of the response's body; the rest is not waited for.
    pub(crate) async fn request(
        &self,
        mut request: Request<Bytes>,
        max_body: usize,
    ) -> Result<Response<Bytes>, RequestError> {
        let url = make_relative(&mut request);
        let mut connection = match self.idle().await {
            Some(idle) => idle,
            None => self.connect(url).await?,
        };
        let Connection { requests, driver } = &mut connection;
        let exchange = async {
            let sent = requests.send_request(request.map(Full::new)).await;
            let (head, body) = sent.map_err(RequestError::Response)?.into_parts();
            let body = beginning(body, max_body).await.map_err(RequestError::Body)?;
            Ok(Response::from_parts(head, body))
        };
        let response = driven(driver, exchange).await?;
        // If more of the body comes than was read, it is not.
        if connection.is_ready().await {
            self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        Ok(response)
    }

    /// The connection that was used last, of those that are still open.
    async fn idle(&self) -> Option<Connection> {
        loop {
            let mut connection = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if connection.is_ready().await {
                return Some(connection);
            }
        }
    }

    async fn connect(&self, url: Uri) -> Result<Connection, RequestError> {
        let stream = self.0.connector.clone().call(url).await.map_err(RequestError::Connect)?;
        let handshake = http1::handshake(stream).await;
        let (mut requests, driver) = handshake.map_err(RequestError::Response)?;
        let mut driver = Some(driver);
        driven(&mut driver, requests.ready()).await.map_err(RequestError::Response)?;
        Ok(Connection { requests, driver })
    }
}

impl Connection {
    /// Whether it takes the next request, as far as is known now: this waits for nothing.
    async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            poll_once(&mut self.driver, context);
            let takes_one = matches!(self.requests.poll_ready(context), Poll::Ready(Ok(())));
            Poll::Ready(takes_one && self.driver.is_some())
        })
        .await
    }
}

/// Polls a connection beside the work that waits for it. When it ends, the work is told by it, errors included.
async fn driven<F: Future>(driver: &mut Option<Driver>, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        poll_once(driver, context);
        work.as_mut().poll(context)
    })
    .await
}

fn poll_once(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(context).is_ready()) {
        *driver = None;
    }
}

/// Leaves the path and the query in the request, as servers want it, and puts the host into its header. Returns the URL.
fn make_relative(request: &mut Request<Bytes>) -> Uri {
    let path = request.uri().path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let url = core::mem::replace(request.uri_mut(), Uri::from(path));
    if let Some(host) = host(&url) {
        request.headers_mut().insert(header::HOST, host);
    }
    url
}

/// The host, with the port unless it is the scheme's. A target's URL has no user name and no password.
fn host(url: &Uri) -> Option<HeaderValue> {
    let authority = url.authority()?;
    let standard = if url.scheme_str() == Some("https") { 443 } else { 80 };
    let is_standard = authority.port_u16().is_none_or(|port| port == standard);
    HeaderValue::from_str(if is_standard { authority.host() } else { authority.as_str() }).ok()
}

/// The beginning of a body.
async fn beginning(mut body: Incoming, max: usize) -> Result<Bytes, hyper::Error> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = max.saturating_sub(read.len());
            read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            if data.len() > room {
                break;
            }
        }
    }
    Ok(read.freeze())
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::target::TargetArgs;

    /// A client and the URL of a server that gives these answers, a list for each connection. It closes a connection after
    /// the last one, when it is told to.
    async fn client(answers: &'static [&'static [&'static str]]) -> (HttpClient, String, Sender<()>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/hooks?a=b", listener.local_addr().unwrap());
        let (close, closing) = channel();
        std::thread::spawn(move || {
            for answers in answers {
                let (mut stream, _) = listener.accept().unwrap();
                for answer in *answers {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\nbody") {
                        let mut byte = [0];
                        stream.read_exact(&mut byte).unwrap();
                        request.extend(byte);
                    }
                    let request = String::from_utf8(request).unwrap();
                    let host = format!("host: {}\r\n", listener.local_addr().unwrap());
                    assert!(request.starts_with("POST /hooks?a=b HTTP/1.1\r\n"), "{request}");
                    assert!(request.contains(&host), "{request}");
                    stream.write_all(answer.as_bytes()).unwrap();
                }
                closing.recv().unwrap();
            }
        });
        let arguments = TargetArgs { allow_public: false, ca_file: None };
        let target = arguments.resolve(&url).await.unwrap();
        (arguments.client(&target).unwrap(), url, close)
    }

    async fn post(client: &HttpClient, url: &str, max_body: usize) -> Result<(u16, Bytes), RequestError> {
        let request = Request::post(url).body(Bytes::from_static(b"body")).unwrap();
        let response = client.request(request, max_body).await?;
        Ok((response.status().as_u16(), response.into_body()))
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab";
    const LAST: &str = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\nconnection: close\r\n\r\ncd";

    #[tokio::test]
    async fn a_connection_is_kept_until_it_is_closed() {
        let (client, url, close) = client(&[&[OK, OK, LAST], &[OK], &[OK]]).await;
        close.send(()).unwrap();
        for expected in [(200, "ab"), (200, "ab"), (201, "cd"), (200, "ab")] {
            let (status, body) = post(&client, &url, 10).await.unwrap();
            assert_eq!((status, &body[..]), (expected.0, expected.1.as_bytes()));
        }
        assert_eq!(client.0.idle.lock().unwrap().len(), 1);
        // The server closes it without having said so in its answer.
        close.send(()).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(post(&client, &url, 10).await.unwrap().0, 200);
    }

    #[tokio::test]
    async fn a_connection_with_an_unread_rest_is_given_up() {
        const LONG: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc";
        let (client, url, close) = client(&[&[LONG], &[LONG]]).await;
        for _ in 0..2 {
            assert_eq!(post(&client, &url, 1).await.unwrap(), (200, Bytes::from_static(b"a")));
            assert!(client.0.idle.lock().unwrap().is_empty());
            close.send(()).unwrap();
        }
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_an_error_and_the_next_request_has_another_connection() {
        let answers: &'static [&'static [&'static str]] =
            &[&["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"], &["HTTP/1.1 "], &[OK]];
        let (client, url, close) = client(answers).await;
        close.send(()).unwrap();
        assert!(matches!(post(&client, &url, 10).await, Err(RequestError::Body(_))));
        close.send(()).unwrap();
        assert!(matches!(post(&client, &url, 10).await, Err(RequestError::Response(_))));
        assert_eq!(post(&client, &url, 10).await.unwrap().0, 200);
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_an_error_of_the_connection() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let arguments = TargetArgs { allow_public: false, ca_file: None };
        let client = arguments.client(&arguments.resolve(&url).await.unwrap()).unwrap();
        assert!(matches!(post(&client, &url, 10).await, Err(RequestError::Connect(_))));
    }

    #[test]
    fn the_host_has_its_port_unless_it_is_the_usual_one() {
        for (url, expected) in [
            ("http://host.example/", "host.example"),
            ("http://host.example:80/", "host.example"),
            ("https://host.example:80/", "host.example:80"),
            ("https://[::1]:8443/x", "[::1]:8443"),
            ("https://[::1]/x", "[::1]"),
        ] {
            assert_eq!(host(&url.parse().unwrap()).unwrap(), expected);
        }
    }
}
