//! `Direction`: whether a subscription sends or receives.

/// Which way a subscription's notifications go.
///
/// An engine processes one direction only, that of its transport. A store may hold both, each with an engine of its own.
///
/// Exhaustive on purpose: there is no third one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Enqueued here, and sent to a receiver.
    #[default]
    Outgoing,
    /// Sent by somebody else, and handled here: what an inbox accepts.
    Incoming,
}
