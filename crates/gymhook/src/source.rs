//! Where a setting is known from.

use core::fmt;

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// The user of this library set it.
    Configured,
    /// The vendor did not publish it; it is our default, and the text says what it rests on.
    OurDefault(&'static str),
    /// The vendor published it on the profile's page.
    Published,
    /// The vendor published it on another page.
    PublishedOn(&'static str),
    /// The vendor published it in words that can be read in more than one way; the text says how they are read.
    PublishedAsRead(&'static str),
    /// The page says two things that exclude each other.
    Contradicted {
        /// The sentence that is followed.
        followed: &'static str,
        /// The sentence that is not.
        not_followed: &'static str,
        /// What follows the other one.
        switch: &'static str,
    },
}

/// A value with its [`Source`]. Exhaustive on purpose: it is that pair.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it is known from.
    pub source: Source,
}

impl<T> Setting<T> {
    /// A value that the vendor published.
    #[must_use]
    pub const fn published(value: T) -> Self {
        Self { value, source: Source::Published }
    }

    /// A default of ours, with what it rests on.
    #[must_use]
    pub const fn our_default(value: T, because: &'static str) -> Self {
        Self { value, source: Source::OurDefault(because) }
    }

    /// A value that the user set.
    #[must_use]
    pub const fn configured(value: T) -> Self {
        Self { value, source: Source::Configured }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("configured"),
            Self::OurDefault(because) => write!(f, "our default: {because}"),
            Self::Published => f.write_str("published"),
            Self::PublishedOn(page) => write!(f, "published on {page}"),
            Self::PublishedAsRead(reading) => write!(f, "published, read as: {reading}"),
            Self::Contradicted { followed, not_followed, switch } => write!(
                f,
                "published: \"{followed}\"; the same page also says \"{not_followed}\", which {switch} follows"
            ),
        }
    }
}
