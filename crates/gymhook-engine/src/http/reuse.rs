//! Whether a connection broke because its server had already let it go.

use core::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;

/// How far a connection is, shared between the connection and whoever learns of its end.
///
/// A server may close a connection that is not in use at any moment, also while the next request is on its way to it. Seen
/// from here: a connection that has answered before is asked again, and ends without a single byte of an answer. The request
/// may have arrived, so it is not sent again at once; but nobody has failed.
#[derive(Clone, Debug, Default)]
pub(super) struct Reuse(Arc<AtomicU8>);

// 0: it has not answered yet.
const HAS_ANSWERED: u8 = 1;
const ASKED_AGAIN: u8 = 2;

impl Reuse {
    pub(super) fn has_answered(&self) {
        self.0.store(HAS_ANSWERED, Ordering::Relaxed);
    }

    pub(super) fn is_asked(&self) {
        // Of a new connection nothing changes: its end is its server's doing.
        let _ = self.0.compare_exchange(HAS_ANSWERED, ASKED_AGAIN, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Whether it was asked again and has not answered a byte since.
    pub(super) fn is_unanswered(&self) -> bool {
        self.0.load(Ordering::Relaxed) == ASKED_AGAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_second_request_can_go_unanswered() {
        let reuse = Reuse::default();
        reuse.is_asked();
        assert!(!reuse.is_unanswered(), "the first request of a connection");
        reuse.has_answered();
        assert!(!reuse.is_unanswered());
        reuse.is_asked();
        assert!(reuse.is_unanswered());
        reuse.has_answered();
        assert!(!reuse.is_unanswered(), "half an answer is the server's failure");
    }
}
