//! What happens at a message.

use core::fmt;

/// Which messages are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statement {
    /// Those that prepare a statement.
    Parse,
    /// Those that give it values.
    Bind,
    /// Those that run one, prepared or not.
    Run,
    /// Those that end a group of them, and commit it if it was not begun.
    Sync,
}

impl Statement {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Run, Self::Sync, Self::Parse, Self::Bind];

    /// The one that a message of this kind is; `None` if it is not counted.
    pub(super) const fn of(kind: u8) -> Option<Self> {
        match kind {
            b'P' => Some(Self::Parse),
            b'B' => Some(Self::Bind),
            b'E' | b'Q' => Some(Self::Run),
            b'S' => Some(Self::Sync),
            _ => None,
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

/// What happens at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// The connection is cut before the server hears of it.
    CutBefore,
    /// The connection is cut after the server has done it, before the answer arrives.
    CutAfter,
    /// An operator ends the session: `pg_terminate_backend`.
    Terminate,
    /// An operator or a timeout ends the statement: `pg_cancel_backend`, which is told as `statement_timeout` is.
    Cancel,
    /// Another session holds the tables up for longer than `statement_timeout`.
    HoldUp,
}

impl Blow {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::CutBefore, Self::CutAfter, Self::Terminate, Self::Cancel, Self::HoldUp];
}

/// What happens when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which messages are counted.
    pub at: Statement,
    /// Its number among them since this was armed, over all connections, from 1.
    pub nth: u64,
    /// What happens.
    pub blow: Blow,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, nth, blow } = self;
        write!(f, "{blow:?} at {at:?} {nth}")
    }
}
