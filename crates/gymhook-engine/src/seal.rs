//! Encrypting secrets at rest with a key of your own.

use core::fmt;

/// Turns secrets into what may lie in a database, and back.
///
/// The engine brings no cipher: use the key service or the library that you trust, with authenticated encryption. `context`
/// says what is sealed (the subscription's id); bind it as associated data, so that no row can be passed off as another's.
///
/// ```
/// use gymhook_engine::{Seal, SealError};
///
/// /// Stands in for a real cipher.
/// #[derive(Debug)]
/// struct Backwards;
///
/// impl Seal for Backwards {
///     fn seal(&self, plain: &[u8], _context: &[u8]) -> Result<Vec<u8>, SealError> {
///         Ok(plain.iter().rev().copied().collect())
///     }
///     fn open(&self, sealed: &[u8], _context: &[u8]) -> Result<Vec<u8>, SealError> {
///         Ok(sealed.iter().rev().copied().collect())
///     }
/// }
/// ```
pub trait Seal: fmt::Debug + Send + Sync {
    /// Encrypts.
    ///
    /// # Errors
    /// [`SealError`]: the key is not there.
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Decrypts what [`Seal::seal`] made of something in the same context.
    ///
    /// # Errors
    /// [`SealError`]: the key is not there, it is another one, or the bytes were changed.
    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError>;
}

/// Secrets could not be sealed or opened. Caused by the configuration, or somebody changed the row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secrets cannot be sealed or opened: {problem}")]
pub struct SealError {
    /// What is wrong, without any part of a secret.
    pub problem: String,
}

/// Secrets as they are: whoever reads the database reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsealed;

impl Seal for Unsealed {
    fn seal(&self, plain: &[u8], _context: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(plain.to_vec())
    }

    fn open(&self, sealed: &[u8], _context: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(sealed.to_vec())
    }
}
