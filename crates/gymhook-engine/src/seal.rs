//! Encrypting secrets at rest with your own key.

use core::fmt;

/// Encrypts secrets before they are stored, and decrypts them.
///
/// The engine has no cipher: use a key service or a library that you trust, with authenticated encryption. `context`
/// identifies what is encrypted (the subscription's id); bind it as associated data, so that rows cannot be swapped.
///
/// ```
/// use gymhook_engine::{Seal, SealError};
///
/// /// A placeholder for a real cipher.
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
    /// [`SealError`]: the key is not available.
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Decrypts what [`Seal::seal`] encrypted with the same context.
    ///
    /// # Errors
    /// [`SealError`]: the key is not available, it is another one, or the bytes were changed.
    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError>;
}

/// Secrets could not be encrypted or decrypted. Caused by the configuration, or by a changed row.
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
