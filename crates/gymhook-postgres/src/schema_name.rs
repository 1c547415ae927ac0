//! `Schema`, the checked name of the schema that the tables are in, and the channel of its `NOTIFY`.

use core::fmt;
use std::borrow::Cow;

use gymhook_store::StoreError;

/// The schema, a namespace in the database, that the store's tables are in.
///
/// ```
/// use gymhook_postgres::Schema;
///
/// assert_eq!(Schema::default().as_str(), "gymhook");
/// assert!(Schema::new("webhooks_berlin").is_ok());
/// assert!(Schema::new("Robert'); DROP TABLE").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schema(String);

impl Schema {
    /// The longest name, in bytes: PostgreSQL cuts identifiers after 63, and a suffix must fit.
    pub const MAX_LENGTH: usize = 50;

    /// The schema with this name: lower-case ASCII letters, digits and underscores, no digit first, and not `pg_`, which
    /// PostgreSQL keeps for itself.
    ///
    /// # Errors
    /// [`StoreError::Invalid`]: the name is not valid.
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
