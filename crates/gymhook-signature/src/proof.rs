//! `Proof` and `Assurance`: what a valid signature proves, component by component.

use core::cmp::Ordering;
use core::fmt;
use std::sync::Arc;

use crate::name::Names;
use crate::{Key, KeyId, RequestId, SignedTime, Tenant};

/// How the sender was recognised. More is stronger.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum SenderAssurance {
    /// The sender sent the secret itself: anybody who has seen one request can send any other.
    BearerSecret,
    /// The sender sent a plain digest over the secret, which can be guessed offline if the secret is weak.
    KeyedDigest,
    /// The sender sent an HMAC.
    Hmac,
}

/// Whether the body is what the sender wrote. More is stronger.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum BodyAssurance {
    /// The body is not covered; only the transport (TLS) protects it.
    TransportOnly,
    /// The body was signed.
    Signed,
}

/// Whether the request is recent. More is stronger.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum TimeAssurance {
    /// No time was proved: there is none, or it was not checked. A captured request can be replayed forever.
    None,
    /// The time was signed and is within the tolerance.
    Signed,
}

/// Whether the request's id belongs to it. More is stronger.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum IdAssurance {
    /// No id was proved.
    None,
    /// The id was signed.
    Bound,
}

/// What is proved, as four independent components.
///
/// Assurances form a lattice, not a ladder: PerfectGym proves an id and no body, GymPoint a body and no id, and neither is
/// "more". The partial order compares component by component.
///
/// ```
/// use gymhook_signature::{Assurance, vendor};
///
/// let (perfectgym, gympoint, point) = (vendor::perfectgym(), vendor::gympoint(), vendor::point());
/// use gymhook_signature::SignatureScheme as _;
/// assert_eq!(perfectgym.assurance().partial_cmp(&gympoint.assurance()), None);
/// assert!(point.assurance() > gympoint.assurance());
/// assert_eq!(point.assurance().to_string(), "sender by HMAC, body signed, time signed, id not proved");
/// ```
///
/// Exhaustive on purpose: a scheme must state every component, and code that stores a proof must store every one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Assurance {
    /// How the sender was recognised.
    pub sender: SenderAssurance,
    /// Whether the body was signed.
    pub body: BodyAssurance,
    /// Whether a time was signed and checked.
    pub time: TimeAssurance,
    /// Whether an id was signed.
    pub id: IdAssurance,
}

impl Assurance {
    /// Only the sender.
    #[must_use]
    pub const fn sender(sender: SenderAssurance) -> Self {
        Self { sender, body: BodyAssurance::TransportOnly, time: TimeAssurance::None, id: IdAssurance::None }
    }

    /// The names of the components that are proved, out of `sender`, `body`, `time` and `id`, in this order.
    pub fn proved(&self) -> impl Iterator<Item = &'static str> + use<> {
        let body = (self.body == BodyAssurance::Signed).then_some("body");
        let time = (self.time == TimeAssurance::Signed).then_some("time");
        let id = (self.id == IdAssurance::Bound).then_some("id");
        [Some("sender"), body, time, id].into_iter().flatten()
    }
}

impl PartialOrd for Assurance {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let components = [
            self.sender.cmp(&other.sender),
            self.body.cmp(&other.body),
            self.time.cmp(&other.time),
            self.id.cmp(&other.id),
        ];
        match (components.contains(&Ordering::Less), components.contains(&Ordering::Greater)) {
            (false, false) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (true, true) => None,
        }
    }
}

impl fmt::Display for Assurance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.sender {
            SenderAssurance::BearerSecret => "sender by shared key",
            SenderAssurance::KeyedDigest => "sender by keyed digest",
            SenderAssurance::Hmac => "sender by HMAC",
        })?;
        f.write_str(match self.body {
            BodyAssurance::TransportOnly => ", body not proved",
            BodyAssurance::Signed => ", body signed",
        })?;
        f.write_str(match self.time {
            TimeAssurance::None => ", time not proved",
            TimeAssurance::Signed => ", time signed",
        })?;
        f.write_str(match self.id {
            IdAssurance::None => ", id not proved",
            IdAssurance::Bound => ", id signed",
        })
    }
}

/// The result of a successful verification: which key matched, and what was proved.
///
/// `Display` is one line for an audit log; it contains no secret and no signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    key: Arc<Names>,
    assurance: Assurance,
    signed_at: Option<SignedTime>,
    id: Option<RequestId>,
}

impl Proof {
    /// A proof for your own scheme: this key identified the sender, and nothing else is claimed yet.
    #[must_use]
    pub fn of_sender(key: &Key, sender: SenderAssurance) -> Self {
        Self { key: Arc::clone(key.names()), assurance: Assurance::sender(sender), signed_at: None, id: None }
    }

    /// Claims that the whole body was signed.
    #[must_use]
    pub fn with_signed_body(mut self) -> Self {
        self.assurance.body = BodyAssurance::Signed;
        self
    }

    /// Claims that this time was signed and, if `judged`, that it is within the tolerance.
    #[must_use]
    pub fn with_signed_time(mut self, time: SignedTime, judged: bool) -> Self {
        self.assurance.time = if judged { TimeAssurance::Signed } else { TimeAssurance::None };
        self.signed_at = Some(time);
        self
    }

    /// Claims that this id was signed.
    #[must_use]
    pub fn with_bound_id(mut self, id: RequestId) -> Self {
        self.assurance.id = IdAssurance::Bound;
        self.id = Some(id);
        self
    }

    /// The key that matched: the studio, or the generation of the secret.
    #[must_use]
    pub fn key(&self) -> &KeyId {
        &self.key.id
    }

    /// Whose key it is: the tenant set by [`Key::with_tenant`], otherwise the key's id.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        self.key.tenant()
    }

    /// The tenant set by [`Key::with_tenant`], if there is one.
    #[must_use]
    pub fn named_tenant(&self) -> Option<&Tenant> {
        self.key.named_tenant()
    }

    /// What was proved.
    #[must_use]
    pub fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// The sender's signing time, if it was signed; [`Assurance::time`] says whether it was checked.
    #[must_use]
    pub fn signed_at(&self) -> Option<SignedTime> {
        self.signed_at
    }

    /// The signed id of the request, equal in every repeat: the key to recognise duplicates by.
    #[must_use]
    pub fn id(&self) -> Option<&RequestId> {
        self.id.as_ref()
    }
}

/// A [`Proof`] in its parts: what is written down where a verified value is kept, and read again with it.
///
/// Exhaustive on purpose: whoever keeps a proof keeps every part of it.
///
/// ```
/// use gymhook_signature::{Key, Proof, ProofParts, Secret, SenderAssurance};
///
/// let key = Key::new("2026-05", Secret::new("a secret")?).with_tenant("berlin");
/// let proof = Proof::of_sender(&key, SenderAssurance::Hmac).with_signed_body();
/// let parts = ProofParts::from(&proof);
/// assert_eq!(parts.tenant.as_ref().map(|tenant| tenant.as_str()), Some("berlin"));
/// assert_eq!(Proof::dangerous_from_parts(parts), proof);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProofParts {
    /// [`Proof::key`].
    pub key: KeyId,
    /// [`Proof::named_tenant`].
    pub tenant: Option<Tenant>,
    /// [`Proof::assurance`].
    pub assurance: Assurance,
    /// [`Proof::signed_at`].
    pub signed_at: Option<SignedTime>,
    /// [`Proof::id`].
    pub id: Option<RequestId>,
}

impl From<&Proof> for ProofParts {
    fn from(proof: &Proof) -> Self {
        Self {
            key: proof.key().clone(),
            tenant: proof.named_tenant().cloned(),
            assurance: proof.assurance,
            signed_at: proof.signed_at,
            id: proof.id,
        }
    }
}

impl Proof {
    /// The proof with these parts.
    ///
    /// Nothing is verified here: use it for parts that were taken from a proof and kept where nobody else writes.
    #[must_use]
    pub fn dangerous_from_parts(parts: ProofParts) -> Self {
        let ProofParts { key, tenant, assurance, signed_at, id } = parts;
        let names = Names::new(key);
        let names = tenant.map(|tenant| names.with_tenant(tenant)).unwrap_or(names);
        Self { key: Arc::new(names), assurance, signed_at, id }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?}", self.key.id.as_str())?;
        if let Some(tenant) = self.named_tenant() {
            write!(f, " of {:?}", tenant.as_str())?;
        }
        write!(f, ": {}", self.assurance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn all() -> Vec<Assurance> {
        let mut all = Vec::new();
        for sender in [SenderAssurance::BearerSecret, SenderAssurance::KeyedDigest, SenderAssurance::Hmac] {
            for body in [BodyAssurance::TransportOnly, BodyAssurance::Signed] {
                for time in [TimeAssurance::None, TimeAssurance::Signed] {
                    for id in [IdAssurance::None, IdAssurance::Bound] {
                        all.push(Assurance { sender, body, time, id });
                    }
                }
            }
        }
        all
    }

    #[test]
    fn the_order_is_that_of_a_lattice() {
        for a in all() {
            assert_eq!(a.partial_cmp(&a), Some(Ordering::Equal));
            for b in all() {
                assert_eq!(a.partial_cmp(&b), b.partial_cmp(&a).map(Ordering::reverse));
                let each_at_least =
                    a.sender >= b.sender && a.body >= b.body && a.time >= b.time && a.id >= b.id;
                assert_eq!(a >= b, each_at_least, "{a} against {b}");
            }
        }
    }

    #[test]
    fn names_what_is_proved_and_only_that() {
        let key = Key::new("k", Secret::new("s").unwrap());
        let proof = Proof::of_sender(&key, SenderAssurance::Hmac);
        assert_eq!(proof.assurance().proved().collect::<Vec<_>>(), ["sender"]);
        let time = SignedTime::from_unix_millis(0);
        let unjudged = proof.clone().with_signed_body().with_signed_time(time, false);
        assert_eq!(unjudged.assurance().proved().collect::<Vec<_>>(), ["sender", "body"]);
        assert_eq!(unjudged.signed_at(), Some(time));
        let judged = proof.with_signed_time(time, true);
        assert_eq!(judged.assurance().proved().collect::<Vec<_>>(), ["sender", "time"]);
    }

    #[test]
    fn a_proof_is_put_together_again_from_its_parts() {
        let key = || Key::new("2026-05", Secret::new("s").unwrap());
        let (time, id) = (SignedTime::from_unix_millis(7), RequestId::new(b"r-1", b'.').unwrap());
        for key in [key(), key().with_tenant("berlin")] {
            let bare = Proof::of_sender(&key, SenderAssurance::KeyedDigest);
            let full = bare.clone().with_signed_body().with_signed_time(time, true).with_bound_id(id);
            for proof in [bare, full] {
                assert_eq!(Proof::dangerous_from_parts(ProofParts::from(&proof)), proof);
            }
        }
    }

    #[test]
    fn names_the_tenant_in_the_audit_line_if_it_was_named() {
        let key = || Key::new("berlin", Secret::new("s").unwrap());
        let proof = |key: &Key| Proof::of_sender(key, SenderAssurance::BearerSecret);
        let unnamed = proof(&key());
        assert_eq!((unnamed.tenant().as_str(), unnamed.named_tenant()), ("berlin", None));
        assert!(unnamed.to_string().starts_with(r#"key "berlin": sender by shared key"#), "{unnamed}");
        let named = proof(&key().with_tenant("chain"));
        assert_eq!((named.key().as_str(), named.tenant().as_str()), ("berlin", "chain"));
        assert!(named.to_string().starts_with(r#"key "berlin" of "chain": sender by shared key"#), "{named}");
    }
}
