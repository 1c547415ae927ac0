//! Reading a body up to a limit.

use core::error::Error;
use core::future::poll_fn;
use core::pin::pin;

use bytes::{Buf, Bytes};
use http_body::Body;
use http_body_util::LengthLimitError;

use crate::memory::Share;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Why a body was not read to its end.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is longer than allowed. So much was read.
    TooLong { bytes: usize },
    /// It is longer than a layer outside of this one allows.
    LimitedOutside,
    /// There is no memory for it now.
    NoMemory,
    /// It ended before its end, or its framing is broken.
    Broken(BoxError),
}

/// Reads a body of at most `max` bytes. At most one more frame than that is ever asked for, and none of it is kept.
///
/// What is kept is a copy of its own size: a slice of the connection's buffer would keep all of that buffer alive.
pub(crate) async fn read<B>(body: B, max: usize, share: &mut Share) -> Result<Bytes, Unread>
where
    B: Body<Error: Into<BoxError>>,
{
    let mut body = pin!(body);
    let mut kept: Vec<u8> = Vec::new();
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|error| broken(error.into()))?;
        // Trailers are nobody's to sign.
        let Ok(mut data) = frame.into_data() else { continue };
        let length = kept.len().saturating_add(data.remaining());
        if length > max {
            return Err(Unread::TooLong { bytes: length });
        }
        if length > kept.capacity() {
            let doubled = kept.capacity().saturating_mul(2).clamp(length, max);
            // Where twice as much is not left, what is needed may be.
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

/// A limit of an outer layer shows as an error of the body.
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
