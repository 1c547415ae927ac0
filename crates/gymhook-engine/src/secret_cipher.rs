//! Encrypting secrets at rest with a key of your own.

use core::fmt;

/// Turns secrets into what may lie in a database, and back.
///
/// The engine brings no cipher: use the key service or the library that you trust, with authenticated encryption. `context`
/// says whose secrets they are (the subscription's id); bind it as associated data, so that no row can be passed off as another's.
///
/// ```
/// use gymhook_engine::{SecretCipher, SecretCipherError};
///
/// /// Stands in for a real cipher.
/// #[derive(Debug)]
/// struct Backwards;
///
/// impl SecretCipher for Backwards {
///     fn encrypt(&self, plain: &[u8], _context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
///         Ok(plain.iter().rev().copied().collect())
///     }
///     fn decrypt(&self, encrypted: &[u8], _context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
///         Ok(encrypted.iter().rev().copied().collect())
///     }
/// }
/// ```
pub trait SecretCipher: fmt::Debug + Send + Sync {
    /// Encrypts.
    ///
    /// # Errors
    /// [`SecretCipherError`]: the key is not there.
    fn encrypt(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError>;

    /// Decrypts what [`SecretCipher::encrypt`] made of something in the same context.
    ///
    /// # Errors
    /// [`SecretCipherError`]: the key is not there, it is another one, or the bytes were changed.
    fn decrypt(&self, encrypted: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError>;
}

/// Secrets could not be encrypted or decrypted. Caused by the configuration, or somebody changed the row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secrets cannot be encrypted or decrypted: {problem}")]
pub struct SecretCipherError {
    /// What is wrong, without any part of a secret.
    pub problem: String,
}

/// Secrets as they are: whoever reads the database reads them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainText;

impl SecretCipher for PlainText {
    fn encrypt(&self, plain: &[u8], _context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        Ok(plain.to_vec())
    }

    fn decrypt(&self, encrypted: &[u8], _context: &[u8]) -> Result<Vec<u8>, SecretCipherError> {
        Ok(encrypted.to_vec())
    }
}
