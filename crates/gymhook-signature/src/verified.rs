//! `Verified`: a value together with its proof, and the strength of the proof in the type (`BodySigned`, `SenderOnly`,
//! `AsProved`).

use core::fmt;
use core::marker::PhantomData;

use crate::{BodyAssurance, Proof};

/// Marks a [`Verified`] value whose strength is known only at run time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AsProved {}

/// Marks a [`Verified`] value whose bytes the sender signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BodySigned {}

/// Marks a [`Verified`] value that came from the sender, with a body that only the transport protects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SenderOnly {}

/// A value whose request was verified, with the [`Proof`].
///
/// Code that moves money or ends a membership takes `Verified<T, BodySigned>`; the compiler then refuses a value for
/// which only the sender is known, such as a PerfectGym notification.
///
/// ```
/// use gymhook_signature::{BodySigned, Keyring, Secret, Verified, Verifier, vendor};
/// use time::macros::utc_datetime;
///
/// fn refund(payment: &Verified<&str, BodySigned>) -> String {
///     format!("refunding {}", payment.value())
/// }
///
/// let verifier = Verifier::new(vendor::gympoint(), Keyring::single("main", Secret::new("gympoint-secret")?)?)?;
/// let now = utc_datetime!(2026-01-01 00:00);
/// let body = r#"{"event":"payment.refunded"}"#;
/// let headers = verifier.signer().sign("", body.as_bytes(), now)?;
///
/// let verified = verifier.verified(&headers, body, now)?.into_body_signed()?;
/// assert_eq!(refund(&verified), r#"refunding {"event":"payment.refunded"}"#);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified<T, P = AsProved> {
    value: T,
    proof: Proof,
    accepted_because: Option<&'static str>,
    strength: PhantomData<P>,
}

impl<T> Verified<T> {
    pub(crate) fn new(value: T, proof: Proof) -> Self {
        Self { value, proof, accepted_because: None, strength: PhantomData }
    }

    /// Joins a value with the proof that it was verified with, where both were kept apart from this program's memory: in a
    /// queue, in a table.
    ///
    /// Nothing is verified here, and the proof counts for whatever is joined with it. Use it where the value cannot have been
    /// changed since, and where nobody else writes; an inbox of `gymhook-engine` does it for you.
    ///
    /// ```
    /// use gymhook_signature::{Keyring, Proof, ProofParts, Secret, Verified, Verifier, vendor};
    /// # use time::UtcDateTime;
    /// # let now = UtcDateTime::UNIX_EPOCH;
    ///
    /// // PerfectGym's signature does not cover the body.
    /// let keyring = Keyring::single("main", Secret::new("a secret of 128 random bits")?)?;
    /// let verifier = Verifier::new(vendor::perfectgym(), keyring)?;
    /// let headers = verifier.signer().sign("request-1", b"{}", now)?;
    /// let parts = ProofParts::from(&verifier.verify(&headers, b"{}", now)?);
    ///
    /// // Kept and read again, it proves what it proved, and no more.
    /// let verified = Verified::dangerous_from_kept("{}", Proof::dangerous_from_parts(parts));
    /// assert!(verified.into_body_signed().is_err());
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    #[must_use]
    pub fn dangerous_from_kept(value: T, proof: Proof) -> Self {
        Self::new(value, proof)
    }

    /// Sorts by what was proved of the body.
    ///
    /// # Errors
    /// [`NotBodySigned`], which contains the value as `Verified<T, SenderOnly>`, if the body was not signed.
    pub fn into_body_signed(self) -> Result<Verified<T, BodySigned>, NotBodySigned<T>> {
        match self.proof.assurance().body {
            BodyAssurance::Signed => Ok(self.marked()),
            BodyAssurance::TransportOnly => Err(NotBodySigned(Box::new(self.marked()))),
        }
    }
}

impl<T> Verified<T, SenderOnly> {
    /// Treats the value as if its body had been signed, because the caller has verified it in another way, for example by reading
    /// the record again through the platform's API.
    ///
    /// The proof does not change; `justification` appears in the audit line.
    #[must_use]
    pub fn dangerous_accept_unsigned_body(self, justification: &'static str) -> Verified<T, BodySigned> {
        Verified { accepted_because: Some(justification), ..self.marked() }
    }
}

impl<T, P> Verified<T, P> {
    /// The value.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value without its proof.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }

    /// What was proved, and for which key.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Converts the value, keeping its proof.
    pub fn map<U>(self, read: impl FnOnce(T) -> U) -> Verified<U, P> {
        let Self { value, proof, accepted_because, strength } = self;
        Verified { value: read(value), proof, accepted_because, strength }
    }

    /// Converts the value, keeping its proof; may fail.
    ///
    /// # Errors
    /// What `read` returns.
    pub fn try_map<U, E>(self, read: impl FnOnce(T) -> Result<U, E>) -> Result<Verified<U, P>, E> {
        let Self { value, proof, accepted_because, strength } = self;
        Ok(Verified { value: read(value)?, proof, accepted_because, strength })
    }

    fn marked<Q>(self) -> Verified<T, Q> {
        let Self { value, proof, accepted_because, strength: _ } = self;
        Verified { value, proof, accepted_because, strength: PhantomData }
    }
}

/// The audit line: the key, what was proved, and why an unsigned body was accepted, if it was.
impl<T, P> fmt::Display for Verified<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proof.fmt(f)?;
        match self.accepted_because {
            Some(justification) => write!(f, "; unsigned body accepted: {justification}"),
            None => Ok(()),
        }
    }
}

/// The body was not signed; the value is still here, marked [`SenderOnly`].
///
/// Exhaustive on purpose: it is a wrapper, to take the value out of.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the signature does not cover the body ({0}): treat it as a hint and read the record again from the platform"
)]
pub struct NotBodySigned<T>(pub Box<Verified<T, SenderOnly>>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, Secret, SenderAssurance};

    fn bare(sender: SenderAssurance) -> Proof {
        Proof::of_sender(&Key::new("k", Secret::new("s").unwrap()), sender)
    }

    fn verified(proof: Proof) -> Verified<u8> {
        Verified::new(7, proof)
    }

    #[test]
    fn the_type_follows_the_proof() {
        let bare = bare(SenderAssurance::Hmac);
        assert!(verified(bare.clone().with_signed_body()).into_body_signed().is_ok());
        let NotBodySigned(sender_only) = verified(bare).into_body_signed().unwrap_err();
        assert_eq!(*sender_only.value(), 7);
    }

    #[test]
    fn accepting_an_unsigned_body_does_not_change_the_proof_and_shows_in_the_audit_line() {
        let bare = bare(SenderAssurance::BearerSecret);
        let NotBodySigned(sender_only) = verified(bare.clone()).into_body_signed().unwrap_err();
        let accepted = sender_only.dangerous_accept_unsigned_body("read again through the API");
        assert_eq!(accepted.proof(), &bare);
        assert!(accepted.to_string().ends_with("; unsigned body accepted: read again through the API"));
    }
}
