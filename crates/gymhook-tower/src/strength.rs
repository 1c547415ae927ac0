//! The strength of proof that a handler requires.

use gymhook::signature::{AsProved, BodySigned, NotBodySigned, Verified};

use crate::Refusal;

/// The strength of proof that a handler requires: [`AsProved`], any proof, or [`BodySigned`].
///
/// Nothing else implements it.
pub trait Strength: sealed::Sealed + Send + Sync + Sized + 'static {
    /// The value, if its proof is strong enough.
    ///
    /// # Errors
    /// [`Refusal::BodyNotSigned`].
    fn of<T>(verified: Verified<T>) -> Result<Verified<T, Self>, Refusal>;
}

impl Strength for AsProved {
    fn of<T>(verified: Verified<T>) -> Result<Verified<T, Self>, Refusal> {
        Ok(verified)
    }
}

impl Strength for BodySigned {
    fn of<T>(verified: Verified<T>) -> Result<Verified<T, Self>, Refusal> {
        verified.into_body_signed().map_err(|NotBodySigned(sender_only)| Refusal::BodyNotSigned {
            proof: Box::new(sender_only.proof().clone()),
        })
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for gymhook::signature::AsProved {}
    impl Sealed for gymhook::signature::BodySigned {}
}
