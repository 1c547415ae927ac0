//! `SecretCipher`: encrypts secrets at rest with your own key; `PlainText` does not.

use core::fmt;

/// Encrypts secrets before they are stored, and decrypts them.
///
/// The engine has no cipher: use a key service or a library that you trust, with authenticated encryption. `context` says whose
/// secrets they are (the subscription's id); bind it as associated data, so that rows cannot be swapped.
///
/// ```
/// use gymhook_engine::{SecretCipher, SecretCipherError};
///
/// /// A placeholder for a real cipher.
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
    /// [`SecretCipherError`]: the key is not available.
    fn encrypt(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError>;

    /// Decrypts what [`SecretCipher::encrypt`] encrypted with the same context.
    ///
    /// # Errors
    /// [`SecretCipherError`]: the key is not available, it is another one, or the bytes were changed.
    fn decrypt(&self, encrypted: &[u8], context: &[u8]) -> Result<Vec<u8>, SecretCipherError>;
}

/// Secrets could not be encrypted or decrypted. Caused by the configuration, or by a changed row.
///
/// Exhaustive on purpose: every cipher makes one.
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
