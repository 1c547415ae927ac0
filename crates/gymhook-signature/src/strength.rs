//! `Strength`: the strength of proof that a handler requires, as a type.

use crate::{AsProved, BodySigned, NotBodySigned, Verified};

/// The strength of proof that a handler requires: [`AsProved`], any proof, or [`BodySigned`].
///
/// Nothing else implements it.
///
/// ```
/// use gymhook_signature::{NotBodySigned, Strength, Verified};
///
/// /// Works for handlers of either strength.
/// fn pass_on<T, P: Strength>(verified: Verified<T>) -> Result<Verified<T, P>, NotBodySigned<T>> {
///     P::of(verified)
/// }
/// ```
pub trait Strength: sealed::Sealed + Send + Sync + Sized + 'static {
    /// The value, if its proof is strong enough.
    ///
    /// # Errors
    /// [`NotBodySigned`], with the value.
    fn of<T>(verified: Verified<T>) -> Result<Verified<T, Self>, NotBodySigned<T>>;
}

impl Strength for AsProved {
    fn of<T>(verified: Verified<T>) -> Result<Verified<T, Self>, NotBodySigned<T>> {
        Ok(verified)
    }
}

impl Strength for BodySigned {
    fn of<T>(verified: Verified<T>) -> Result<Verified<T, Self>, NotBodySigned<T>> {
        verified.into_body_signed()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::AsProved {}
    impl Sealed for crate::BodySigned {}
}
