//! `Tcp`: a TCP connection that can be read after it can no longer be written to.
//!
//! A server may answer before it has read the whole request (413 is such an answer) and close. What it had not read makes its
//! system reset the connection, and the next write fails, with the answer lying here unread. So a write that fails because the
//! other side is gone counts as done, and the reading tells what has become of the request: an answer, or the connection's end.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(super) struct Tcp {
    stream: TcpStream,
    /// Nobody receives what is written from here on.
    unheard: bool,
}

impl Tcp {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self { stream, unheard: false }
    }

    /// Whether the error says that the other side is gone, which reading will tell, too.
    fn goes_unheard(&mut self, error: &io::Error) -> bool {
        self.unheard = matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::NotConnected
        );
        self.unheard
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.unheard {
            return Poll::Ready(Ok(bytes.len()));
        }
        match ready!(Pin::new(&mut self.stream).poll_write(cx, bytes)) {
            Err(error) if self.goes_unheard(&error) => Poll::Ready(Ok(bytes.len())),
            written => Poll::Ready(written),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = slices.iter().map(|slice| slice.len()).sum();
        if self.unheard {
            return Poll::Ready(Ok(all));
        }
        match ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices)) {
            Err(error) if self.goes_unheard(&error) => Poll::Ready(Ok(all)),
            written => Poll::Ready(written),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.unheard {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
