//! `Gate`: the time from which an attempt may begin, if there is one.

use crate::timestamp::Timestamp;

/// Whether an attempt may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// From this time on; a past one means now.
    From(Timestamp),
    /// Not before something else happens.
    Shut,
}
