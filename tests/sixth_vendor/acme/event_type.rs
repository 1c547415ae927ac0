//! The one event type of Acme.

use crate::Kind;
use crate::open_names::open_names;

open_names! {
    /// What happened, in Acme's words.
    pub enum EventType {
        /// A turnstile let somebody in.
        TurnstilePassed = "turnstile.passed",
    }
}

impl EventType {
    /// What the type means across vendors.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::TurnstilePassed => Kind::CheckIn,
            Self::Other(_) => Kind::Other,
        }
    }
}
