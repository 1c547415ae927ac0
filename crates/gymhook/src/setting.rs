//! `Setting` and `Source`: a setting of a platform, and whether it is published, configured or our default.

use core::fmt;

/// The source of a setting.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Source {
    /// The user of this library set it.
    Configured,
    /// The vendor did not publish it; it is our default, and the text gives the reason.
    OurDefault(&'static str),
    /// The vendor published it on the profile's page.
    Published,
    /// The vendor published it on another page.
    PublishedOn(&'static str),
    /// The vendor published it ambiguously; the text gives the reading that is used.
    PublishedAsRead(&'static str),
    /// The page contradicts itself.
    Contradicted {
        /// The sentence that is followed.
        followed: &'static str,
        /// The sentence that is not followed.
        not_followed: &'static str,
        /// The preset that follows the other sentence.
        switch: &'static str,
    },
}

/// A value with its [`Source`]. Exhaustive on purpose: it is a pair.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Its source.
    pub source: Source,
}

impl<T> Setting<T> {
    /// A value that the vendor published.
    #[must_use]
    pub const fn published(value: T) -> Self {
        Self { value, source: Source::Published }
    }

    /// A default of ours, with the reason for it.
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
