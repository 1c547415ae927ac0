//! `KeyId` and `Tenant`: the id of a key, and the tenant that it belongs to.

use core::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Cloning is cheap and does not allocate.
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// An id with this text.
            #[must_use]
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(name: T) -> Self {
                Self::new(name)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($name), self.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.as_str() == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.as_str() == *other
            }
        }
    };
}

name! {
    /// The id of a key: a studio, `"2026-05"`. It appears in proofs and logs, so it must not be the secret.
    KeyId
}

name! {
    /// The owner of a key, such as a studio: several keys over time, one tenant.
    Tenant
}

/// A key's id and its tenant with one reference count, so that a proof clones both at once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Names {
    pub(crate) id: KeyId,
    tenant: Option<Tenant>,
    /// The tenant if none was set.
    own: Tenant,
}

impl Names {
    pub(crate) fn new(id: KeyId) -> Self {
        let own = Tenant(Arc::clone(&id.0));
        Self { id, tenant: None, own }
    }

    pub(crate) fn with_tenant(&self, tenant: Tenant) -> Self {
        Self { tenant: Some(tenant), ..self.clone() }
    }

    pub(crate) fn tenant(&self) -> &Tenant {
        self.tenant.as_ref().unwrap_or(&self.own)
    }

    pub(crate) fn named_tenant(&self) -> Option<&Tenant> {
        self.tenant.as_ref()
    }
}
