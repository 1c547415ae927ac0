//! `TargetColumns`: the target of a subscription, as columns.

use core::fmt;

use crate::{Direction, StoreError};

/// What a subscription's notifications go to, as three columns of its row: `incoming`, and a URL and secrets that a handler does
/// not have.
///
/// Exhaustive on purpose: a store writes every kind of target.
///
/// ```
/// use gymhook_store::TargetColumns;
///
/// let handler = TargetColumns::from_columns(true, None, None)?;
/// assert_eq!(handler, TargetColumns::Handler);
/// assert!(TargetColumns::from_columns(false, None, Some(Vec::new())).is_err()); // sent to nowhere
/// # Ok::<(), gymhook_store::StoreError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum TargetColumns {
    /// An HTTP endpoint.
    Http {
        /// Where most types go.
        url: String,
        /// Its secrets, encrypted if the engine has a cipher for that.
        secrets: Vec<u8>,
    },
    /// A handler of a process that has this store open.
    Handler,
}

impl TargetColumns {
    /// The target that was written.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]: the columns contradict each other.
    pub fn from_columns(
        incoming: bool,
        url: Option<String>,
        secrets: Option<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        match (incoming, url, secrets) {
            (false, Some(url), Some(secrets)) => Ok(Self::Http { url, secrets }),
            (true, None, None) => Ok(Self::Handler),
            _ => {
                let problem =
                    "a subscription's target: a URL and secrets, or a handler with neither".to_owned();
                Err(StoreError::Damaged { problem })
            }
        }
    }

    /// Which way the notifications go: the column `incoming`.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        match self {
            Self::Http { .. } => Direction::Outgoing,
            Self::Handler => Direction::Incoming,
        }
    }

    /// The URL, if it has one.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Http { url, .. } => Some(url),
            Self::Handler => None,
        }
    }

    /// The secrets, if it has any.
    #[must_use]
    pub fn secrets(&self) -> Option<&[u8]> {
        match self {
            Self::Http { secrets, .. } => Some(secrets),
            Self::Handler => None,
        }
    }
}

/// `Debug` shows neither the URL, whose query may be a secret, nor the secrets.
impl fmt::Debug for TargetColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http { .. } => "Http",
            Self::Handler => "Handler",
        })
    }
}
