//! `read`: reads a body up to a limit; `Unread`, why it was not read.

use core::error::Error;
use core::future::poll_fn;
use core::pin::pin;

use bytes::{Buf, Bytes};
use http_body::Body;
use http_body_util::LengthLimitError;

use crate::body_memory::Share;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Why a body was not read to its end.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is longer than allowed; the number of bytes that were read.
    TooLong { bytes: usize },
    /// It is longer than an outer layer allows.
    LimitedOutside,
    /// There is no memory for it now.
    NoMemory,
    /// It ended early, or its framing is broken.
    Broken(BoxError),
}

/// Reads a body of at most `max` bytes. It reads at most one more frame than that, and keeps none of it.
///
/// The result is a copy of the right size: a slice of the connection's buffer would keep the whole buffer alive.
pub(crate) async fn read<B>(body: B, max: usize, share: &mut Share) -> Result<Bytes, Unread>
where
    B: Body<Error: Into<BoxError>>,
{
    let mut body = pin!(body);
    let mut kept: Vec<u8> = Vec::new();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|error| broken(error.into()))?;
        // Trailers are never signed.
        let Ok(mut data) = frame.into_data() else { continue };
        let length = kept.len().saturating_add(data.remaining());
        if length > max {
            return Err(Unread::TooLong { bytes: length });
        }
        if length > kept.capacity() {
            let doubled = kept.capacity().saturating_mul(2).clamp(length, max);
            // If there is no room for twice as much, there may be for what is needed.
            let Some(capacity) = [doubled, length].into_iter().find(|capacity| share.grow_to(*capacity))
            else {
                return Err(Unread::NoMemory);
            };
            kept.reserve_exact(capacity.saturating_sub(kept.len()));
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            kept.extend_from_slice(chunk);
            let read = chunk.len();
            data.advance(read);
        }
    }
    Ok(Bytes::from(kept))
}

/// The limit of an outer layer appears as an error of the body.
fn broken(error: BoxError) -> Unread {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return Unread::LimitedOutside;
        }
        cause = error.source();
    }
    Unread::Broken(error)
}
