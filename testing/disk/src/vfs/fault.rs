//! What fails, when, how, and for how long.

use core::ffi::c_int;
use core::fmt;

use rusqlite::ffi;

/// A call that SQLite makes to its file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Opening a file.
    Open,
    /// Reading from one.
    Read,
    /// Writing to one.
    Write,
    /// Cutting one.
    Truncate,
    /// Syncing one.
    Sync,
    /// Asking for its length.
    FileSize,
    /// Locking a part of it.
    Lock,
    /// Mapping the index of the write-ahead log.
    ShmMap,
    /// Locking a part of that.
    ShmLock,
    /// Removing a file.
    Delete,
}

impl Call {
    /// All of them, those that change something first.
    pub const ALL: [Self; 10] = [
        Self::Write,
        Self::Sync,
        Self::Truncate,
        Self::Open,
        Self::ShmMap,
        Self::Delete,
        Self::Read,
        Self::FileSize,
        Self::ShmLock,
        Self::Lock,
    ];

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// The code with which it fails if the device does.
    const fn io_error(self) -> c_int {
        match self {
            Self::Open => ffi::SQLITE_CANTOPEN,
            Self::Read => ffi::SQLITE_IOERR_READ,
            Self::Write => ffi::SQLITE_IOERR_WRITE,
            Self::Truncate => ffi::SQLITE_IOERR_TRUNCATE,
            Self::Sync => ffi::SQLITE_IOERR_FSYNC,
            Self::FileSize => ffi::SQLITE_IOERR_FSTAT,
            Self::Lock => ffi::SQLITE_IOERR_LOCK,
            Self::ShmMap => ffi::SQLITE_IOERR_SHMMAP,
            Self::ShmLock => ffi::SQLITE_IOERR_SHMLOCK,
            Self::Delete => ffi::SQLITE_IOERR_DELETE,
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The device fails: `SQLITE_IOERR` in the call's variety.
    Io,
    /// No room is left: `SQLITE_FULL`.
    Full,
    /// As `Io`, after the first half of what was to be written.
    ShortIo,
    /// As `Full`, after the first half of what was to be written.
    ShortFull,
    /// No memory is left: `SQLITE_NOMEM`, or `SQLITE_IOERR_NOMEM`.
    NoMemory,
}

impl Error {
    /// Those that a call can fail with.
    #[must_use]
    pub const fn of(call: Call) -> &'static [Self] {
        match call {
            Call::Write => &[Self::Io, Self::Full, Self::ShortIo, Self::ShortFull, Self::NoMemory],
            Call::Sync | Call::Truncate => &[Self::Io, Self::Full],
            Call::ShmMap | Call::Open => &[Self::Io, Self::Full, Self::NoMemory],
            Call::Read => &[Self::Io, Self::NoMemory],
            Call::FileSize | Call::Lock | Call::ShmLock | Call::Delete => &[Self::Io],
        }
    }

    pub(super) const fn code(self, call: Call) -> c_int {
        match self {
            Self::Io | Self::ShortIo => call.io_error(),
            Self::Full | Self::ShortFull => ffi::SQLITE_FULL,
            Self::NoMemory => ffi::SQLITE_IOERR_NOMEM,
        }
    }

    pub(super) const fn is_short(self) -> bool {
        matches!(self, Self::ShortIo | Self::ShortFull)
    }

    /// Whether it means that no room is left.
    #[must_use]
    pub const fn is_full(self) -> bool {
        matches!(self, Self::Full | Self::ShortFull)
    }
}

/// For how long it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// For this one call.
    Once,
    /// For every call of the kind, until the disk is healed.
    UntilHealed,
    /// For about every fourth call of the kind, until the disk is healed: as where what is small still fits.
    NowAndThen,
    /// For every call of every kind from then on, reading included: as for a process that dies there.
    ForEver,
}

/// One fault of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which kind of call fails.
    pub call: Call,
    /// Its number among them since the fault was armed, from 1.
    pub nth: u64,
    /// How it fails.
    pub error: Error,
    /// For how long.
    pub lasts: Lasts,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, nth, error, lasts } = self;
        write!(f, "{call} {nth} fails with {error:?}, {lasts:?}")
    }
}
