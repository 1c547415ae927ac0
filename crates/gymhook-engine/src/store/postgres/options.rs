//! What a PostgreSQL store can be told.

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;

use crate::store::StoreError;

/// The schema, a namespace in the database, that the store's tables are in.
///
/// ```
/// use gymhook_engine::store::postgres::Schema;
///
/// assert_eq!(Schema::default().as_str(), "gymhook");
/// assert!(Schema::new("webhooks_berlin").is_ok());
/// assert!(Schema::new("Robert'); DROP TABLE").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schema(String);

impl Schema {
    /// How many bytes a name may have: PostgreSQL cuts identifiers after 63, and a suffix has to fit in.
    pub const MAX_LENGTH: usize = 50;

    /// The schema with this name: lower-case ASCII letters, digits and underscores, no digit first, and not `pg_`, which
    /// PostgreSQL keeps for itself.
    ///
    /// # Errors
    /// [`StoreError::Invalid`]: the name is none.
    pub fn new(name: impl Into<String>) -> Result<Self, StoreError> {
        let name = name.into();
        let is_letter = |byte: &u8| matches!(byte, b'a'..=b'z' | b'_');
        let fits = name.len() <= Self::MAX_LENGTH
            && name.as_bytes().first().is_some_and(is_letter)
            && name.bytes().all(|byte| is_letter(&byte) || byte.is_ascii_digit())
            && !name.starts_with("pg_");
        if !fits {
            let problem = format!(
                "a schema's name is 1 to {} lower-case letters, digits and underscores: {name:?} is not",
                Self::MAX_LENGTH
            );
            return Err(StoreError::Invalid { problem });
        }
        Ok(Self(name))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The channel on which endpoints with new work are named.
    pub(super) fn channel(&self) -> String {
        format!("{}_work", self.0)
    }

    /// SQL that says `gymhook.` before each table, for this schema.
    pub(super) fn render<'s>(&self, sql: &'s str) -> Cow<'s, str> {
        if self.0 == "gymhook" {
            sql.into()
        } else {
            sql.replace("gymhook.", &format!("\"{}\".", self.0)).into()
        }
    }
}

impl Default for Schema {
    /// `gymhook`.
    fn default() -> Self {
        Self("gymhook".to_owned())
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a store uses its database.
///
/// ```
/// use core::time::Duration;
/// use gymhook_engine::store::postgres::PostgresOptions;
///
/// let options = PostgresOptions::new().with_connections(16).with_call_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    pub(super) schema: Schema,
    pub(super) connections: usize,
    pub(super) call_timeout: Duration,
}

impl PostgresOptions {
    /// At most so many connections by default, beside the one that listens: our default.
    pub const CONNECTIONS: usize = 8;

    /// A call may take so long by default: 30 s (our default).
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);

    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self { schema: Schema::default(), connections: Self::CONNECTIONS, call_timeout: Self::CALL_TIMEOUT }
    }

    /// In another schema than `gymhook`: several stores can share a database.
    #[must_use]
    pub fn with_schema(self, schema: Schema) -> Self {
        Self { schema, ..self }
    }

    /// At most so many connections, at least one. One more listens for work, in a process that works.
    #[must_use]
    pub fn with_connections(self, connections: usize) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// How long a call may take, the wait for a connection included, before it is
    /// [`Unavailable`](StoreError::Unavailable); at least a millisecond. The server is told to give up as well, so that
    /// nothing that was given up here takes effect much later there.
    #[must_use]
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout: call_timeout.max(Duration::from_millis(1)), ..self }
    }
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}
