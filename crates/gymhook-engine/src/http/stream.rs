//! `Stream`: a connection with TLS or without, which counts the bytes that were read.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::io::{self, IoSlice};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::tcp::Tcp;

/// What the pool keeps.
#[derive(Debug)]
pub(super) struct Stream {
    io: Io,
    progress: Progress,
}

/// Plain only to addresses that were dangerously allowed.
#[derive(Debug)]
enum Io {
    Plain(Tcp),
    Tls(Box<TlsStream<Tcp>>),
}

/// How far a connection is, shared between the connection and whoever learns of its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<State>);

#[derive(Debug, Default)]
struct State {
    bytes_read: AtomicU64,
    asked_for_certificate: AtomicBool,
}

impl Progress {
    /// What was read of answers, TLS left out.
    pub(super) fn bytes_read(&self) -> u64 {
        self.0.bytes_read.load(Ordering::Relaxed)
    }

    /// Whether the receiver asked for a client's certificate, and got none.
    pub(super) fn asked_for_certificate(&self) -> bool {
        self.0.asked_for_certificate.load(Ordering::Relaxed)
    }
}

impl Stream {
    pub(super) fn plain(stream: Tcp) -> Self {
        Self { io: Io::Plain(stream), progress: Progress::default() }
    }

    pub(super) fn tls(stream: TlsStream<Tcp>, asked_for_certificate: bool) -> Self {
        let progress = Progress::default();
        progress.0.asked_for_certificate.store(asked_for_certificate, Ordering::Relaxed);
        Self { io: Io::Tls(Box::new(stream)), progress }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// What both sides settled on during the handshake.
    pub(super) fn is_h2(&self) -> bool {
        match &self.io {
            Io::Plain(_) => false,
            Io::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }

    fn writer(&mut self) -> &mut (dyn AsyncWrite + Send + Unpin) {
        match &mut self.io {
            Io::Plain(stream) => stream,
            Io::Tls(stream) => stream,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Io::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        };
        let read = buffer.filled().len().saturating_sub(before) as u64;
        self.progress.0.bytes_read.fetch_add(read, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self.writer()).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.writer()).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.writer()).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.writer()).poll_shutdown(cx)
    }
}
